import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CacheStats, KeyedCache } from '../../../src/contract/cache.js'
import type { CacheEvents } from '../../../src/contract/cache-events.js'
import { CacheNotRespondingError, NotCachedError } from '../../../src/contract/errors.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../support/both-stores.js'
import { atMostMs } from '../../support/fault-row.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { warningsDuring } from '../../support/warnings.js'

const TIMEOUT_MS = 250

let server: RedisServer
const opened: KeyedCache[] = []
beforeEach(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
  await server.close()
})

function open(options: KeyedCacheOptions = {}): KeyedCache {
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const cache = createKeyedCache({
    redis: server.url,
    keyPrefix: freshPrefix(),
    redisTimeout: TIMEOUT_MS / 1000,
    logger: silent,
    ...options,
  })
  opened.push(cache)
  return cache
}

async function openAndFill(options?: KeyedCacheOptions): Promise<KeyedCache> {
  const cache = open(options)
  await until(() => cache.set('a', 'stored'), 'the cache answers')
  return cache
}

/** Checks that what runs ends within the time limit. */
async function soon<T>(run: () => Promise<T>): Promise<T> {
  const began = performance.now()
  try {
    return await run()
  } finally {
    expect(performance.now() - began).toBeLessThan(atMostMs(TIMEOUT_MS))
  }
}

const QUIET: readonly [string, (cache: KeyedCache) => Promise<unknown>, unknown][] = [
  ['get answers its default', (cache) => cache.get('a', { default: 'default' }), 'default'],
  ['getMany answers its default', (cache) => cache.getMany(['a', 'b'], { default: 0 }), [0, 0]],
  ['has answers false', (cache) => cache.has('a'), false],
  ['set answers false', (cache) => cache.set('a', 1), false],
  ['setMany answers false', (cache) => cache.setMany([['a', 1], ['b', 2]]), false], // prettier-ignore
  ['getOrSet answers what was set meanwhile', (cache) => cache.getOrSet('a', () => 'computed'), 1],
  ['getOrSet computes', (cache) => cache.getOrSet('d', () => 'computed'), 'computed'],
  ['getOrSetMany computes', (cache) => cache.getOrSetMany(['e', 'f'], (keys) => keys), ['e', 'f']],
  ['a cached function computes', (cache) => cache.wrap(async (x: number) => x + 1, { name: 'inc' })(1), 2],
]

const LOUD: readonly [string, (cache: KeyedCache) => Promise<unknown>][] = [
  ['delete', (cache) => cache.delete('a')],
  ['delete with children', (cache) => cache.delete('a', { children: true })],
  ['clear', (cache) => cache.clear()],
  ['keys', (cache) => cache.keys()],
  ['children', (cache) => cache.children()],
  ['count', (cache) => cache.count()],
  ['entry', (cache) => cache.entry('a')],
  ['computing', (cache) => cache.computing()],
  ['require', (cache) => cache.require()],
]

/** What every call does while Redis does not answer. */
async function expectDown(cache: KeyedCache): Promise<void> {
  const began = Date.now()
  await expect(soon(() => cache.get('a'))).rejects.toThrow(NotCachedError)
  /* eslint-disable no-await-in-loop -- each call is timed by itself */
  for (const [what, call, answer] of QUIET) expect(await soon(() => call(cache)), what).toEqual(answer)
  for (const [what, call] of LOUD) {
    const error: unknown = await soon(() => call(cache)).catch((caught: unknown) => caught)
    expect(error, what).toBeInstanceOf(CacheNotRespondingError)
    expect(error, what).toMatchObject({ code: 'ERR_CACHE_NOT_RESPONDING', cause: expect.any(Error) })
  }
  /* eslint-enable no-await-in-loop */
  const stats = await soon(() => cache.stats())
  expect(stats.backend).toMatchObject({ kind: 'redis', up: false })
  expect(stats.keys).toBeNull()
  expect(stats.errors).toBeGreaterThan(0)
  expect(stats.misses).toBeGreaterThan(0)
  expect(Math.abs(stats.backend.since.getTime() - began)).toBeLessThan(5000)
}

async function expectUp(cache: KeyedCache): Promise<void> {
  await until(() => cache.set('b', 'after'), 'the cache stores again')
  expect(await cache.get('b')).toBe('after')
  expect(await cache.getOrSet('c', () => 'computed')).toBe('computed')
  expect(await cache.get('c')).toBe('computed')
  expect(await cache.delete('b')).toEqual(['b'])
  const keys = await until(async () => (await cache.stats()).keys, 'the backend is up, and its keys are counted')
  expect(keys).toBeGreaterThan(0)
}

describe('A Redis that does not answer', () => {
  test('at the start is no trouble of the caller', async () => {
    await server.kill()
    await expectDown(open())
  })

  test('at the start is used as soon as it is there', async () => {
    await server.kill()
    const cache = open()
    expect(await soon(() => cache.set('a', 1))).toBe(false)
    await server.restart()
    await expectUp(cache)
  })

  test('since it was killed is no trouble of the caller, and works again after it has started', async () => {
    const cache = await openAndFill()
    await server.kill()
    await expectDown(cache)
    await server.restart()
    await expectUp(cache)
  })

  test('since it hangs is no trouble of the caller, and works again when it goes on', async () => {
    const cache = await openAndFill()
    server.stop()
    await expectDown(cache)
    server.resume()
    await expectUp(cache)
  })

  test('for less than the time limit is no trouble at all', async () => {
    const cache = await openAndFill({ redisTimeout: '2s' })
    let timesDown = 0
    cache.on('state', ({ up }) => (timesDown += up ? 0 : 1))
    server.stop()
    const calls = [cache.get('a'), cache.set('b', 1), cache.getOrSet('a', () => 'computed')]
    // More than half of the limit
    await new Promise((resolve) => setTimeout(resolve, 1200))
    server.resume()
    expect(await Promise.all(calls)).toEqual(['stored', true, 'stored'])
    expect(timesDown).toBe(0)
  })

  test('in the middle of many calls lets each of them go on', async () => {
    const cache = await openAndFill()
    server.stop()
    const calls = Array.from({ length: 200 }, (_, i) => soon(() => cache.getOrSet(['p', i], () => i)))
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => i))
    const killed = Array.from({ length: 200 }, (_, i) => soon(() => cache.getOrSet(['q', i], () => i)))
    await server.kill()
    expect(await Promise.all(killed)).toEqual(killed.map((_, i) => i))
  })

  test('while a value is computed does not hold its caller up', async () => {
    const cache = await openAndFill()
    const value = await cache.getOrSet('new', async () => {
      await server.kill()
      return 'computed'
    })
    expect(value).toBe('computed')
    server.stop()
  })

  test('is computed for once by all calls of a process for one key', async () => {
    const cache = await openAndFill()
    await server.kill()
    let runs = 0
    const compute = async (): Promise<number> => {
      await new Promise((resolve) => setImmediate(resolve))
      return ++runs
    }
    expect(await Promise.all(Array.from({ length: 20 }, () => cache.getOrSet('k', compute)))).toEqual(Array(20).fill(1))
    expect(runs).toBe(1)
  })

  test('costs no waiting once that is known', async () => {
    const cache = await openAndFill()
    await server.kill()
    await until(async () => !(await cache.stats()).backend.up, 'the cache has noticed')
    const began = performance.now()
    for (let i = 0; i < 20; i++) await cache.get('a', { default: 0 }) // eslint-disable-line no-await-in-loop
    expect(performance.now() - began).toBeLessThan(atMostMs(TIMEOUT_MS))
  })

  test('is told of once by a state event and a line of the log, not once by each call', async () => {
    const states: CacheEvents['state'][] = []
    const lines: string[] = []
    const logger = {
      info: (line: string) => void lines.push(`info ${line}`),
      warn: (line: string) => void lines.push(`warn ${line}`),
      error: (line: string) => void lines.push(`error ${line}`),
    }
    const cache = open({ logger }).on('state', (state) => states.push(state))
    await until(() => cache.set('a', 1), 'the cache answers')
    await server.kill()
    for (let i = 0; i < 20; i++) await cache.get('a', { default: 0 }) // eslint-disable-line no-await-in-loop
    await until(() => states.length === 2, 'the cache has noticed')
    await server.restart()
    await until(() => states.length === 3, 'the cache has noticed')
    expect(states.map(({ up }) => up)).toEqual([true, false, true])
    expect(lines.map((line) => line.slice(0, line.indexOf(' ')))).toEqual(['info', 'warn', 'info'])
  })

  test('is told of by a warning where there is no logger', async () => {
    await server.kill()
    const warnings = await warningsDuring('KEYEDCACHE_DOWN', async () => {
      const cache = open({ logger: undefined })
      await cache.get('a', { default: 0 })
      await until(async () => !(await cache.stats()).backend.up, 'the cache has noticed')
      await cache.get('a', { default: 0 })
    })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/'default' does not reach its Redis/)
  })

  test('is told of by error events with the key, which nobody has to listen to', async () => {
    const cache = await openAndFill()
    await server.kill()
    const errors: CacheEvents['error'][] = []
    cache.on('error', (event) => errors.push(event))
    await cache.get(['p', 1], { default: 0 })
    await cache.set(['p', 2], 0)
    const told = errors.filter(({ key }) => key !== undefined).map(({ operation, key }) => [operation, key])
    expect(told).toEqual([
      ['get', 'p::1'],
      ['set', 'p::2'],
    ])
    expect(errors.every(({ error }) => error instanceof Error)).toBe(true)
  })

  test('is no error of the cache where somebody only looks: who asks is told', async () => {
    const cache = await openAndFill()
    await server.kill()
    const looks = [
      () => cache.keys(),
      () => cache.children(),
      () => cache.count(),
      () => cache.tagged('t'),
      () => cache.entry('a'),
      () => cache.entries(['a']),
      () => cache.bytes('a'),
      () => cache.computing(),
      () => cache.activity(),
    ]
    await until(async () => !(await cache.stats()).backend.up, 'the cache has noticed')
    const operations: string[] = []
    cache.on('error', ({ operation }) => operations.push(operation))
    for (const look of looks) await expect(look()).rejects.toThrow(CacheNotRespondingError)
    expect(operations).toEqual([])
    await expect(cache.delete('a')).rejects.toThrow(CacheNotRespondingError)
    expect(operations).toEqual(['delete'])
  })

  test('does not hold up the end of the cache', async () => {
    const cache = await openAndFill()
    server.stop()
    const began = performance.now()
    await cache.close()
    expect(performance.now() - began).toBeLessThan(atMostMs(500))
  })

  test('is down since then, not since it was reached', async () => {
    const cache = await openAndFill()
    const { since } = (await cache.stats()).backend
    await until(() => Date.now() > since.getTime() + 50, 'some time has passed')
    server.stop()
    const { backend } = await cache.stats()
    expect(backend).toMatchObject({ up: false, roundTripMs: null })
    expect(backend.since.getTime()).toBeGreaterThanOrEqual(since.getTime() + 50)
  })

  test('keeps what it counted until it can send it', async () => {
    const cache = await openAndFill()
    const before = await cache.stats()
    server.stop()
    await cache.get('a', { default: 0 })
    await cache.get('a', { default: 0 })
    server.resume()
    const after = (await until(async () => {
      const stats = await cache.stats()
      return stats.backend.up && stats
    }, 'the server answers again')) as CacheStats
    expect(after.calls - before.calls).toBe(2)
    expect(after.misses - before.misses).toBe(2)
  })
})
