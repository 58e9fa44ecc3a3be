import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../support/both-stores.js'
import { countedDuring } from '../../support/commands-counted.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'

const CACHES = 4
const KEYS = 50
/** How a call reads, asks for the lease and stores. */
const OF_KEYS = new Set(['get', 'mget', 'eval', 'evalsha'])

let server: RedisServer
beforeEach(async () => {
  server = await startRedis()
})
afterEach(() => server.close())

test('A Redis that comes back empty is asked for at most three commands a missed key, and each key is computed once', async () => {
  const options = { redis: server.url, keyPrefix: freshPrefix(), redisTimeout: '5s' } as const
  const caches = Array.from({ length: CACHES }, () => createKeyedCache(options))
  const runs = new Map<string, number>()
  let [hits, misses] = [0, 0]
  for (const cache of caches) {
    cache.on('hit', () => hits++)
    cache.on('miss', () => misses++)
  }
  /** Each cache is asked for all keys, one after the other, so that no commands are merged. */
  const callAll = (): Promise<unknown> =>
    Promise.all(
      caches.map(async (cache) => {
        for (let i = 0; i < KEYS; i++) {
          const key = `k${i}`
          // eslint-disable-next-line no-await-in-loop
          await cache.getOrSet(key, () => {
            runs.set(key, (runs.get(key) ?? 0) + 1)
            return 'x'
          })
        }
      }),
    )
  const allAre = (wanted: boolean): Promise<unknown> =>
    until(async () => {
      const all = await Promise.all(caches.map((cache) => cache.stats()))
      return all.every(({ backend }) => backend.up === wanted)
    }, `up is ${wanted} everywhere`)
  try {
    await allAre(true)
    await callAll()
    await server.kill()
    await allAre(false)
    await callAll()
    await server.restart()
    await allAre(true)
    runs.clear()
    hits = misses = 0
    const sent = await countedDuring(server, callAll)
    // What they kept while Redis was away answers no more.
    expect([...runs.values()]).toEqual(Array.from({ length: KEYS }, () => 1))
    expect(sent.filter(({ name }) => OF_KEYS.has(name)).length).toBeLessThanOrEqual(hits + 3 * misses)
  } finally {
    await Promise.all(caches.map((cache) => cache.close()))
  }
})
