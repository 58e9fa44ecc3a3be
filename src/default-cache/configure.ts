import type { KeyedCache } from '../contract/cache.js'
import { ImproperlyConfiguredError } from '../contract/errors.js'
import { StoreBackedCache } from '../cache/keyed-cache.js'
import { checkKnown, checkOptions } from '../contract/options/option-checks.js'
import { oneLine } from '../checks/one-line.js'
import { reasonOf } from '../checks/reason.js'
import { shared } from '../contract/copies/shared.js'
import { show } from '../checks/show.js'
import { showOther } from '../checks/show-other.js'
import { isCacheOption, type KeyedCacheOptions } from '../cache/cache-options.js'
import { createKeyedCache } from '../cache/create-keyed-cache.js'
import { fromEnvironment, warnOfEnvironment } from './environment.js'

/** The caches of an application, by alias. */
export interface KeyedCacheConfiguration {
  /** The options of each cache. */
  caches: Record<string, KeyedCacheOptions>
  /** The alias of the default cache. @defaultValue the environment's `KEYEDCACHE_ALIAS`, or `default` */
  alias?: string | undefined
}

/**
 * Makes the caches of the application, and gives the default one. A second call closes the caches of the first.
 * @throws {TypeError} naming what is wrong.
 */
export function configure(config: KeyedCacheConfiguration): KeyedCache {
  const given = checkOptions<Partial<KeyedCacheConfiguration>>(config, 'configure') ?? {}
  checkPlaces(given)
  checkKnown(given, { caches: true, alias: true }, 'configure')
  const { caches: byAlias } = given
  if (given.alias !== undefined && typeof given.alias !== 'string') {
    throw new TypeError(`Expected \`alias\` to be text, got ${show(given.alias)}`)
  }
  if (typeof byAlias !== 'object' || byAlias === null || Object.keys(byAlias).length === 0) {
    throw new TypeError(
      `Expected \`caches\` to hold the options of at least one cache by its alias, got ${show(byAlias)}`,
    )
  }
  const made = new Map<string, StoreBackedCache>()
  let alias: string
  try {
    for (const [name, options] of Object.entries(byAlias)) made.set(name, create(options, name))
    alias = chooseAlias(made, given.alias || process.env['KEYEDCACHE_ALIAS'] || 'default')
  } catch (error) {
    closeAll(made)
    throw error
  }
  const before = configured()
  if (before !== undefined) closeAll(before)
  shared.caches = made
  shared.defaultAlias = alias
  return defaultCache()
}

/**
 * The cache with this alias. Without an alias, the default cache.
 * @throws {ImproperlyConfiguredError} when there is no such alias.
 */
export function caches(alias?: string): KeyedCache {
  if (alias === undefined) return defaultCache()
  const cache = all().get(alias)
  if (cache !== undefined) return cache
  throw new ImproperlyConfiguredError(
    `There is no cache with the alias ${show(alias)}: there are ${listed(all().keys())}`,
  )
}

/** All caches of the application, by alias. */
export function configuredCaches(): ReadonlyMap<string, KeyedCache> {
  return all()
}

/** The default cache. Without `configure` it is made from the environment when first asked for. */
export function defaultCache(): StoreBackedCache {
  return all().get(shared.defaultAlias) as StoreBackedCache
}

/** The default cache, if it is made already. */
export function defaultCacheIfMade(): StoreBackedCache | undefined {
  return configured()?.get(shared.defaultAlias)
}

/** Closes all caches of the application. If the default cache is used later, it is made anew from the environment. Rejects as `close` does. */
export async function closeCaches(): Promise<void> {
  const closing = configured()
  shared.caches = undefined
  shared.defaultAlias = 'default'
  await Promise.all(Array.from(closing?.values() ?? [], (cache) => cache.close()))
}

function all(): ReadonlyMap<string, StoreBackedCache> {
  if (configured() === undefined) {
    warnOfEnvironment()
    configure({ caches: { default: fromEnvironment() } })
  }
  return configured() as ReadonlyMap<string, StoreBackedCache>
}

function configured(): ReadonlyMap<string, StoreBackedCache> | undefined {
  return shared.caches as ReadonlyMap<string, StoreBackedCache> | undefined
}

/** @throws {TypeError} when `configure` itself was given an option of a cache. */
function checkPlaces(given: object): void {
  const name = Object.keys(given).find(isCacheOption)
  if (name === undefined) return
  throw new TypeError(
    `\`${name}\` is an option of a cache, not of configure: write \`configure({ caches: { default: { ${name}: … } } })\``,
  )
}

function listed(aliases: Iterable<string>): string {
  return Array.from(aliases, show).join(', ')
}

function create(options: KeyedCacheOptions, alias: string): StoreBackedCache {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(
      `Expected the options of the cache ${oneLine(alias)} to be an object, got ${showOther(options)}`,
    )
  }
  const { name = alias, ...others } = options
  return createKeyedCache({ ...others, name }) as StoreBackedCache
}

function chooseAlias(made: ReadonlyMap<string, unknown>, alias: string): string {
  if (made.has(alias)) return alias
  if (!made.has('default')) {
    throw new ImproperlyConfiguredError(
      `There is no cache with the alias ${show(alias)}, only ${listed(made.keys())}: choose the default one by the option \`alias\``,
    )
  }
  process.emitWarning(`There is no cache with the alias ${show(alias)}: \`default\` is used`, {
    code: 'KEYEDCACHE_ALIAS',
  })
  return 'default'
}

function closeAll(made: ReadonlyMap<string, StoreBackedCache>): void {
  for (const cache of made.values()) {
    cache.close().catch((error: unknown) => {
      process.emitWarning(`A cache did not close: ${reasonOf(error)}`, { code: 'KEYEDCACHE_CLOSE' })
    })
  }
}
