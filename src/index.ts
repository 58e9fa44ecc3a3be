export { keyedcacheAdmin, type KeyedcacheAdminOptions, type KeyedcacheDashboard } from './admin/admin.js'
export type { AuditEvent } from './contract/audit-event.js'
export type {
  Cache,
  CachedFunction,
  CacheStats,
  FunctionOptions,
  GetOrSetOptions,
  KeyedCache,
  RequestScopedCache,
  SetOptions,
} from './contract/cache.js'
export type { Factory, FactoryContext, ManyFactory, ManyFactoryContext } from './contract/factory.js'
export type { ChildPage, Computation, EntryInfo, EntryOutline, KeyPage, PageOptions } from './contract/inspected.js'
export type { Ttl } from './checks/duration.js'
export {
  CacheNotRespondingError,
  CacheTimeoutError,
  ImproperlyConfiguredError,
  KeyedCacheError,
  type KeyedCacheErrorCode,
  NotCachedError,
} from './contract/errors.js'
export type { CacheEvents } from './contract/cache-events.js'
export { cacheKey, cacheKeyUnder, type Key, type KeyPairs, type KeyPart, type KeyScalar } from './keys/key.js'
export type { FallbackOptions, NearOptions } from './contract/options/copy-bounds.js'
export type { RedisAddress, RedisClient, RedisClientOptions } from './contract/redis-address.js'
export type { Serializer } from './values/serializer.js'
export type { Logger } from './contract/events/safe-logger.js'
export type { KeyedCacheOptions } from './cache/cache-options.js'
export { createKeyedCache } from './cache/create-keyed-cache.js'
export { cached, type CachedDecorator } from './default-cache/cached-method.js'
export {
  type CachedClass,
  type CachedInstance,
  CachedObject,
  type CachedObjectOptions,
  type FindCachedOptions,
} from './default-cache/cached-object.js'
export { caches, closeCaches, configure, type KeyedCacheConfiguration } from './default-cache/configure.js'
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
} from './default-cache/functions.js'
export { keyedcache, type KeyedcacheMiddleware, type KeyedcacheOptions } from './express/middleware.js'
