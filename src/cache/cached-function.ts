import { types } from 'node:util'
import type { Cache, CachedFunction, FunctionOptions, GetOrSetOptions } from '../contract/cache.js'
import type { Ttl } from '../checks/duration.js'
import { argumentsKey, cacheKey, cacheKeyUnder, type KeyPart } from '../keys/key.js'
import { FUNCTION_OPTIONS } from '../contract/options/known-options.js'
import { checkFunction, checkOptions } from '../contract/options/option-checks.js'
import { show } from '../checks/show.js'
import { showScalar } from '../checks/show-scalar.js'
import { checkCallOptions } from '../contract/options/call-options.js'
import { oneLine, quoted } from '../checks/one-line.js'
import { reasonOf } from '../checks/reason.js'
import { isPromise } from '../checks/on-rejection.js'
import { shared } from '../contract/copies/shared.js'
import { isMinified, MAY_BE_BUNDLED } from './bundled-names.js'
import type { ClaimedNames } from './claimed-names.js'

/** The cache of a cached function and the names in it. Looked up anew for each call. */
export interface FunctionHome {
  /** The cache that calls go to. */
  readonly cache: Cache
  /** The names of the cached functions of that cache. */
  readonly names: ClaimedNames
}

type AnyFunction = (...args: any[]) => any

/** How to cache a function: in which cache, under which name, and with which keys. The options are checked already. */
export interface FunctionPlan<F extends AnyFunction> {
  readonly home: () => FunctionHome
  readonly fn: F
  readonly name: string
  /** Claims the name for a call on one object, which is the `this` of the call. @throws {Error} when another one has the name. */
  readonly claim: (names: ClaimedNames, self: unknown) => void
  /** The parent key of the calls on one object, which is the `this` of the call. */
  readonly parentOf: (self: unknown) => string
  readonly key: FunctionOptions<F>['key']
  readonly options: GetOrSetOptions<any>
}

/**
 * Makes a cached function from a function and its options. The options must be checked already.
 * @throws {TypeError} when `fn` is no function.
 * @throws {Error} when the function has no name, or one that a minifier made.
 */
export function cachedFunction<F extends AnyFunction>(
  home: () => FunctionHome,
  fn: F,
  given: FunctionOptions<F>,
): CachedFunction<F> {
  checkCached(fn)
  const { name = ownName(fn), key, ...options } = given
  const parent = cacheKey('func', name)
  const claim = (names: ClaimedNames): boolean => names.claim(name, fn)
  return planned({ home, fn, name, claim, parentOf: () => parent, key, options })
}

/** Makes a cached function from a plan. If no key can be made from the arguments, the call is not cached. The first such call warns. */
export function planned<F extends AnyFunction>(plan: FunctionPlan<F>): CachedFunction<F> {
  const { home, fn, name, claim, parentOf, key, options } = plan
  let warned = false

  const at = (self?: unknown): Cache => {
    const { cache, names } = home()
    claim(names, self)
    return cache
  }

  const keyOf = (self: unknown, args: Parameters<F>): string => {
    const parent = parentOf(self)
    return key === undefined ? argumentsKey(parent, args) : under(parent, key.apply(self, args))
  }

  const keyOrWarn = (self: unknown, args: Parameters<F>): string | undefined => {
    try {
      return keyOf(self, args)
    } catch (error) {
      if (!types.isProxy(error) && error instanceof WrongParts) throw error
      if (!warned)
        process.emitWarning(`Calls of ${oneLine(name)} are not cached: ${reasonOf(error)}`, {
          code: 'KEYEDCACHE_NO_KEY',
        })
      warned = true
      return undefined
    }
  }

  async function call(self: unknown, args: Parameters<F>, refresh: boolean): Promise<unknown> {
    const cache = at(self)
    const full = keyOrWarn(self, args)
    if (full === undefined) return fn.apply(self, args)
    return cache.getOrSet(full, () => fn.apply(self, args) as unknown, refresh ? { ...options, refresh } : options)
  }

  const cached = function (this: unknown, ...args: Parameters<F>): Promise<unknown> {
    return call(this, args, false)
  }
  shared.cachedFunctions.set(cached, cached)
  Object.defineProperties(cached, {
    name: { value: name, configurable: true },
    // Express, Jest and libraries that curry go by the number of parameters.
    length: { value: fn.length, configurable: true },
  })
  return Object.assign(cached, {
    key: (...args: Parameters<F>) => keyOf(undefined, args),
    delete: async (...args: Parameters<F>) => at().delete(keyOf(undefined, args)),
    refresh: (...args: Parameters<F>) => call(undefined, args, true),
    clear: async () => (await at().delete(['func', name], { children: true })).length,
    original: fn,
  }) as unknown as CachedFunction<F>
}

/** @throws {TypeError} when it is no function. Other caches have a `wrap` that takes a key first, so the error says what does so here. */
export function checkCached(fn: unknown): void {
  if (typeof fn === 'function') return
  throw new TypeError(
    `Expected what is cached to be a function, got ${showScalar(fn)}: to read or compute a key write \`getOrSet(key, fn, options)\``,
  )
}

/**
 * The options of a cached function, checked.
 * @throws {TypeError} naming the option that is wrong.
 */
export function checkFunctionOptions<F extends AnyFunction>(
  options: FunctionOptions<F> | undefined,
): FunctionOptions<F> {
  const checked = checkOptions(options, 'a cached function', FUNCTION_OPTIONS) ?? {}
  const { key, name, ...getOrSet } = checked
  checkCallOptions(getOrSet)
  if (key !== undefined) checkFunction(key, '`key`')
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    throw new TypeError(`Expected \`name\` to be text that is not empty, got ${show(name)}`)
  }
  return checked
}

/**
 * The checked options of a cached function, given as options or as a ttl.
 * @param written How to write the call. The error shows it to a caller who passed the function in place of the options.
 * @throws {TypeError} naming the option that is wrong.
 */
export function optionsOrTtl<F extends AnyFunction>(
  given: FunctionOptions<F> | Ttl,
  written: string,
): FunctionOptions<F> {
  if (typeof given === 'function') {
    throw new TypeError(`Expected options or a ttl before a function: write ${written}, got ${show(given)}`)
  }
  return checkFunctionOptions(typeof given === 'object' ? given : { ttl: given })
}

/** The option `key` gave no array, so the call fails. For arguments that have no key, the function is called uncached instead. */
class WrongParts extends TypeError {
  constructor(parts: unknown) {
    super(`Expected \`key\` to give an array of parts, got ${show(parts)}`)
  }
}

/** The parent key, continued by the parts. Without parts, the parent key itself. */
function under(parent: string, parts: readonly KeyPart[]): string {
  if (isPromise(parts) || !Array.isArray(parts)) throw new WrongParts(parts)
  return parts.length === 0 ? parent : cacheKeyUnder(parent, ...(parts as readonly KeyPart[]))
}

function ownName(fn: AnyFunction): string {
  const name: unknown = fn.name
  if (typeof name === 'string' && !isMinified(name)) return name
  const isGiven = typeof name === 'string' && name !== ''
  const why = isGiven ? `called ${quoted(name)}` : 'without a name'
  throw new Error(
    `A function ${why} cannot be cached by its name: give the option \`name\`, as in \`{ name: 'nearestCity' }\`. If it has another name in your code, ${MAY_BE_BUNDLED}`,
  )
}
