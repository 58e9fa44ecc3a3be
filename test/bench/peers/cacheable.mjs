import KeyvRedis from '@keyv/redis'
import { Cacheable } from 'cacheable'

/** https://cacheable.org/docs/cacheable/: Redis as the only store, and behind the memory that it has by itself. */
export const cacheable = {
  name: 'cacheable',
  docs: 'https://cacheable.org/docs/cacheable/',

  async throughRedis({ redis }) {
    return calls(new Cacheable({ primary: new KeyvRedis(redis), ttl: '5m' }), 'redis')
  },

  async withMemory({ redis }) {
    return calls(new Cacheable({ secondary: new KeyvRedis(redis), ttl: '5m' }), 'memory')
  },
}

function calls(cache, prefix) {
  const keyOf = (id) => `cacheable-${prefix}:product:${id}`
  return {
    get: (id) => cache.get(keyOf(id)),
    set: (id, value) => cache.set(keyOf(id), value),
    getMany: (ids) => cache.getMany(ids.map(keyOf)),
    getOrSet: (id, factory) => cache.getOrSet(keyOf(id), factory),
    close: () => cache.disconnect(),
  }
}
