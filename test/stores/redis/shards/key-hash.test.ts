import { expect, test } from 'vitest'
import { hashOf } from '../../../../src/stores/redis/shards/key-hash.js'

test.each([
  ['', 0x81_1c_9d_c5],
  ['a', 0xe4_0c_29_2c],
  ['foobar', 0xbf_9c_f9_68],
])('The hash of %j is that of FNV-1a, folded', (key, fnv) => {
  expect(hashOf(key)).toBe((fnv ^ (fnv >>> 16)) >>> 0)
})

test.each([16, 64])('Keys that are much alike lie evenly in %d shards', (shards) => {
  const alike: ((i: number) => string)[] = [
    (i) => `product::${i}`,
    (i) => `product::${64 * i}`,
    (i) => `user::${i}::orders`,
    (i) => `func::reviews::"${i.toString(36)}"`,
    (i) => `město::${String.fromCodePoint(0x4e00 + i)}`,
  ]
  for (const keyOf of alike) {
    const counts = Array.from({ length: shards }, () => 0)
    for (let i = 0; i < 1000 * shards; i++) counts[hashOf(keyOf(i % 20_000) + Math.floor(i / 20_000)) % shards]! += 1
    expect(Math.min(...counts), keyOf(1)).toBeGreaterThan(850)
    expect(Math.max(...counts), keyOf(1)).toBeLessThan(1150)
  }
})
