import { cachified as call, totalTtl } from '@epic-web/cachified'
import { createClient } from '@keyv/redis'
import { redisCacheAdapter } from 'cachified-redis-adapter'
import { LRUCache } from 'lru-cache'

/** https://github.com/epicweb-dev/cachified: with its Redis adapter and node-redis, and with the LRU cache of its first example. */
export const cachified = {
  name: 'cachified',
  package: '@epic-web/cachified',
  docs: 'https://github.com/epicweb-dev/cachified#usage',

  async throughRedis({ redis }) {
    const client = createClient({ url: redis })
    await client.connect()
    return calls(redisCacheAdapter(client), () => client.close())
  },

  async withMemory() {
    const memory = new LRUCache({ max: 1000 })
    const cache = {
      set(key, value) {
        const ttl = totalTtl(value?.metadata)
        return memory.set(key, value, { ttl: ttl === Infinity ? undefined : ttl, start: value?.metadata?.createdTime })
      },
      get: (key) => memory.get(key),
      delete: (key) => memory.delete(key),
    }
    return calls(cache, () => memory.clear())
  },
}

/** It knows only one call, which reads or computes. */
function calls(cache, close) {
  const getOrSet = (id, factory) =>
    call({ key: `cachified:product:${id}`, cache, getFreshValue: factory, ttl: 300_000 })
  return { get: (id) => getOrSet(id, noHit), getOrSet, close }
}

function noHit() {
  throw new Error('no hit')
}
