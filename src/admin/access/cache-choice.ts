import type { KeyedCache } from '../../contract/cache.js'
import { caches as configured, configuredCaches } from '../../default-cache/configure.js'
import { Problem } from '../http/problem.js'

/** The cache that a request is about. */
export interface CacheChoice {
  readonly cache: KeyedCache
  /** Its name in links; `undefined` for the cache that is shown without a name. */
  readonly parameter: string | undefined
  readonly name: string
  /** All caches to choose from, by name. */
  readonly all: ReadonlyMap<string, KeyedCache>
}

/** Chooses by name; without one, the first of the caches given, or the default cache. @throws {Problem} for an unknown name. */
export type ChooseCache = (name: string | undefined) => CacheChoice

/** Chooses among these caches; when none are given, among the configured ones, looked up for each request. */
export function cacheChooser(given: ReadonlyMap<string, KeyedCache> | undefined): ChooseCache {
  return (name) => {
    const main = given === undefined ? configured() : undefined
    const all = given ?? configuredCaches()
    const names = Array.from(all.keys())
    const mainName = main === undefined ? names[0] : names.find((each) => all.get(each) === main)
    const cache = name === undefined || name === mainName ? (main ?? all.get(mainName ?? '')) : all.get(name)
    if (cache === undefined) {
      throw new Problem(404, 'No such cache', `There is no cache of that name. There is: ${names.join(', ')}.`)
    }
    return {
      cache,
      parameter: name === mainName ? undefined : name,
      name: name ?? mainName ?? cache.name,
      all,
    }
  }
}
