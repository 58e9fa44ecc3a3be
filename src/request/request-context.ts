import type { AsyncLocalStorage } from 'node:async_hooks'
import type { StoreBackedCache } from '../cache/keyed-cache.js'
import { shared } from '../contract/copies/shared.js'
import { RequestMemory } from './request-memory.js'

/** The response of a request, which tells when the request is over. */
interface Closing {
  readonly closed: boolean
  once(event: 'close', listener: () => void): unknown
}

/** The Maps of one request: one for each keyed cache that it uses, made when first used. */
export class RequestContext {
  readonly #response: Closing
  #memories: Map<StoreBackedCache, RequestMemory> | undefined

  constructor(response: Closing) {
    this.#response = response
  }

  /** The Map in front of a cache. Once the request is over it remembers nothing. */
  memoryOf(cache: StoreBackedCache): RequestMemory {
    const known = this.#memories?.get(cache)
    if (known !== undefined) return known
    const memory = new RequestMemory()
    watchWrites(cache)
    if (this.#response.closed) {
      memory.close()
      return memory
    }
    if (this.#memories === undefined) this.#response.once('close', () => this.#close())
    this.#memories ??= new Map()
    this.#memories.set(cache, memory)
    return memory
  }

  /** The same, if the request has used that cache. */
  memoryInUse(cache: StoreBackedCache): RequestMemory | undefined {
    return this.#memories?.get(cache)
  }

  /** Drops the Maps, because the request is over. Code that still uses them asks the cache itself. */
  #close(): void {
    for (const memory of this.#memories?.values() ?? []) memory.close()
    this.#memories?.clear()
  }
}

const current = shared.requests as AsyncLocalStorage<RequestContext>

/** Runs the code that serves a request, so that the functions of the default cache, such as `cacheGet`, find its Maps. */
export function runInRequest<T>(context: RequestContext, serve: () => T): T {
  return current.run(context, serve)
}

/** The request that the caller works for, if it came through the middleware. */
export function currentRequest(): RequestContext | undefined {
  return current.getStore()
}

/** Forgets a key when a request writes, computes or deletes it through the cache itself. So the request sees the change. */
function watchWrites(cache: StoreBackedCache): void {
  if (shared.watchedCaches.has(cache)) return
  shared.watchedCaches.add(cache)
  const memory = (): RequestMemory | undefined => currentRequest()?.memoryInUse(cache)
  cache.onChange(({ key, children }) => memory()?.forget(key, children))
  cache.on('set', ({ key }) => memory()?.forget(key, false))
  cache.on('delete', ({ key, children }) => memory()?.forget(key, children))
  cache.on('compute', ({ key, stored }) => {
    if (stored) memory()?.computed(key)
  })
}
