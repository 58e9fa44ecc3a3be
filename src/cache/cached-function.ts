import type { Cache, CachedFunction, FunctionOptions, GetOrSetOptions } from './cache.js'
import { toMs } from './duration.js'
import { argumentsKey, cacheKey, cacheKeyUnder, type KeyPart } from './key.js'
import { checkFunction, checkOptions, checkTags } from './options.js'

/** Where the results of a cached function are kept, for as long as one call takes. */
export interface FunctionHome {
  /** The cache that calls go to. */
  readonly cache: Cache
  /** Which function has which name there. */
  readonly names: FunctionNames
}

/** Which function has which name in one cache, so that no two functions share keys. */
export class FunctionNames {
  readonly #owners = new Map<string, unknown>()

  /** @throws {Error} when another function has the name. */
  claim(name: string, owner: unknown): void {
    const known = this.#owners.get(name)
    if (known === undefined) this.#owners.set(name, owner)
    else if (known !== owner) {
      throw new Error(
        `Two cached functions are called ${JSON.stringify(name)} and would share their keys: give one of them another \`name\`, and call cacheFunction or wrap once, outside of request handlers`,
      )
    }
  }
}

type AnyFunction = (...args: any[]) => any

/** A function to be cached: where, under which name, and under which key for which arguments. */
export interface FunctionPlan<F extends AnyFunction> {
  readonly home: () => FunctionHome
  readonly fn: F
  /** What the name belongs to: two functions of one owner are the same function. */
  readonly owner: unknown
  readonly name: string
  readonly keyOf: (args: Parameters<F>) => string
  readonly options: GetOrSetOptions<any>
}

/**
 * Makes a cached function of a function and its options.
 * @throws {TypeError} for wrong options.
 * @throws {Error} when the function has no name, or one that a minifier made.
 */
export function cachedFunction<F extends AnyFunction>(
  home: () => FunctionHome,
  fn: F,
  given: FunctionOptions<F> = {},
): CachedFunction<F> {
  checkFunction(fn, 'what is cached')
  const { name = ownName(fn), key, ...options } = checkFunctionOptions(given)
  const parent = cacheKey('func', name)
  const keyOf = (args: Parameters<F>): string =>
    key === undefined ? argumentsKey(parent, args) : under(parent, key(...args))
  return planned({ home, fn, owner: fn, name, keyOf, options })
}

/** Makes a cached function by a plan. Arguments that have no key call through, with one warning. */
export function planned<F extends AnyFunction>(plan: FunctionPlan<F>): CachedFunction<F> {
  const { home, fn, owner, name, keyOf, options } = plan
  let warned = false

  const at = (): Cache => {
    const { cache, names } = home()
    names.claim(name, owner)
    return cache
  }

  const keyOrWarn = (args: Parameters<F>): string | undefined => {
    try {
      return keyOf(args)
    } catch (error) {
      if (!warned)
        process.emitWarning(`Calls of ${name} are not cached: ${String(error)}`, { code: 'KEYEDCACHE_NO_KEY' })
      warned = true
      return undefined
    }
  }

  async function call(self: unknown, args: Parameters<F>, refresh: boolean): Promise<unknown> {
    const cache = at()
    const full = keyOrWarn(args)
    if (full === undefined) return fn.apply(self, args)
    return cache.getOrSet(full, () => fn.apply(self, args) as unknown, refresh ? { ...options, refresh } : options)
  }

  const cached = function (this: unknown, ...args: Parameters<F>): Promise<unknown> {
    return call(this, args, false)
  }
  Object.defineProperty(cached, 'name', { value: name, configurable: true })
  return Object.assign(cached, {
    key: (...args: Parameters<F>) => keyOf(args),
    delete: async (...args: Parameters<F>) => at().delete(keyOf(args)),
    refresh: (...args: Parameters<F>) => call(undefined, args, true),
    clear: async () => (await at().delete(['func', name], { children: true })).length,
    original: fn,
  }) as unknown as CachedFunction<F>
}

/** @throws {TypeError} naming the option that is wrong. */
export function checkFunctionOptions<F extends AnyFunction>(options: FunctionOptions<F>): FunctionOptions<F> {
  const checked = checkOptions(options, 'a cached function') ?? {}
  const { ttl, grace, tags, key, name } = checked
  if (ttl !== undefined) toMs('ttl', ttl)
  if (grace !== undefined) toMs('grace', grace)
  checkTags(tags)
  if (key !== undefined) checkFunction(key, '`key`')
  if (name !== undefined && (typeof name !== 'string' || name === '')) {
    throw new TypeError(`Expected \`name\` to be text that is not empty, got ${String(name)}`)
  }
  return checked
}

/** A key continued by parts; itself where there are none. */
function under(parent: string, parts: readonly KeyPart[]): string {
  return Array.isArray(parts) && parts.length === 0 ? parent : cacheKeyUnder(parent, ...parts)
}

function ownName({ name }: AnyFunction): string {
  if (name.length > 2) return name
  const why = name === '' ? 'without a name' : `called ${JSON.stringify(name)}, as minifiers do,`
  throw new Error(
    `A function ${why} cannot be cached by its name: write \`async function nearestCity(…)\`, or give the option \`name\`, as in \`{ name: 'nearestCity' }\``,
  )
}
