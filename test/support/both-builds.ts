import { afterEach } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import { createKeyedCache as createFrozen } from '../upgrade/keyedcache-0.1.0.mjs'

/** 0.1 as it was published, and what is here. */
export type Build = '0.1' | 'now'

const BUILDS = { '0.1': createFrozen, now: createKeyedCache }

/** Which build does it to which. */
export const DIRECTIONS: readonly [doer: Build, other: Build][] = [
  ['0.1', 'now'],
  ['now', '0.1'],
]

/** Gives what opens a cache of a build, ready and closed when the test ends. */
export function buildOpener(): (build: Build, options: KeyedCacheOptions) => Promise<KeyedCache> {
  const opened: KeyedCache[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
  })
  return async (build, options) => {
    const silent = { info: () => {}, warn: () => {}, error: () => {} }
    // A time limit that a busy machine does not reach
    const cache = BUILDS[build]({ redisTimeout: '5s', logger: silent, ...options })
    opened.push(cache)
    await cache.require()
    return cache
  }
}
