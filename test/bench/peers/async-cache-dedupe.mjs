import { createCache } from 'async-cache-dedupe'
import { Redis } from 'ioredis'

/** https://github.com/mcollina/async-cache-dedupe#api: its storage in Redis, and the one in memory that is its default. */
export const asyncCacheDedupe = {
  name: 'async-cache-dedupe',
  docs: 'https://github.com/mcollina/async-cache-dedupe#api',

  async throughRedis({ redis }) {
    const client = new Redis(redis)
    return calls({ type: 'redis', options: { client } }, () => client.disconnect())
  },

  async withMemory() {
    return calls({ type: 'memory' }, () => {})
  },
}

/** It caches a function, defined beforehand; here that calls the factory given last. */
function calls(storage, close) {
  let compute = () => {
    throw new Error('no hit')
  }
  const cache = createCache({ ttl: 300, storage })
  cache.define('product', () => compute())
  return {
    get: (id) => cache.product(id),
    getOrSet(id, factory) {
      compute = factory
      return cache.product(id)
    },
    close,
  }
}
