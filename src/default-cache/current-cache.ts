import type { Cache } from '../contract/cache.js'
import type { FunctionHome } from '../cache/cached-function.js'
import { RequestCache } from '../request/request-cache.js'
import { currentRequest } from '../request/request-context.js'
import { defaultCache } from './configure.js'

/** The default cache. Inside a request that went through `keyedcache()`, the view that the request has of it. */
export function currentCache(): Cache {
  const cache = defaultCache()
  const request = currentRequest()
  return request === undefined ? cache : new RequestCache(request, cache, defaultCache)
}

/** Where functions of the default cache keep their results, looked up at each call. */
export function currentFunctionHome(): FunctionHome {
  return { cache: currentCache(), names: defaultCache().functionNames }
}
