import type { RequestHandler } from 'express'
import type { KeyedCache, RequestScopedCache } from '../contract/cache.js'
import { StoreBackedCache } from '../cache/keyed-cache.js'
import { checkMounting } from '../contract/options/mounting.js'
import { checkOptions } from '../contract/options/option-checks.js'
import { show } from '../checks/show.js'
import { defaultCache, defaultCacheIfMade } from '../default-cache/configure.js'
import { checkEnvironmentSoon } from '../default-cache/environment-check.js'
import { RequestCache } from '../request/request-cache.js'
import { RequestContext, runInRequest } from '../request/request-context.js'

declare global {
  namespace Express {
    interface Request {
      /** The cache, with a Map of this request in front of it. Set by `app.use(keyedcache())`. */
      cache: RequestScopedCache
    }
  }
}

/**
 * What `keyedcache()` gives: a `RequestHandler` of Express. The name is this package's own, so that declarations of an
 * application that exports one need no types of packages that it has not installed itself, as those under pnpm.
 */
export interface KeyedcacheMiddleware extends RequestHandler {}

/** The options of `keyedcache`. */
export interface KeyedcacheOptions {
  /** The cache behind `req.cache`. @defaultValue the default cache */
  cache?: KeyedCache | undefined
  /** Whether functions called by a request find its Map (by `AsyncLocalStorage`). @defaultValue true */
  context?: boolean | undefined
}

/**
 * Makes middleware that sets `req.cache`: the cache with a Map in front of it that lives as long as the request. Mounted again for the same
 * cache, it has no effect; for another cache, it sets `req.cache` from there on. Warns soon after (`KEYEDCACHE_DEFAULT`) if there is no default
 * cache by then and the environment cannot make one.
 * @throws {TypeError} naming the option that is wrong.
 */
export function keyedcache(options?: KeyedcacheOptions): KeyedcacheMiddleware {
  checkMounting(options, { name: 'keyedcache', mounted: 'app.use(keyedcache())', isCache })
  const { cache, context = true } = checkOptions(options, 'keyedcache', { cache: true, context: true }) ?? {}
  if (cache !== undefined && !isCache(cache)) {
    throw new TypeError(`Expected \`cache\` to be a cache made by createKeyedCache or configure, got ${show(cache)}`)
  }
  if (typeof context !== 'boolean')
    throw new TypeError(`Expected \`context\` to be true or false, got ${show(context)}`)
  if (cache === undefined) checkEnvironmentSoon()

  return function keyedcacheMiddleware(req, res, next) {
    // No property of its own marks the request, because one more property costs about as much as the rest of this function.
    const before = req.cache instanceof RequestCache ? req.cache : undefined
    if (before !== undefined && isSame(before.of, cache)) return next()
    const requestContext = before?.context ?? new RequestContext(res)
    req.cache = new RequestCache(requestContext, cache, defaultCache)
    return context ? runInRequest(requestContext, next) : next()
  }
}

/** Whether two options `cache` say the same. The default cache is not made for that: most requests never use it. */
function isSame(one: StoreBackedCache | undefined, other: StoreBackedCache | undefined): boolean {
  return one === other || (one ?? defaultCacheIfMade()) === (other ?? defaultCacheIfMade())
}

function isCache(value: unknown): value is StoreBackedCache {
  return value instanceof StoreBackedCache
}
