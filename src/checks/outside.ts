import { AsyncResource } from 'node:async_hooks'

const loading = new AsyncResource('keyedcache')

/**
 * Runs what belongs to no caller, in the async context in which this module was loaded. A cache is often made by the first request, or uses
 * its connection first there. What it opens lives as long as the cache. In the context of that request it would keep for as long what
 * an `AsyncLocalStorage` of the application holds for the request, and all that is sent in the background would seem to be of that request.
 */
export function outside<T>(run: () => T): T {
  return loading.runInAsyncScope(run)
}
