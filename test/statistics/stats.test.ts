import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { CacheStats, KeyedCache } from '../../src/contract/cache.js'
import { Events } from '../../src/contract/events/events.js'
import type { StatsBatch } from '../../src/contract/statistics.js'
import { emptyCounters } from '../../src/statistics/stats.js'
import { Stats } from '../../src/statistics/stats.js'
import { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
import { allAnswer } from '../support/all-answer.js'
import { describeOnBothStores, freshPrefix } from '../support/both-stores.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'

describeOnBothStores('Statistics', (open, kind) => {
  test('are empty before the first call, with no hit rate', async () => {
    const stats = await open().stats()
    expect(stats).toMatchObject({ calls: 0, hits: 0, misses: 0, hitRate: null, stale: 0, computations: 0, errors: 0 })
    expect(stats).toMatchObject({
      savedMs: 0,
      keys: 0,
      hitsBy: { request: 0, near: 0, store: 0, fallback: 0 },
      groups: [],
      minutes: [],
    })
  })

  test('count each key asked for as one call, and hits by where they were found', async () => {
    const cache = open()
    await cache.set('a', 1)
    await cache.get('a')
    await cache.get('nothing', { default: null })
    await cache.get('nothing').catch(() => 'nothing')
    await cache.getMany(['a', 'a', 'nothing'])
    const stats = await cache.stats()
    expect(stats).toMatchObject({ calls: 6, hits: 3, misses: 3, hitRate: 0.5, keys: 1, computations: 0, errors: 0 })
    expect(stats.hitsBy).toEqual({ request: 0, near: 0, store: 3, fallback: 0 })
  })

  test.each([null, undefined, 0, '', false, NaN])('count a cached %j as a hit', async (value) => {
    const cache = open()
    await cache.set('a', value)
    await cache.get('a')
    await cache.getOrSet('a', () => 'computed')
    expect(await cache.stats()).toMatchObject({ calls: 2, hits: 2, misses: 0, hitRate: 1, computations: 0 })
  })

  test('count who waits for a computation as a miss, and the computation once', async () => {
    const cache = open()
    const compute = (): Promise<string> => delay(30, 'value')
    await Promise.all([cache.getOrSet('a', compute), cache.getOrSet('a', compute), cache.getOrSet('a', compute)])
    expect(await cache.stats()).toMatchObject({ calls: 3, hits: 0, misses: 3, computations: 1 })
    await cache.getOrSetMany(['a', 'b', 'c'], (missing) => missing.map(() => 1))
    expect(await cache.stats()).toMatchObject({ calls: 6, hits: 1, misses: 5 })
  })

  test('count what a hit saves: the time that its value took to compute', async () => {
    const cache = open()
    await cache.getOrSet('p::1', () => delay(60, 'value'))
    await cache.get('p::1')
    await cache.get('p::1')
    const { savedMs, groups } = await cache.stats()
    expect(savedMs).toBeGreaterThanOrEqual(2 * 55)
    expect(groups).toEqual([{ group: 'p', calls: 3, hits: 2, computations: 1, computeMs: savedMs / 2, savedMs }])
  })

  test('count by group: the first part, of a function its name too', async () => {
    const cache = open()
    const nearestCity = cache.wrap(async (lat: number) => lat, { name: 'nearestCity' })
    await nearestCity(50)
    await nearestCity(50)
    await nearestCity(51)
    await cache.get('product::1::x', { default: 0 })
    await cache.get('product', { default: 0 })
    const { groups } = await cache.stats()
    expect(groups.map(({ group, calls, hits, computations }) => ({ group, calls, hits, computations }))).toEqual([
      { group: 'func::nearestCity', calls: 3, hits: 1, computations: 2 },
      { group: 'product', calls: 2, hits: 0, computations: 0 },
    ])
  })

  test('count by minute', async () => {
    const cache = open()
    await cache.set('a', 1)
    await cache.get('a')
    await cache.get('b', { default: 0 })
    const { minutes } = await cache.stats()
    // The test may run into the next minute
    expect(minutes.length).toBeLessThanOrEqual(2)
    expect(minutes.reduce((sum, { calls }) => sum + calls, 0)).toBe(2)
    expect(minutes.reduce((sum, { hits }) => sum + hits, 0)).toBe(1)
    for (const { minute } of minutes) {
      expect(minute.getTime() % 60_000).toBe(0)
      expect(Math.abs(minute.getTime() - Date.now())).toBeLessThan(120_000)
    }
  })

  test('count nothing for has, entry, listings, writes, deletes and a probe', async () => {
    const cache = open()
    await cache.set('a', 1)
    await cache.has('a')
    await cache.has('b')
    await cache.entry('a', { value: true })
    await cache.entry('b')
    await cache.keys()
    await cache.children()
    await cache.count()
    await cache.computing()
    await allAnswer(cache)
    await cache.delete('a', { children: true })
    await cache.clear()
    await cache.stats()
    expect(await cache.stats()).toMatchObject({ calls: 0, hits: 0, misses: 0, hitRate: null, errors: 0 })
  })

  test('count nothing while the cache is disabled', async () => {
    const cache = open()
    await cache.set('a', 1)
    cache.enable(false)
    await cache.get('a', { default: 0 })
    await cache.getMany(['a', 'b'])
    await cache.getOrSet('a', () => 2)
    expect(await cache.stats()).toMatchObject({ calls: 0, misses: 0, computations: 0, keys: 1 })
  })

  test('count once when asked for many times at once', async () => {
    const cache = open()
    await cache.get('a', { default: 0 })
    const all = await Promise.all(Array.from({ length: 10 }, () => cache.stats()))
    expect(all.map(({ calls }) => calls)).toEqual(all.map(() => 1))
  })

  test('say of the backend what it is, and which processes there are', async () => {
    const before = Date.now()
    const { backend, scope, processes } = await open().stats()
    const address = kind === 'memory' ? undefined : expect.stringMatching(/^127\.0\.0\.1:\d+\/0$/)
    const since = expect.any(Date)
    expect(backend).toEqual({ kind, up: true, since, roundTripMs: expect.any(Number), address, error: undefined })
    expect(scope).toBe(kind === 'memory' ? 'process' : 'fleet')
    expect(processes).toHaveLength(1)
    expect(processes[0]?.id).toMatch(new RegExp(`:${process.pid}$`))
    expect(processes[0]?.startedAt.getTime()).toBeLessThanOrEqual(Date.now())
    expect(processes[0]?.seenAt.getTime()).toBeGreaterThanOrEqual(before - 5000)
  })
})

describe('Statistics of two caches on one Redis', () => {
  let server: RedisServer
  const opened: KeyedCache[] = []
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.close())
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
  })

  function open(keyPrefix: string): KeyedCache {
    const cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s' })
    opened.push(cache)
    return cache
  }

  test('are the sum of both, in either', async () => {
    const keyPrefix = freshPrefix()
    const [one, two] = [open(keyPrefix), open(keyPrefix)]
    await one.set('a', 1)
    await one.get('a')
    await two.get('a')
    await two.get('nothing', { default: 0 })
    await two.getOrSet('b', () => 1)
    const expected = { calls: 4, hits: 2, misses: 2, hitRate: 0.5, computations: 1, keys: 2 }
    for (const cache of [one, two]) await untilStats(cache, ({ calls }) => calls === 4, expected) // eslint-disable-line no-await-in-loop
  })

  test('outlive the process that counted them', async () => {
    const keyPrefix = freshPrefix()
    const one = open(keyPrefix)
    await one.get('a', { default: 0 })
    await one.close()
    expect(await open(keyPrefix).stats()).toMatchObject({ calls: 1, misses: 1 })
  })

  test('are not those of another prefix', async () => {
    const [one, two] = [open(freshPrefix()), open(freshPrefix())]
    await one.get('a', { default: 0 })
    await one.stats()
    expect(await two.stats()).toMatchObject({ calls: 0, groups: [] })
  })

  async function untilStats(cache: KeyedCache, done: (stats: CacheStats) => boolean, expected: object): Promise<void> {
    const stats = await until(async () => {
      const now = await cache.stats()
      return done(now) && now
    }, 'both have sent what they counted')
    expect(stats).toMatchObject(expected)
  }
})

describe('The counters of a process', () => {
  function counting(): { events: Events; stats: Stats } {
    const events = new Events()
    return { events, stats: new Stats(events, () => 120_500) }
  }

  async function sent(stats: Stats): Promise<StatsBatch[]> {
    const batches: StatsBatch[] = []
    await stats.flush(async (batch) => void batches.push(batch))
    return batches
  }

  test('go out in batches with numbers, each thing in one of them', async () => {
    const { events, stats } = counting()
    events.emit('hit', { key: 'p::1', by: 'request', stale: true, savedMs: 7 })
    events.emit('miss', { key: 'func::f::1' })
    events.emit('compute', { key: 'func::f::1', computeMs: 30, stored: true })
    events.emit('error', { operation: 'get', key: 'x', error: new Error('x') })
    const [first, ...none] = await sent(stats)
    expect(none).toEqual([])
    expect(first?.number).toBe(1)
    expect(first?.counters).toEqual({
      misses: 1,
      stale: 1,
      computations: 1,
      errors: 1,
      savedMs: 7,
      hitsBy: { request: 1, near: 0, store: 0, fallback: 0 },
      groups: new Map([
        ['p', { calls: 1, hits: 1, computations: 0, computeMs: 0, savedMs: 7 }],
        ['func::f', { calls: 1, hits: 0, computations: 1, computeMs: 30, savedMs: 0 }],
      ]),
      minutes: new Map([[120_000, { calls: 2, hits: 1 }]]),
    })
    events.emit('miss', { key: 'q' })
    const [second] = await sent(stats)
    expect(second?.number).toBe(2)
    expect(second?.instance).toBe(first?.instance)
    expect(second?.counters.misses).toBe(1)
    expect(second?.counters.hitsBy.request).toBe(0)
    expect(stats.ownTotals().counters).toMatchObject({ misses: 2, hitsBy: { request: 1 } })
  })

  test('go out again under the same number when sending failed, and what came meanwhile under the next', async () => {
    const { events, stats } = counting()
    events.emit('miss', { key: 'a' })
    let failed: StatsBatch | undefined
    await expect(
      stats.flush(async (batch) => {
        failed = batch
        throw new Error('no answer')
      }),
    ).rejects.toThrow('no answer')
    events.emit('miss', { key: 'b' })
    events.emit('miss', { key: 'c' })
    expect((await sent(stats)).map(({ number, counters }) => [number, counters.misses])).toEqual([
      [failed?.number, 1],
      [(failed?.number ?? 0) + 1, 2],
    ])
    expect(await sent(stats)).toEqual([])
    expect(stats.ownTotals().counters.misses).toBe(3)
  })

  test('are not lost when a batch fails that was made while an earlier one was still being sent by another', async () => {
    const { events, stats } = counting()
    const answers: { resolve: () => void; reject: (error: Error) => void; batch: StatsBatch }[] = []
    const send = (batch: StatsBatch): Promise<void> =>
      new Promise((resolve, reject) => answers.push({ resolve, reject, batch }))
    events.emit('miss', { key: 'a' })
    const flushes = Promise.allSettled([stats.flush(send), stats.flush(send)])
    events.emit('miss', { key: 'b' })
    answers[0]?.resolve()
    await until(() => answers.length === 3, 'the first flush sends the next batch')
    answers[1]?.resolve()
    answers[2]?.reject(new Error('no answer'))
    await until(() => answers.length > 3 || stats.ownTotals().counters.misses === 2, 'both have gone on')
    for (const { resolve } of answers.slice(3)) resolve()
    await flushes
    const later = await sent(stats)
    const all = new Map(
      [...answers.map(({ batch }) => batch), ...later].map(({ number, counters }) => [number, counters.misses]),
    )
    expect([...all.values()]).toEqual([1, 1])
    expect(
      answers
        .slice(3)
        .map(({ batch }) => batch.number)
        .concat(later.map(({ number }) => number)),
    ).toContain(2)
  })

  test('say that the process is there when touched, without anything counted', async () => {
    const { stats } = counting()
    await sent(stats)
    expect(await sent(stats)).toEqual([])
    stats.touch()
    expect((await sent(stats)).map(({ counters }) => counters)).toEqual([emptyCounters()])
  })

  test('hold a bounded number of groups, the others together', async () => {
    const { events, stats } = counting()
    for (let i = 0; i < 1000; i++) events.emit('miss', { key: `group${i}::x` })
    const { groups } = stats.ownTotals().counters
    expect(groups.size).toBeLessThanOrEqual(201)
    expect(groups.get('other')?.calls).toBe(800)
    expect([...groups.values()].reduce((sum, { calls }) => sum + calls, 0)).toBe(1000)
  })
})
