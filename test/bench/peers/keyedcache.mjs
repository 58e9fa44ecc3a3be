import { createKeyedCache } from '../../../dist/index.js'

/** As docs/guide.md has it. */
export const keyedcache = {
  name: 'keyedcache',
  docs: '#configuration',

  async throughRedis({ redis }) {
    const cache = createKeyedCache({ redis, keyPrefix: 'peers', redisTimeout: '10s' })
    await cache.require()
    return calls(cache)
  },

  /** Undefined where this build has no near tier. */
  async withMemory({ redis }) {
    if (!hasNearTier()) return undefined
    const cache = createKeyedCache({ redis, keyPrefix: 'peers-near', near: true, redisTimeout: '10s' })
    await cache.require()
    return calls(cache)
  },
}

/** The store without Redis, in the memory of one process. */
export const embedded = {
  name: 'keyedcache, embedded store',
  docs: '#configuration',

  async withMemory() {
    return calls(createKeyedCache())
  },
}

function calls(cache) {
  return {
    cache,
    get: (id) => cache.get(['product', id]),
    set: (id, value) => cache.set(['product', id], value),
    getMany: (ids) => cache.getMany(ids.map((id) => ['product', id])),
    getOrSet: (id, factory) => cache.getOrSet(['product', id], factory),
    close: () => cache.close(),
  }
}

function hasNearTier() {
  try {
    void createKeyedCache({ near: true, ttl: 1 }).close()
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}
