import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { MemoryStore } from '../../../src/stores/memory/memory-store.js'
import type { Write } from '../../../src/contract/store.js'
import { describeComputations } from '../computation-contract.js'
import { describeStatistics } from '../statistics-contract.js'
import { describeStore } from '../store-contract.js'
import { readBytes } from '../../support/read-bytes.js'

describeStore('The embedded store', () => new MemoryStore({ maxEntries: 100_000, maxBytes: 2 ** 26 }))
describeStatistics('The embedded store', () => new MemoryStore({ maxEntries: 100_000, maxBytes: 2 ** 26 }))
describeComputations('The embedded store', () => new MemoryStore({ maxEntries: 100_000, maxBytes: 2 ** 26 }))

const entry = (key: string, bytes = 1): Write => ({ key, bytes: Buffer.alloc(bytes), expiresAt: Infinity, tags: [] })

async function keysOf(store: MemoryStore): Promise<string[]> {
  return (await store.list(undefined, undefined, 1000)).keys
}

describe('The bounds of the embedded store', () => {
  test('drop the entry that was read least recently, from the index too', async () => {
    const store = new MemoryStore({ maxEntries: 2, maxBytes: 1000 })
    await store.write([entry('a'), entry('b')])
    await readBytes(store, 'a')
    await store.write([entry('c')])
    expect(await keysOf(store)).toEqual(['a', 'c'])
    expect(await readBytes(store, 'b')).toBeUndefined()
    expect(await store.count(undefined)).toBe(2)
  })

  test('do not let an entry live longer for having been looked at', async () => {
    const store = new MemoryStore({ maxEntries: 2, maxBytes: 1000 })
    await store.write([entry('a'), entry('b')])
    await store.peek('a')
    await store.write([entry('c')])
    expect(await keysOf(store)).toEqual(['b', 'c'])
  })

  test('count the bytes of entries and keys', async () => {
    const store = new MemoryStore({ maxEntries: 1000, maxBytes: 1000 })
    await store.write(Array.from({ length: 100 }, (_, i) => entry(`key ${i}`, 90)))
    const keys = await keysOf(store)
    expect(keys.length).toBeGreaterThan(5)
    expect(keys.length).toBeLessThan(11)
    expect(keys).toContain('key 99')
  })

  test('refuse an entry that is larger than all of it, and drop the one that was there', async () => {
    const store = new MemoryStore({ maxEntries: 10, maxBytes: 1000 })
    await store.write([entry('a'), entry('b')])
    expect(await store.write([entry('a', 1001), entry('c')])).toEqual([false, true])
    expect(await keysOf(store)).toEqual(['b', 'c'])
    expect(await readBytes(store, 'a')).toBeUndefined()
  })
})

test('The embedded store drops an entry when it expires, however long writing it took', async () => {
  let nowMs = 1000
  let tickMs = 0
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => (nowMs += tickMs))
  onTestFinished(() => clock.mockRestore())
  const store = new MemoryStore({ maxEntries: 10, maxBytes: 1000 })
  const expiresAt = store.now() + 1000
  tickMs = 50
  expect(await store.write([{ ...entry('a'), expiresAt }])).toEqual([true])
  tickMs = 0
  nowMs = 1999
  expect(await keysOf(store)).toEqual(['a'])
  nowMs = 2001
  expect(await keysOf(store)).toEqual([])
  expect(await readBytes(store, 'a')).toBeUndefined()
})

test('The embedded store drops an entry that was written when the clock stood at its beginning', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 0 })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const store = new MemoryStore({ maxEntries: 10, maxBytes: 1000 })
  await store.write([{ ...entry('a'), expiresAt: 1000 }])
  vi.setSystemTime(999)
  expect(await readBytes(store, 'a')).toBeDefined()
  vi.setSystemTime(1001)
  expect(await readBytes(store, 'a')).toBeUndefined()
  expect(await keysOf(store)).toEqual([])
})
