import { asyncCacheDedupe } from './async-cache-dedupe.mjs'
import { bentocache } from './bentocache.mjs'
import { cacheManager } from './cache-manager.mjs'
import { cacheable } from './cacheable.mjs'
import { cachified } from './cachified.mjs'
import { autoPipelining, ioredis } from './ioredis.mjs'
import { embedded, keyedcache } from './keyedcache.mjs'
import { layeredLoader } from './layered-loader.mjs'

/** The other caches, each as its own documentation configures it. */
export const peers = [bentocache, cacheable, cacheManager, cachified, asyncCacheDedupe, layeredLoader]

/** All that can read and write through Redis. The first one is what the others are compared with. */
export const throughRedis = [ioredis, keyedcache, autoPipelining, ...peers]

/** All that can keep values in memory. */
export const withMemory = [keyedcache, embedded, ...peers]
