import { afterEach } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'

/** The cache of a shop, as the dashboard is tested with it. */
export interface Shop {
  /** A cache with nothing in it, closed when the test ends. */
  empty(options?: KeyedCacheOptions): KeyedCache
  /** Seven keys, and four calls counted. */
  filled(options?: KeyedCacheOptions): Promise<KeyedCache>
}

/** For the top of a test file. */
export function shop(): Shop {
  const caches: KeyedCache[] = []
  afterEach(async () => {
    await Promise.all(caches.splice(0).map((cache) => cache.close()))
  })
  const empty = (options?: KeyedCacheOptions): KeyedCache => {
    const cache = createKeyedCache(options)
    caches.push(cache)
    return cache
  }
  return { empty, filled: async (options) => fill(empty(options)) }
}

async function fill(cache: KeyedCache): Promise<KeyedCache> {
  await cache.setMany([
    ['product', 'all'],
    ['product::2', { name: 'table' }],
    ['other', new Map([['a', 1n]])],
    [['long', 'y'.repeat(250)], 'v'],
    ['user::1', { name: 'ann', password: 'secret' }],
  ])
  await cache.set('product::1', { name: 'chair' }, { tags: ['chairs', 'sale'], ttl: Infinity })
  await cache.getOrSet('computed', async () => 'slowly')
  for (const key of ['product', 'product::1', 'missing']) await cache.get(key, { default: null })
  return cache
}
