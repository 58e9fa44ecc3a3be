import { beforeEach, describe, expect, test } from 'vitest'
import type { AuditEvent } from '../../src/contract/audit-event.js'
import type { CacheStats, KeyedCache } from '../../src/contract/cache.js'
import { type Build, buildOpener, DIRECTIONS } from '../support/both-builds.js'
import { freshPrefix } from '../support/both-stores.js'
import { makeGate } from '../support/gate.js'
import { describeOnServers } from '../support/on-servers.js'
import { startProxy } from '../support/proxy.js'
import { startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'
import { startWorker } from '../support/worker.js'

const WORKER = new URL('../workers/upgrade.mjs', import.meta.url)
const LONG = 'A text that is worth to be compressed. '.repeat(100)

const VALUES: readonly unknown[] = [
  0,
  '',
  'text \u{1F600}',
  null,
  undefined,
  true,
  [1, [2, { a: null }]],
  { a: { b: [undefined, Number.NaN, Infinity] } },
  12n,
  new Date(0),
  new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'x'])]]),
  /a+/gi,
  new Uint8Array([0, 255, 193]),
  Buffer.from('bytes'),
  LONG,
  { list: Array.from({ length: 500 }, (_, i) => ({ i, text: LONG.slice(0, i) })) },
]

/** Ways to take away what stands at `p::1`, which has the tag `t`. */
const DELETIONS: readonly [what: string, carryOut: (cache: KeyedCache) => Promise<unknown>][] = [
  ['delete', (cache) => cache.delete('p::1')],
  ['delete with children', (cache) => cache.delete('p', { children: true })],
  ['deleteTag', (cache) => cache.deleteTag('t')],
  ['clear', (cache) => cache.clear()],
]

const open = buildOpener()

describeOnServers('0.1 and the present version on one prefix', (servers) => {
  let keyPrefix: string
  const caches = {} as Record<Build, KeyedCache>
  beforeEach(async () => {
    keyPrefix = freshPrefix()
    const options = { redis: servers().redis, keyPrefix, near: true, compressAbove: 1000, lease: '60s', grace: 60 }
    for (const build of ['0.1', 'now'] as const) caches[build] = await open(build, options)
  })

  test('text cut within an emoji, which 0.1 refuses to store, is read by it', async () => {
    const values = ['cut \ud83d', { 'name \ude00': [undefined, '\ud83d'] }]
    await expect(caches['0.1'].set('cut', values)).rejects.toThrow('lone surrogate')
    expect(await caches.now.set('cut', values)).toBe(true)
    expect(await caches['0.1'].get('cut')).toEqual(values)
    expect(await caches['0.1'].getOrSet('cut', () => 'computed anew')).toEqual(values)
  })

  describe.each(DIRECTIONS)('what %s does beside %s', (doer, reader) => {
    let one: KeyedCache
    let other: KeyedCache
    beforeEach(() => {
      one = caches[doer]
      other = caches[reader]
    })

    test('values of every kind are read as they were written, compressed or not, with tags or without', async () => {
      const errors: unknown[] = []
      other.on('error', (event) => errors.push(event))
      for (const [i, value] of VALUES.entries()) {
        const tags = i % 2 === 0 ? [] : ['t', `é ${i}`]
        expect(await one.set(['set', i], value, { ttl: i % 3 === 0 ? Infinity : 60, tags })).toBe(true)
        expect(await one.getOrSet(['computed', i], () => value, { tags })).toEqual(value)
        expect(await other.getOrSet(['computed', i], () => 'computed anew')).toEqual(value)
        expect(await other.get(['set', i])).toEqual(value)
        expect(await other.entry(['set', i])).toMatchObject({ tags, stale: false })
        expect(await other.bytes(['set', i])).toEqual(await one.bytes(['set', i]))
      }
      const keys = VALUES.map((_, i) => ['set', i] as const)
      expect(await other.getMany(keys)).toEqual([...VALUES])
      const outlines = await Promise.all([one, other].map((cache) => cache.entries(keys)))
      expect(outlines[1]?.map(withoutTtl)).toEqual(outlines[0]?.map(withoutTtl))
      expect(errors).toEqual([])
    })

    test('the same value is stored as the same bytes, but for its times', async () => {
      for (const [i, value] of VALUES.entries()) {
        const tags = i % 2 === 0 ? [] : ['t']
        await one.set(['one', i], value, { tags })
        await other.set(['other', i], value, { tags })
        const [ones, others] = (await Promise.all([one.bytes(['one', i]), one.bytes(['other', i])])).map((bytes) =>
          bytes === undefined ? [] : [bytes.subarray(0, 2), bytes.subarray(14, -4)],
        )
        expect(ones).toEqual(others)
      }
    })

    test('a stale value serves for its grace, and is computed anew', async () => {
      await one.set('a', 'old', { ttl: '50ms', grace: 60 })
      await until(async () => (await other.entry('a'))?.stale, 'its ttl has passed')
      expect(await other.getOrSet('a', () => 'new')).toBe('old')
      await until(async () => (await one.get('a', { default: null })) === 'new', 'it is computed anew')
    })

    test.each(DELETIONS)('%s takes a value from both, near copies included', async (_what, carryOut) => {
      for (const [key, tags] of [
        ['p::1', ['t']],
        ['q', []],
      ] as const)
        await other.set(key, 'old', { tags })
      await until(async () => (await isNear(one, 'p::1')) && (await isNear(other, 'p::1')), 'both keep a copy')
      await carryOut(one)
      expect(await one.get('p::1', { default: 'gone' })).toBe('gone')
      await until(async () => (await other.get('p::1', { default: 'gone' })) === 'gone', 'the copy is gone')
      expect(await other.getOrSet('p::1', () => 'new', { tags: ['t'] })).toBe('new')
      expect(await one.get('p::1')).toBe('new')
      expect(await one.has('q')).toBe(carryOut !== DELETIONS[3]?.[1])
    })

    test('a value that was written over is read anew, near copies included', async () => {
      await other.set('a', 1)
      await until(() => isNear(other, 'a'), 'it keeps a copy')
      await one.set('a', 2)
      await until(async () => (await other.get('a')) === 2, 'the copy is gone')
    })

    test('each key is computed once, and who follows is woken by the end', async () => {
      const keys = Array.from({ length: 40 }, (_, i) => `k::${i}`)
      const gate = makeGate()
      let computed = 0
      const factory = async (): Promise<string> => {
        computed++
        await gate.opened
        return 'once'
      }
      const led = keys.map((key) => one.getOrSet(key, factory))
      await until(async () => (await other.computing()).length === keys.length, 'all are being computed')
      const followed = keys.flatMap((key) => [other.getOrSet(key, factory), one.getOrSet(key, factory)])
      await until(async () => (await followedLeases()) === keys.length, 'all are followed')
      const openedMs = performance.now()
      gate.open()
      expect(new Set(await Promise.all([...led, ...followed]))).toEqual(new Set(['once']))
      // A follower that was not woken looks again after half a lease
      expect(performance.now() - openedMs).toBeLessThan(20_000)
      expect(computed).toBe(keys.length)
    })

    test('of many that call at once, with none ahead, one computes', async () => {
      const counts = new Map<string, number>()
      const calls = Array.from({ length: 200 }, (_, i) => {
        const key = `k::${i % 20}`
        return (i % 3 === 0 ? one : other).getOrSet(key, async () => {
          counts.set(key, (counts.get(key) ?? 0) + 1)
          return key
        })
      })
      await Promise.all(calls)
      expect([...counts.values()]).toEqual(Array.from({ length: 20 }, () => 1))
    })

    test('an end without a value lets those who follow compute for themselves', async () => {
      const gate = makeGate()
      const led = one.getOrSet('a', () => gate.opened.then(() => Promise.reject(new Error('failed'))))
      led.catch(() => {})
      await until(async () => (await other.computing()).length === 1, 'it is being computed')
      const followed = other.getOrSet('a', () => 'by the other')
      await until(async () => (await followedLeases()) === 1, 'it is followed')
      gate.open()
      await expect(led).rejects.toThrow('failed')
      expect(await followed).toBe('by the other')
    })

    test.each(DELETIONS)('%s voids what the other computes', async (_what, carryOut) => {
      const gate = makeGate()
      const calls = [
        other.getOrSet('p::1', () => gate.opened.then(() => 'old'), { tags: ['t'] }),
        // It tells its tags at its end alone
        other.getOrSet('p::1::late', async ({ setTags }) => {
          await gate.opened
          setTags(['t'])
          return 'old'
        }),
      ]
      await until(async () => (await one.computing()).length === 2, 'both are being computed')
      await carryOut(one)
      gate.open()
      expect(await Promise.all(calls)).toEqual(['old', 'old'])
      expect(await one.get('p::1', { default: 'not stored' })).toBe('not stored')
      if (carryOut !== DELETIONS[0]?.[1]) expect(await one.has('p::1::late')).toBe(false)
    })

    test('who follows a computation that is voided is told at once, and does not wait for it', async () => {
      const gate = makeGate()
      const led = one.getOrSet('a', () => gate.opened.then(() => 'old'))
      await until(async () => (await other.computing()).length === 1, 'it is being computed')
      const followed = other.getOrSet('a', () => 'new')
      await until(async () => (await followedLeases()) === 1, 'it is followed')
      const deletedMs = performance.now()
      await one.delete('a')
      expect(await followed).toBe('new')
      // One that was not told looks again after half a lease
      expect(performance.now() - deletedMs).toBeLessThan(20_000)
      gate.open()
      expect(await led).toBe('old')
      expect(await one.get('a')).toBe('new')
    })

    test('one that dies while it computes is replaced by the other', async () => {
      const worker = await startWorker(WORKER)
      const where = { redis: servers().redis, keyPrefix, redisTimeout: '5s', lease: '1s' }
      await worker.call('open', doer, where)
      const survivor = await open(reader, where)
      await worker.call('hang', 'a')
      await until(async () => (await survivor.computing()).length === 1, 'it is being computed')
      const followed = survivor.getOrSet('a', () => 'by the other')
      await worker.close()
      expect(await followed).toBe('by the other')
      expect(await one.get('a')).toBe('by the other')
    })

    test('after a failure with a stale value, neither tries again at once', async () => {
      await one.set('a', 'old', { ttl: '50ms', grace: 600 })
      await until(async () => (await other.entry('a'))?.stale, 'its ttl has passed')
      // It serves the value as fresh for as long as its clock is a little behind
      await until(async () => {
        expect(await one.getOrSet('a', () => Promise.reject(new Error('failed')), { ttl: 600 })).toBe('old')
        return (await leases()).some((lease) => lease.includes(' - '))
      }, 'there is a pause')
      let computed = 0
      for (let i = 0; i < 20; i++) expect(await other.getOrSet('a', () => ++computed)).toBe('old')
      expect(computed).toBe(0)
    })

    test('lists, counts, children and tags are alike, and full', async () => {
      const keys: string[] = []
      for (let i = 0; i < 300; i++) {
        const key = one.key('p', i % 7, i % 3 === 0 ? i : `${i}:`)
        keys.push(key)
        await (i % 2 === 0 ? one : other).set(key, i, { tags: [`t${i % 5}`] })
      }
      for (const key of keys.splice(0, 20)) await one.delete(key)
      const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      // Page by page, so that the order in Redis is seen
      for (const cache of [one, other]) {
        const pages: string[] = []
        for (let after: string | undefined; pages.length < sorted.length; after = pages.at(-1)) {
          const { keys: page, total } = await cache.keys(undefined, { after, limit: 20 })
          expect(total).toBe(sorted.length)
          if (page.length === 0) break
          pages.push(...page)
        }
        expect(pages).toEqual(sorted)
      }
      const views = [one, other].map((cache) => view(cache, ['p', 'p::1', undefined], ['t1', 't2', 'none']))
      expect(await views[1]).toEqual(await views[0])
      const tagged = await other.deleteTag('t1')
      expect(tagged).toHaveLength(56)
      expect(await one.count()).toBe(280 - 56)
      expect(await one.clear()).toBe(280 - 56)
      expect(await other.keys()).toEqual({ keys: [], next: undefined, total: 0 })
    })

    test('what both count adds up, by group and by minute', async () => {
      for (let i = 0; i < 30; i++) await one.getOrSet(['g', i % 10], () => i)
      await Promise.all([one.stats(), other.stats()])
      for (let i = 0; i < 50; i++) await other.getOrSet(['g', i % 20], () => i)
      for (let i = 0; i < 5; i++) await one.get(['h', i], { default: null })
      await Promise.all([one.stats(), other.stats()])
      const [ones, others] = await Promise.all([one.stats(), other.stats()])
      expect(counted(others)).toEqual(counted(ones))
      expect(ones).toMatchObject({ calls: 85, hits: 60, misses: 25, computations: 20, errors: 0, keys: 20 })
      expect(ones.groups.find(({ group }) => group === 'g')).toMatchObject({ calls: 80, hits: 60, computations: 20 })
      expect(ones.groups.find(({ group }) => group === 'h')).toMatchObject({ calls: 5, hits: 0 })
      expect(ones.minutes.reduce((sum, { calls }) => sum + calls, 0)).toBe(85)
      expect(ones.minutes.reduce((sum, { hits }) => sum + hits, 0)).toBe(60)
    })

    test('what staff did is shown', async () => {
      await one.audit(EVENT)
      await other.audit({ ...EVENT, id: 'second', mode: undefined, target: undefined })
      for (const cache of [one, other])
        expect(await cache.activity()).toEqual([{ ...EVENT, id: 'second', mode: undefined, target: undefined }, EVENT])
    })

    test('an index that is lost is made whole while the other writes', async () => {
      await one.setMany(Array.from({ length: 1000 }, (_, i) => [['before', i], i] as const))
      const lost = [`${keyPrefix}:rebuild${servers().tags[0]}`]
      lost.push(...servers().tags.map((tag) => `${keyPrefix}:index:${tag}`))
      await Promise.all(lost.map((name) => servers().client().del(name)))
      const counting = one.count()
      const writing = Array.from({ length: 300 }, async (_, i) => {
        await other.set(['while', i], i)
        if (i % 3 === 0) await other.delete(['before', i])
      })
      await Promise.all([counting, ...writing])
      for (const cache of [one, other]) expect(await cache.count()).toBe(1200)
      expect(await view(other, ['before', 'while'], [])).toEqual(await view(one, ['before', 'while'], []))
      expect(await other.delete('while', { children: true })).toHaveLength(300)
    })

    async function leases(): Promise<string[]> {
      const lines = await Promise.all(
        servers().tags.map((tag) => servers().client().hvals(`${keyPrefix}:leases:${tag}`)),
      )
      return lines.flat()
    }

    async function followedLeases(): Promise<number> {
      return (await leases()).filter((lease) => lease.split(' ')[3] === '1').length
    }
  })
})

describe.each(DIRECTIONS)('A deletion of %s that failed, beside %s that writes,', (doer, reader) => {
  test('is carried out later', async () => {
    const server = await startRedis()
    const proxy = await startProxy(server.port)
    try {
      const where = { keyPrefix: freshPrefix(), near: true }
      const one = await open(doer, { ...where, redis: proxy.url, redisTimeout: '2s' })
      const other = await open(reader, { ...where, redis: server.url })
      for (const key of ['a', 'b::1', 'c', 'left']) await other.set(key, 'old', { tags: key === 'c' ? ['t'] : [] })
      proxy.refusing = true
      await until(() => !one.backend.up, 'its connection is gone')
      await expect(one.delete('a')).rejects.toThrow()
      await expect(one.delete('b', { children: true })).rejects.toThrow()
      await expect(one.deleteTag('t')).rejects.toThrow()
      for (let i = 0; i < 50; i++) await other.set(['while', i], i)
      proxy.refusing = false
      const isGone = async (key: string): Promise<boolean> => (await other.get(key, { default: 'gone' })) === 'gone'
      await until(
        async () => (await isGone('a')) && (await isGone('b::1')) && (await isGone('c')),
        'what was deleted is gone',
      )
      expect(await other.get('left')).toBe('old')
      await until(() => one.backend.up, 'it is connected')
      for (const cache of [one, other]) expect(await cache.count()).toBe(51)
    } finally {
      await proxy.close()
      await server.close()
    }
  })
})

const EVENT: AuditEvent = {
  id: 'first',
  time: new Date(1000),
  phase: 'result',
  actor: 'staff',
  ip: '127.0.0.1',
  mode: 'tree',
  target: 'p',
  previewed: 3,
  outcome: 'done',
  deleted: 3,
  ms: 4,
  reason: undefined,
}

/** Whether a read is answered from a near copy. */
async function isNear(cache: KeyedCache, key: string): Promise<boolean> {
  let by: string | undefined
  const note = (event: { by: string }): void => {
    by = event.by
  }
  cache.on('hit', note)
  await cache.get(key, { default: undefined })
  cache.off('hit', note)
  return by === 'near'
}

/** What a cache lists, counts and finds by tags. */
async function view(
  cache: KeyedCache,
  keys: readonly (string | undefined)[],
  tags: readonly string[],
): Promise<unknown> {
  return Promise.all([
    ...keys.map((key) => cache.keys(key, { limit: 50 })),
    ...keys.map((key) => cache.children(key)),
    ...keys.map((key) => cache.count(key)),
    ...tags.map(async (tag) => {
      const { keys: tagged, total } = await cache.tagged(tag, { limit: 1000 })
      return [tagged.toSorted(), total]
    }),
  ])
}

/** What both versions count. */
function counted({ hitsBy: { request, near, store }, ...stats }: CacheStats): object {
  const hitsBy = { request, near, store }
  return { ...stats, hitsBy, backend: undefined, processes: stats.processes.map(({ id }) => id) }
}

function withoutTtl(outline: object | undefined): object {
  return { ...outline, ttl: undefined }
}
