import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import type { CacheEvents } from '../../../src/contract/cache-events.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../support/both-stores.js'
import { cacheConnections } from '../../support/cache-connections.js'
import { BACK_WITHIN_MS } from '../../support/fault-cache.js'
import { atMostMs } from '../../support/fault-row.js'
import { report } from '../../support/figures.js'
import { makeGate } from '../../support/gate.js'
import { startProxy } from '../../support/proxy.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'

const TIMEOUT_MS = 250

type State = CacheEvents['state']

let server: RedisServer
const opened: KeyedCache[] = []
beforeEach(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
  await server.close()
})

/** A cache that answers, with what it tells of its state from then on. */
async function open(options: KeyedCacheOptions = {}): Promise<{ cache: KeyedCache; states: State[] }> {
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const cache = createKeyedCache({ redis: server.url, keyPrefix: freshPrefix(), logger: silent, ...options })
  opened.push(cache)
  await until(() => cache.set('a', 'stored'), 'the cache answers')
  const states: State[] = []
  cache.on('state', (state) => states.push(state))
  return { cache, states }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now()
  await run()
  return performance.now() - beganMs
}

describe('A Redis that stops answering', () => {
  test('is noticed by the first call that has waited for all of its time, and then no call waits', async () => {
    const { cache, states } = await open()
    server.stop()
    const beganMs = performance.now()
    const first = cache.get('a', { default: 'default' })
    await until(() => states.length > 0, 'the breaker is open')
    const openMs = performance.now() - beganMs
    expect(states).toMatchObject([{ up: false, error: { message: expect.stringMatching(/^no answer for \d+ ms$/) } }])
    const nextMs: number[] = []
    // eslint-disable-next-line no-await-in-loop
    for (let i = 0; i < 3; i++) nextMs.push(await timed(() => cache.get('a', { default: 'default' })))
    // On a busy machine one of them may have had to wait for its turn.
    const leastMs = Math.min(...nextMs)
    expect(await first).toBe('default')
    report(
      `Breaker: open ${openMs.toFixed(0)} ms after the first unanswered call, the next ones wait ${leastMs.toFixed(2)} ms`,
    )
    expect(openMs).toBeGreaterThan(TIMEOUT_MS - 5)
    expect(openMs).toBeLessThan(atMostMs(TIMEOUT_MS + 50))
    expect(leastMs).toBeLessThan(TIMEOUT_MS / 2)
  })

  test('is noticed by 5 failures in a row where each comes at once', async () => {
    const { cache, states } = await open()
    const helper = server.client().duplicate()
    await helper.ping()
    await server.client().config('SET', 'busy-reply-threshold', 50)
    // A script that does not end: from then on Redis says at once that it is busy.
    const endless = server.client().eval('while true do end', 0)
    endless.catch(() => 'killed')
    await until(async () => (await helper.ping().catch(String)).includes('BUSY'), 'Redis is busy')
    const errors: unknown[] = []
    cache.on('error', ({ error }) => errors.push(error))
    for (let i = 0; i < 5; i++) await cache.get('a', { default: 0 }) // eslint-disable-line no-await-in-loop
    await until(() => states.length > 0, 'the breaker is open')
    expect(states.some(({ up, error }) => !up && String(error).includes('BUSY'))).toBe(true)
    expect(errors.length).toBeGreaterThanOrEqual(5)
    await helper.script('KILL')
    helper.disconnect()
    await until(() => cache.set('a', 1), 'the cache answers again')
  })

  test.each([
    ['hangs', (): void => server.stop(), (): void => server.resume()],
    ['was killed', () => server.kill(), () => server.restart()],
  ] as const)('is used again within a second after it %s', async (what, end, begin) => {
    const { cache, states } = await open()
    await end()
    await until(async () => {
      await cache.get('a', { default: 0 })
      return states.length > 0
    }, 'it is noticed')
    // Longer than the connection is kept
    const noticedMs = performance.now()
    await until(() => performance.now() - noticedMs > 2500, 'some time has passed')
    await begin()
    const backMs = await timed(() => until(() => cache.set('a', 'again'), 'the cache stores again'))
    report(`Redis that ${what}: stores again ${backMs.toFixed(0)} ms after Redis is back`)
    expect(backMs).toBeLessThan(BACK_WITHIN_MS)
    expect(states.map(({ up }) => up)).toEqual([false, true])
  })

  test('keeps no key for a computation that it was asked for in vain', async () => {
    const { cache, states } = await open({ lease: '20s' })
    // Redis knows the script from then on.
    await cache.getOrSet('b', () => 'computed')
    server.stop()
    // Asked to compute whatever is stored, it asks only for the lease.
    const calls = Array.from({ length: 5 }, (_, i) => cache.getOrSet(['c', i], () => i, { refresh: true }))
    expect(await Promise.all(calls)).toEqual([0, 1, 2, 3, 4])
    server.resume()
    await until(() => states.length > 1, 'the cache answers again')
    const ms = await timed(() =>
      cache.getOrSetMany(
        [0, 1, 2, 3, 4].map((i) => ['c', i]),
        (keys) => keys.map(String),
      ),
    )
    expect(ms).toBeLessThan(5000)
    expect(await cache.computing()).toEqual([])
  })

  test('keeps no key either for a computation whose lease it has granted, and told of too late', async () => {
    const proxy = await startProxy(server.port, 0)
    try {
      const { cache, states } = await open({ redis: proxy.url, lease: '20s' })
      await cache.getOrSet('b', () => 'computed')
      proxy.delayMs = 400
      expect(await cache.getOrSet('c', () => 'alone', { refresh: true })).toBe('alone')
      proxy.delayMs = 0
      await until(() => states.length > 1, 'the cache answers again')
      const ms = await timed(() => cache.getOrSet('c', () => 'second'))
      expect(ms).toBeLessThan(5000)
      await Promise.all(opened.splice(0).map((each) => each.close()))
    } finally {
      await proxy.close()
    }
  })

  test('is told later what became of a computation that ended meanwhile', async () => {
    const { cache, states } = await open({ lease: '20s' })
    const gate = makeGate()
    const first = cache.getOrSet('b', () => gate.opened.then(() => 'first'))
    await until(async () => (await cache.computing()).length === 1, 'it is being computed')
    server.stop()
    await cache.get('a', { default: 0 })
    await until(() => states.length > 0, 'the breaker is open')
    gate.open()
    expect(await first).toBe('first')
    server.resume()
    await until(() => states.length > 1, 'the cache answers again')
    const ms = await timed(() => cache.getOrSet('b', () => 'second'))
    expect(ms).toBeLessThan(5000)
    expect(await cache.computing()).toEqual([])
  })

  test('is left after some time, so that a new connection can be made', async () => {
    const { cache } = await open()
    const before = await cacheConnections(server)
    server.stop()
    await cache.get('a', { default: 0 })
    const stoppedMs = performance.now()
    await until(() => performance.now() - stoppedMs > 2000, 'it has been silent for long')
    server.resume()
    await until(() => cache.set('a', 1), 'the cache stores again')
    const after = await cacheConnections(server)
    expect(after.filter((each) => each.startsWith('keyedcache ') && before.includes(each))).toEqual([])
  })
})

describe('A Redis that answers', () => {
  test('is not taken for one that does not when it refuses what it is asked', async () => {
    const { cache, states } = await open()
    await server.client().config('SET', 'maxmemory', 1)
    for (let i = 0; i < 20; i++) expect(await cache.set(['b', i], i)).toBe(false) // eslint-disable-line no-await-in-loop
    expect(await cache.get('a')).toBe('stored')
    expect(states).toEqual([])
  })

  test.each<[what: string, remove: (cache: KeyedCache) => Promise<unknown>]>([
    ['a key', (cache) => cache.delete('full::1')],
    ['a key with children', (cache) => cache.delete('full', { children: true })],
    ['a tag', (cache) => cache.deleteTag('t')],
    ['everything', (cache) => cache.clear()],
  ])('deletes %s when it is full, while something is computed', async (_what, remove) => {
    const { cache } = await open()
    await cache.set('full::1', 1, { tags: ['t'] })
    const gate = makeGate()
    const computed = cache.getOrSet('computed', () => gate.opened)
    await until(async () => (await cache.computing()).length === 1, 'it is being computed')
    await server.client().config('SET', 'maxmemory', 1)
    try {
      await remove(cache)
      expect(await cache.has('full::1')).toBe(false)
    } finally {
      await server.client().config('SET', 'maxmemory', 0)
    }
    gate.open()
    await computed
  })

  test('is not taken for one that does not when it is far away', async () => {
    const proxy = await startProxy(server.port, 500)
    try {
      // An answer takes a third of the time for which Redis may be silent
      const { cache, states } = await open({ redis: proxy.url, redisTimeout: '1600ms' })
      for (let round = 0; round < 3; round++) {
        const all = Array.from({ length: 10 }, () => cache.get('a'))
        expect(new Set(await Promise.all(all))).toEqual(new Set(['stored'])) // eslint-disable-line no-await-in-loop
      }
      expect(states).toEqual([])
      await Promise.all(opened.splice(0).map((each) => each.close()))
    } finally {
      await proxy.close()
    }
  })
})

describe('A Redis that is full of the names of evicted entries', () => {
  const NAMES = 60_000

  /** A cache whose server has room for nothing, since that many names of entries that are gone fill it. */
  async function openFull(): Promise<{ cache: KeyedCache; keyPrefix: string }> {
    const keyPrefix = freshPrefix()
    const { cache } = await open({ keyPrefix, redisTimeout: '5s' })
    await cache.clear()
    const [index, expiry] = [`${keyPrefix}:index:`, `${keyPrefix}:expiry:`]
    await server.client().set(`${keyPrefix}:sweeper`, 'held by a test')
    for (let i = 0; i < NAMES; i += 1000) {
      const some = Array.from({ length: 1000 }, (_, j) => `dead::${i + j}`)
      await server.client().zadd(index, ...some.flatMap((name) => [0, name])) // eslint-disable-line no-await-in-loop
      await server.client().zadd(expiry, ...some.flatMap((name) => [Date.now() + 3_600_000, name])) // eslint-disable-line no-await-in-loop
    }
    const used = Number(/used_memory:(\d+)/.exec(await server.client().info('memory'))?.[1])
    await server.client().config('SET', 'maxmemory-policy', 'volatile-lru')
    await server.client().config('SET', 'maxmemory', used - 1_000_000)
    return { cache, keyPrefix }
  }

  test('finds room again for what is computed', async () => {
    const { cache } = await openFull()
    let runs = 0
    await until(async () => {
      await cache.getOrSet(['live', runs], () => runs++)
      return cache.has(['live', runs - 1])
    }, 'what is computed is stored')
  })

  test('is cleaned up in the background', async () => {
    const { keyPrefix } = await openFull()
    await server.client().config('SET', 'maxmemory', 0)
    await server.client().hset(`${keyPrefix}:sweep`, 'evicted', -NAMES)
    await server.client().config('SET', 'maxmemory', 1)
    await server.client().del(`${keyPrefix}:sweeper`)
    await until(async () => (await server.client().zcard(`${keyPrefix}:index:`)) < 10, 'the names are dropped')
  })
})

describe('Closing a cache', () => {
  test('takes less than 500 ms while Redis hangs, whatever is under way', async () => {
    const { cache } = await open()
    let end = (_value: unknown): void => {}
    const computing = cache.getOrSet('b', () => new Promise((resolve) => (end = resolve)))
    await until(async () => (await cache.computing()).length === 1, 'it is being computed')
    server.stop()
    const waiting = [cache.get('a', { default: 0 }), cache.set('a', 1)]
    const ms = await timed(() => cache.close())
    report(`Closed ${ms.toFixed(0)} ms after Redis has hung`)
    expect(ms).toBeLessThan(atMostMs(500))
    expect(await Promise.all(waiting)).toEqual([0, false])
    end('computed')
    expect(await computing).toBe('computed')
  })

  test('leaves what it was computing to others at once, and what it has counted in Redis', async () => {
    const keyPrefix = freshPrefix()
    const { cache } = await open({ keyPrefix, lease: '10s' })
    const { cache: other } = await open({ keyPrefix, lease: '10s' })
    const never = cache.getOrSet('b', () => new Promise(() => {}))
    never.catch(() => 'nobody waits')
    await until(async () => (await other.computing()).length === 1, 'it is being computed')
    const follower = other.getOrSet('b', () => 'taken over')
    const counted = (await other.stats()).calls
    await cache.get('a')
    await cache.close()
    const beganMs = performance.now()
    expect(await follower).toBe('taken over')
    expect(performance.now() - beganMs).toBeLessThan(5000)
    expect(await other.get('b')).toBe('taken over')
    expect((await other.stats()).calls).toBeGreaterThan(counted)
  })
})
