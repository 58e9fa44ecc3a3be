import { AsyncLocalStorage } from 'node:async_hooks'
import type { StoreBackedCache } from '../cache/keyed-cache.js'
import { RequestCache } from './request-cache.js'
import type { RequestMemory } from './request-memory.js'

/** The caches of one request: one Map for each keyed cache that it uses, made when first used. */
export class RequestContext {
  readonly #caches = new Map<StoreBackedCache, RequestCache>()
  #open = true

  /** The request's view of a cache. */
  view(cache: StoreBackedCache): RequestCache {
    const known = this.#caches.get(cache)
    if (known !== undefined) return known
    const view = new RequestCache(cache)
    if (this.#open) {
      watchWrites(cache)
      this.#caches.set(cache, view)
    } else view.memory.close()
    return view
  }

  /** The request's view of a cache, if it has used it. */
  viewInUse(cache: StoreBackedCache): RequestCache | undefined {
    return this.#caches.get(cache)
  }

  /** The request is over: its Maps are dropped, and what still uses them passes through. */
  close(): void {
    this.#open = false
    for (const view of this.#caches.values()) view.memory.close()
    this.#caches.clear()
  }
}

const current = new AsyncLocalStorage<RequestContext>()

/** Runs what serves a request, so that the functions of the original find its Maps. */
export function runInRequest<T>(context: RequestContext, serve: () => T): T {
  return current.run(context, serve)
}

/** The request that the caller works for, if it came through the middleware. */
export function currentRequest(): RequestContext | undefined {
  return current.getStore()
}

const watched = new WeakSet<StoreBackedCache>()

/** Lets requests see what they write, compute and delete through the cache itself. */
function watchWrites(cache: StoreBackedCache): void {
  if (watched.has(cache)) return
  watched.add(cache)
  const memory = (): RequestMemory | undefined => currentRequest()?.viewInUse(cache)?.memory
  cache.on('set', ({ key }) => memory()?.forget(key, false))
  cache.on('delete', ({ key, children }) => memory()?.forget(key, children))
  cache.on('compute', ({ key, stored }) => memory()?.computed(key, stored))
}
