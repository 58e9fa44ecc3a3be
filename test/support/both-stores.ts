import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import { type RedisServer, startRedis } from './redis-server.js'

/** Opens a cache with nothing in it, closed when the test ends. */
export type OpenCache = (options?: KeyedCacheOptions) => KeyedCache

/** Runs the same tests twice: on the embedded store, and on a Redis server of the file's own. */
export function describeOnBothStores(name: string, tests: (open: OpenCache, kind: 'memory' | 'redis') => void): void {
  describe(`${name}, on the embedded store`, () => tests(opener(), 'memory'))

  describe(`${name}, on Redis`, () => {
    let server: RedisServer
    beforeAll(async () => {
      server = await startRedis()
    })
    afterAll(() => server.close())
    tests(
      // A time limit that a busy machine does not reach
      opener(() => ({ redis: server.url, keyPrefix: freshPrefix(), redisTimeout: '5s' })),
      'redis',
    )
  })
}

/** A prefix that no other test uses. */
export function freshPrefix(): string {
  return `test-${randomUUID()}`
}

function opener(where: () => KeyedCacheOptions = () => ({})): OpenCache {
  const opened: KeyedCache[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
  })
  return (options) => {
    const cache = createKeyedCache({ ...where(), ...options })
    opened.push(cache)
    return cache
  }
}
