import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import type { KeyedCache } from '../../src/contract/cache.js'
import { allAnswer } from './all-answer.js'
import { freshPrefix } from './both-stores.js'
import { type RedisCluster, startCluster } from './redis-cluster.js'
import { type RedisServer, startRedis } from './redis-server.js'

/** Opens so many caches of one prefix, which answer. */
export type OpenCaches = (count: number, options?: KeyedCacheOptions) => Promise<KeyedCache[]>

/** Runs the same tests on one server and on a Cluster, with several caches of one prefix, as several processes have them. */
export function describeOnOnePrefix(
  name: string,
  tests: (open: OpenCaches, masters: () => readonly RedisServer[]) => void,
): void {
  describe.each(['one server', 'a Cluster'] as const)(`On %s ${name}`, (where) => {
    let server: RedisServer | RedisCluster
    const opened: KeyedCache[] = []
    beforeAll(async () => {
      server = await (where === 'one server' ? startRedis() : startCluster())
    }, 60_000)
    afterAll(() => server.close())
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((cache) => cache.close()))
    })

    const open: OpenCaches = async (count, options = {}) => {
      const redis = 'urls' in server ? server.urls : server.url
      const keyPrefix = freshPrefix()
      const all = Array.from({ length: count }, () =>
        createKeyedCache({ redis, keyPrefix, redisTimeout: '5s', lease: '1m', ...options }),
      )
      opened.push(...all)
      await allAnswer(...all)
      return all
    }
    tests(open, () => ('urls' in server ? server.masters : [server]))
  })
}
