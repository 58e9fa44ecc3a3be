import type { Cache, CachedFunction, FunctionOptions, SetOptions } from '../contract/cache.js'
import { cachedFunction, optionsOrTtl } from '../cache/cached-function.js'
import type { Ttl } from '../checks/duration.js'
import type { Key } from '../keys/key.js'
import { showScalar } from '../checks/show-scalar.js'
import { shared } from '../contract/copies/shared.js'
import { currentCache, currentFunctionHome } from './current-cache.js'
import { defaultCache } from './configure.js'

type AnyFunction = (...args: any[]) => any
// `never` has a parameter without a type checked, where `any` would let everything pass.
type Uncalled = (...args: never[]) => unknown
type Asynchronous<F extends Uncalled> =
  ReturnType<F> extends PromiseLike<unknown> ? F : (...args: Parameters<F>) => Promise<Awaited<ReturnType<F>>>

/** The value under a key of the default cache. Rejects with `NotCachedError` when there is nothing and no default. */
export const cacheGet: Cache['get'] = async (key: Key, options?: { default?: any }): Promise<any> =>
  currentCache().get(key, options as { default: unknown })

/** Stores a value in the default cache. `false`: it was not stored. Rejects as `Cache.set` does. */
export async function cacheSet(key: Key, value: unknown, options?: SetOptions): Promise<boolean> {
  return currentCache().set(key, value, options)
}

/** Deletes a key of the default cache, with `children` all keys below it too. Gives the keys removed. Rejects as `Cache.delete` does. */
export async function cacheDelete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]> {
  return currentCache().delete(key, options)
}

/** Deletes everything in the default cache. Gives the number of keys. Rejects as `Cache.delete` does. */
export async function cacheClear(): Promise<number> {
  return defaultCache().clear()
}

/** Whether the default cache has a fresh value under a key. Rejects as `Cache.has` does. */
export async function isCached(key: Key): Promise<boolean> {
  return currentCache().has(key)
}

/** Switches the default cache on or off. @throws {TypeError} for anything but a boolean. */
export function cacheEnable(state = true): void {
  defaultCache().enable(state)
}

/** Whether the default cache is switched on. @throws {ImproperlyConfiguredError} when the environment makes no cache. */
export function cacheEnabled(): boolean {
  return defaultCache().enabled
}

/** Rejects with `CacheNotRespondingError` unless the default cache takes a value and gives it back. */
export async function cacheRequire(): Promise<void> {
  return defaultCache().require()
}

/** The cached function of each function in the default cache. */
const cachedFunctions = shared.cachedFunctions as WeakMap<AnyFunction, CachedFunction<any>>

/**
 * Makes functions whose results are kept in the default cache: `cacheFunction({ ttl: 60 })(fn)` or `cacheFunction(60)(fn)`.
 * @throws {TypeError} naming the option that is wrong.
 * @throws {Error} when a function has no name, or one that a minifier made, and the option `name` is not given.
 */
export function cacheFunction<A extends unknown[] = never[]>(
  options: FunctionOptions<(...args: A) => any> | Ttl = {},
): <F extends (...args: [...A, ...never[]]) => unknown>(fn: F) => CachedFunction<Asynchronous<F>> {
  const given = optionsOrTtl<AnyFunction>(options as FunctionOptions<AnyFunction> | Ttl, 'cacheFunction(options)(fn)')
  return (fn: AnyFunction) => {
    const cached = cachedFunctions.get(fn) ?? cachedFunction(currentFunctionHome, fn, given)
    cachedFunctions.set(fn, cached)
    return cached
  }
}

/**
 * Deletes all results of a cached function. `fn` is the cached function, or the function that was cached. Gives how many there were.
 * Rejects with a `TypeError` for any other function.
 */
export async function cacheDeleteFunction(fn: AnyFunction): Promise<number> {
  const cached = cachedFunctions.get(fn) ?? (fn as Partial<CachedFunction<AnyFunction>>)
  if (typeof cached === 'function' && typeof cached.clear === 'function') return cached.clear()
  throw new TypeError(
    `Expected a function that was given to cacheFunction, or what cacheFunction gave back, got ${showScalar(fn)}`,
  )
}
