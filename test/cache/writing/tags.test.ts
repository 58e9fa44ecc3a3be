import { expect, test } from 'vitest'
import { describeOnBothStores } from '../../support/both-stores.js'
import { until } from '../../support/until.js'

describeOnBothStores('Tags', (open) => {
  test('delete exactly the keys that carry them, and name these', async () => {
    const cache = open()
    await cache.set('a', 1, { tags: ['red', 'round'] })
    await cache.set('b', 2, { tags: ['red'] })
    await cache.setMany(
      [
        ['c', 3],
        ['d', 4],
      ],
      { tags: ['blue'] },
    )
    await cache.set('e', 5)
    expect((await cache.deleteTag('red')).toSorted()).toEqual(['a', 'b'])
    expect((await cache.keys()).keys).toEqual(['c', 'd', 'e'])
    expect(await cache.deleteTag('red')).toEqual([])
    expect(await cache.deleteTag('round')).toEqual([])
    expect((await cache.deleteTag('blue')).toSorted()).toEqual(['c', 'd'])
    expect(await cache.get('e')).toBe(5)
  })

  test('are known of an entry, and leave it when it is stored without them', async () => {
    const cache = open()
    await cache.set('a', 1, { tags: ['x', 'y', 'x'] })
    expect((await cache.entry('a'))?.tags).toEqual(['x', 'y'])
    await cache.set('a', 2, { tags: ['y'] })
    expect(await cache.deleteTag('x')).toEqual([])
    await cache.set('a', 3)
    expect(await cache.deleteTag('y')).toEqual([])
    expect(await cache.get('a')).toBe(3)
  })

  test('are looked up with their keys, without those that have lost them', async () => {
    const cache = open()
    await cache.setMany(
      ['a', 'b', 'c', 'd'].map((key) => [key, 1] as const),
      { tags: ['t'] },
    )
    await cache.set('b', 2)
    await cache.delete('c')
    const { keys, total } = await cache.tagged('t')
    expect(keys.toSorted()).toEqual(['a', 'd'])
    expect(total).toBe(2)
    expect((await cache.tagged('t', { limit: 1 })).keys).toHaveLength(1)
    expect((await cache.tagged('t', { limit: 1 })).total).toBe(2)
    expect(await cache.tagged('nothing')).toEqual({ keys: [], total: 0 })
  })

  test('count exactly the keys that carry them, however many were deleted, stored without them, or have expired', async () => {
    const cache = open()
    const many = (group: string, count: number): [[string, number], number][] =>
      Array.from({ length: count }, (_, i) => [[group, i], i])
    await cache.setMany(many('deleted', 1200), { tags: ['t', 'u'], ttl: 1000 })
    await cache.setMany(many('stored again', 300), { tags: ['t'], ttl: 1000 })
    await cache.setMany(many('kept', 50), { tags: ['t'], ttl: 2000 })
    await cache.setMany(many('expired', 300), { tags: ['t'], ttl: '50ms' })
    await cache.delete('deleted', { children: true })
    await cache.setMany(many('stored again', 300), { tags: ['v'] })
    await until(async () => (await cache.count('expired')) === 0, 'they have expired')
    const { keys, total } = await cache.tagged('t', { limit: 40 })
    expect(total).toBe(50)
    expect(keys).toHaveLength(40)
    expect(keys.filter((key) => !key.startsWith('kept::'))).toEqual([])
    expect(await cache.tagged('u')).toEqual({ keys: [], total: 0 })
    expect((await cache.tagged('v')).total).toBe(300)
  })

  test('come with what is computed, from the call or from the factory', async () => {
    const cache = open()
    await cache.getOrSet('a', () => 1, { tags: ['call'] })
    await cache.getOrSet('b', ({ setTags }) => setTags(['factory']), { tags: ['call'] })
    await cache.getOrSetMany(['c', 'd'], () => [3, 4], { tags: ['many'] })
    expect(await cache.deleteTag('call')).toEqual(['a'])
    expect(await cache.deleteTag('factory')).toEqual(['b'])
    expect((await cache.deleteTag('many')).toSorted()).toEqual(['c', 'd'])
    expect(await cache.count()).toBe(0)
  })

  test('void a computation that sets them at its end', async () => {
    const cache = open()
    let finish: () => void = () => undefined
    const finished = new Promise<void>((resolve) => (finish = resolve))
    const computing = cache.getOrSet('a', async ({ setTags }) => {
      await finished
      setTags(['t'])
      return 'old'
    })
    await until(async () => (await cache.computing()).length === 1, 'the computation')
    expect(await cache.deleteTag('t')).toEqual([])
    finish()
    expect(await computing).toBe('old')
    expect(await cache.get('a', { default: 'nothing' })).toBe('nothing')
    expect(await cache.getOrSet('a', ({ setTags }) => (setTags(['t']), 'new'))).toBe('new')
    expect(await cache.get('a')).toBe('new')
  })

  test('may be any text, and delete thousands of keys', async () => {
    const cache = open()
    const hostile = ['__proto__', 'a b', 'a\u0000b', '::', '*', '🔑', 'x'.repeat(256)]
    for (const [i, tag] of hostile.entries()) {
      // eslint-disable-next-line no-await-in-loop
      await cache.set(['h', i], i, { tags: hostile.slice(i) })
      // eslint-disable-next-line no-await-in-loop
      expect((await cache.entry(['h', i]))?.tags).toContain(tag)
    }
    expect((await cache.deleteTag('*')).toSorted()).toEqual(['h::0', 'h::1', 'h::2', 'h::3', 'h::4'])
    const many = Array.from({ length: 3000 }, (_, i) => [['m', i], i] as const)
    await cache.setMany(many, { tags: ['many'] })
    expect(new Set(await cache.deleteTag('many')).size).toBe(3000)
    expect((await cache.keys()).keys).toEqual(['h::5', 'h::6'])
  })

  test('of 100 delete exactly theirs of 10,000 keys', async () => {
    const cache = open()
    for (let tag = 0; tag < 100; tag++) {
      const entries = Array.from({ length: 100 }, (_, i) => [['t', tag, i], i] as const)
      // eslint-disable-next-line no-await-in-loop
      await cache.setMany(entries, { tags: [`tag ${tag}`, tag % 2 === 0 ? 'even' : 'odd'] })
    }
    // One that leaves its old tags
    await cache.set(['t', 7, 7], 'moved', { tags: ['tag 8'] })
    expect((await cache.deleteTag('tag 7')).length).toBe(99)
    expect((await cache.deleteTag('tag 8')).toSorted()).toEqual(
      ['t::7::7', ...Array.from({ length: 100 }, (_, i) => `t::8::${i}`)].toSorted(),
    )
    expect(await cache.count()).toBe(9800)
    expect((await cache.deleteTag('even')).length).toBe(4900)
    expect(await cache.count()).toBe(4900)
  })

  test('that are wrong are refused by name', async () => {
    const cache = open()
    await expect(cache.deleteTag('')).rejects.toThrow("Expected a tag to be text of 1 to 256 bytes, got ''")
    await expect(cache.set('a', 1, { tags: ['ok', 5 as unknown as string] })).rejects.toThrow(
      'Expected `tags[1]` to be text of 1 to 256 bytes, got 5',
    )
    await expect(cache.set('a', 1, { tags: ['x'.repeat(257)] })).rejects.toThrow(TypeError)
    await expect(cache.set('a', 1, { tags: Array.from({ length: 65 }, String) })).rejects.toThrow(
      'Expected at most 64 tags, got 65',
    )
  })

  test.each<[what: string, ttl: number, ttlOfOthers: number]>([
    ['others write entries that expire sooner', 3600, 60],
    ['others write entries that never expire either', Infinity, Infinity],
  ])('leave nothing that carried them while %s', async (_what, ttl, ttlOfOthers) => {
    const cache = open()
    // Some are left in the last of the steps, which are of 500
    const old = Array.from({ length: 1960 }, (_, i) => ['old', i] as const)
    await cache.setMany(
      old.map((key) => [key, 'old'] as const),
      { ttl, tags: ['t'] },
    )
    let deleting = true
    let written = 0
    const writing = Array.from({ length: 16 }, async () => {
      // eslint-disable-next-line no-await-in-loop -- one after the other, for as long as the removal takes
      while (deleting) await cache.set(['new', written++], 'new', { ttl: ttlOfOthers, tags: ['t'] })
    })
    const removed = await cache.deleteTag('t')
    deleting = false
    await Promise.all(writing)
    expect(removed.filter((key) => key.startsWith('old::'))).toHaveLength(old.length)
    expect(await cache.getMany(old)).toEqual(old.map(() => undefined))
    expect((await cache.tagged('t', { limit: 1000 })).keys.filter((key) => key.startsWith('old::'))).toEqual([])
  })
})
