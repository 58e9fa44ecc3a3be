import { expect, test } from 'vitest'
import { slotOf } from '../../../../src/stores/redis/ioredis/key-slot.js'
import { hashTags } from '../../../../src/stores/redis/shards/hash-tags.js'

test('The slot of a name is that of the Cluster specification', () => {
  expect(slotOf('123456789')).toBe(0x31_c3)
  expect(slotOf('')).toBe(0)
})

test('What is between the first braces decides, unless there is nothing', () => {
  expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'))
  expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'))
  expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'))
  expect(slotOf('foo{}{bar}')).toBe(8363)
  expect(slotOf('foo{bar')).not.toBe(slotOf('bar'))
})

test('The tags of shards are in the middle of equal ranges of slots', () => {
  for (const count of [16, 64]) {
    expect(hashTags(count).map((tag) => Math.floor((slotOf(`x${tag}`) * count) / 16_384))).toEqual([
      ...Array(count).keys(),
    ])
  }
})
