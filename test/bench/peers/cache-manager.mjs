import KeyvRedis from '@keyv/redis'
import { createCache } from 'cache-manager'
import { CacheableMemory } from 'cacheable'
import { Keyv } from 'keyv'

/** https://cacheable.org/docs/cache-manager/: the Redis store, and behind the memory store of its quick start. */
export const cacheManager = {
  name: 'cache-manager',
  docs: 'https://cacheable.org/docs/cache-manager/',

  async throughRedis({ redis }) {
    return calls([new Keyv({ store: new KeyvRedis(redis) })], 'redis')
  },

  async withMemory({ redis }) {
    const memory = new Keyv({ store: new CacheableMemory({ ttl: 60_000, lruSize: 5000 }) })
    return calls([memory, new Keyv({ store: new KeyvRedis(redis) })], 'memory')
  },
}

function calls(stores, prefix) {
  const cache = createCache({ stores, ttl: 300_000 })
  const keyOf = (id) => `cache-manager-${prefix}:product:${id}`
  return {
    get: (id) => cache.get(keyOf(id)),
    set: (id, value) => cache.set(keyOf(id), value),
    getMany: (ids) => cache.mget(ids.map(keyOf)),
    getOrSet: (id, factory) => cache.wrap(keyOf(id), factory),
    close: () => cache.disconnect(),
  }
}
