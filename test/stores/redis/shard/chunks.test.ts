import { describe, expect, test } from 'vitest'
import type { Write } from '../../../../src/contract/store.js'
import { chunks, chunksByTags, NAMES_PER_SCRIPT } from '../../../../src/stores/redis/shard/chunks.js'

function entries(count: number, tags: readonly string[] = [], size = 10): Write[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `k::${i}`,
    bytes: Buffer.alloc(size),
    expiresAt: Infinity,
    tags,
  }))
}

function tagsOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `tag-${i}`)
}

function divided(all: readonly Write[]): (readonly Write[])[] {
  return [...chunksByTags(all, (entry) => entry)]
}

describe('What one script stores', () => {
  test.each([0, 1, 5, 64])(
    'has no more keys and tags of keys than one script may touch, with %i tags each',
    (count) => {
      const all = entries(500, tagsOf(count))
      const groups = divided(all)
      expect(groups.flat()).toEqual(all)
      for (const group of groups) expect(group.length * (1 + count)).toBeLessThanOrEqual(NAMES_PER_SCRIPT)
      expect(groups).toHaveLength(Math.ceil(500 / Math.floor(NAMES_PER_SCRIPT / (1 + count))))
    },
  )

  test('has the same tags', () => {
    const all = [...entries(3, ['a']), ...entries(3), ...entries(3, ['a', 'b'])]
    const groups = divided(all)
    expect(groups.map((group) => group.length)).toEqual([3, 3, 3])
    for (const group of groups) expect(new Set(group.map(({ tags }) => tags.join(',')))).toHaveProperty('size', 1)
  })

  test('is one entry at least, whatever it has', () => {
    expect(divided(entries(3, tagsOf(NAMES_PER_SCRIPT))).map((group) => group.length)).toEqual([1, 1, 1])
    expect(divided(entries(3, [], 2 ** 20)).map((group) => group.length)).toEqual([1, 1, 1])
  })

  test('is nothing where there is nothing', () => {
    expect([...chunks([])]).toEqual([])
  })
})
