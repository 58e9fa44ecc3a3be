import { expect, test } from 'vitest'
import { ReadTurns } from '../../../../src/stores/redis/shards/read-turns.js'
import { UNKNOWN_BYTES, ValueSizes } from '../../../../src/stores/redis/shards/value-sizes.js'

const LARGE = 300_000

test('A large value is known until it is read again and is small', () => {
  const sizes = new ValueSizes()
  expect(sizes.isEmpty).toBe(true)
  sizes.note('a', LARGE)
  expect(sizes).toMatchObject({ isEmpty: false })
  expect([sizes.largeOf('a'), sizes.largeOf('b')]).toEqual([LARGE, undefined])
  sizes.note('a', 100)
  expect(sizes.isEmpty).toBe(true)
})

test('What is not known is expected to be as its group is on average, which rises faster than it falls', () => {
  const sizes = new ValueSizes()
  expect(sizes.expect('many::1')).toBe(UNKNOWN_BYTES)
  sizes.noteAll(['many::1', 'few::1', 'large::1'], [Buffer.alloc(1000), null, Buffer.alloc(LARGE)])
  expect(['many::2', 'few::2', 'large::2', 'large::1'].map((key) => sizes.expect(key))).toEqual([1000, 0, LARGE, LARGE])
  sizes.noteAll(['many::3'], [Buffer.alloc(11_000)])
  expect(sizes.expect('many::4')).toBeCloseTo(3000)
  sizes.noteAll(['many::3'], [Buffer.alloc(0)])
  expect(sizes.expect('many::4')).toBeCloseTo(2940)
})

test('Only so many are remembered, the last ones', () => {
  const sizes = new ValueSizes()
  for (let i = 0; i < 2001; i++) sizes.note(`${i}`, LARGE)
  expect([sizes.largeOf('0'), sizes.largeOf('1')]).toEqual([undefined, LARGE])
  for (let i = 0; i < 1001; i++) sizes.noteAll([`group${i}::1`], [Buffer.alloc(5)])
  expect([sizes.expect('group0::1'), sizes.expect('group1::1')]).toEqual([UNKNOWN_BYTES, 5])
})

test('Many keys are divided into commands of 256 KiB and 500 keys, by what is known when it is the turn of each', () => {
  const sizes = new ValueSizes()
  const items = Array.from({ length: 1000 }, (_, i) => ({ key: `many::${i}` }))
  sizes.note('many::32', LARGE)
  const turns = new ReadTurns(items, sizes)
  expect(turns.next()).toEqual({ items: items.slice(0, 32), bytes: 2 ** 18 })
  expect(turns.next()).toEqual({ items: [items[32]], bytes: LARGE })
  sizes.noteAll(['many::0'], [Buffer.alloc(1024)])
  expect(turns.next()?.items).toEqual(items.slice(33, 33 + 256))
  for (let i = 0; i < 500; i++) sizes.noteAll(['many::0'], [null])
  expect(turns.next()?.items).toEqual(items.slice(289, 789))
  expect(turns.next()?.items).toEqual(items.slice(789))
  expect(turns.next()).toBeUndefined()
})
