import { afterEach } from 'vitest'
import type { CacheEvents } from '../../src/contract/cache-events.js'
import type { KeyedCache } from '../../src/contract/cache.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import { freshPrefix } from './both-stores.js'

/** A cache, and all that it tells of itself. */
export interface Telling {
  readonly cache: KeyedCache
  readonly keyPrefix: string
  readonly lines: string[]
  readonly states: CacheEvents['state'][]
  readonly errors: CacheEvents['error'][]
}

/** For the top of a test file: opens caches that are closed when the test ends. */
export function opening(): (redis: KeyedCacheOptions['redis'], options?: KeyedCacheOptions) => Telling {
  const opened: KeyedCache[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
  })
  return (redis, options = {}) => {
    const lines: string[] = []
    const log = (line: string): void => void lines.push(line)
    const keyPrefix = options.keyPrefix ?? freshPrefix()
    const cache = createKeyedCache({ logger: { info: log, warn: log, error: log }, ...options, redis, keyPrefix })
    opened.push(cache)
    const states: Telling['states'] = []
    const errors: Telling['errors'] = []
    cache.on('state', (state) => states.push(state)).on('error', (error) => errors.push(error))
    return { cache, keyPrefix, lines, states, errors }
  }
}
