export { keyedcacheAdmin, type KeyedcacheAdminOptions } from './admin/admin.js'
export type { AuditEvent } from './cache/audit.js'
export type {
  Cache,
  CachedFunction,
  CacheStats,
  ChildPage,
  Computation,
  EntryInfo,
  EntryOutline,
  Factory,
  FactoryContext,
  FunctionOptions,
  GetOrSetOptions,
  KeyedCache,
  KeyPage,
  ManyFactory,
  PageOptions,
  SetOptions,
} from './cache/cache.js'
export type { Ttl } from './cache/duration.js'
export {
  CacheNotRespondingError,
  CacheTimeoutError,
  ImproperlyConfiguredError,
  KeyedCacheError,
  type KeyedCacheErrorCode,
  NotCachedError,
} from './cache/errors.js'
export type { CacheEvents } from './cache/events.js'
export { cacheKey, cacheKeyUnder, type Key, type KeyPairs, type KeyPart, type KeyScalar } from './cache/key.js'
export type { NearOptions } from './cache/near-bounds.js'
export type { Serializer } from './cache/serializer.js'
export type { Logger } from './cache/safe-logger.js'
export type { KeyedCacheOptions } from './cache-options.js'
export { createKeyedCache } from './create-keyed-cache.js'
export { cached, type CachedDecorator } from './defaults/cached-method.js'
export {
  type CachedClass,
  type CachedInstance,
  CachedObject,
  type CachedObjectOptions,
} from './defaults/cached-object.js'
export { caches, closeCaches, configure, type KeyedCacheConfiguration } from './defaults/configure.js'
export {
  cacheClear,
  cacheDelete,
  cacheDeleteFunction,
  cacheEnable,
  cacheEnabled,
  cacheFunction,
  cacheGet,
  cacheRequire,
  cacheSet,
  isCached,
} from './defaults/functions.js'
export { keyedcache, type KeyedcacheOptions } from './express/middleware.js'
