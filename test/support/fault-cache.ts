import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import type { CacheEvents } from '../../src/contract/cache-events.js'
import { CacheNotRespondingError } from '../../src/contract/errors.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import { freshPrefix } from './both-stores.js'
import { EventLoopDelay } from './event-loop.js'
import { atMostMs } from './fault-row.js'
import type { RedisServer } from './redis-server.js'
import { until } from './until.js'

/** What one answer of Redis may take, as by default. */
export const BUDGET_MS = 250
/** What a busy machine may add. */
export const SLACK_MS: number = atMostMs(150)
/** How long after Redis is back the cache may take to use it. */
export const BACK_WITHIN_MS: number = atMostMs(1000)

/** A cache on the settings that users have by default, and what it told of itself. */
export interface Watched {
  readonly cache: KeyedCache
  readonly keyPrefix: string
  /** Changes of state, with the time of each on `performance.now()`. */
  readonly states: { readonly up: boolean; readonly atMs: number }[]
  readonly errors: CacheEvents['error'][]
  readonly lines: string[]
  /** When an answer last came from the store. */
  lastHitMs(): number
}

/** A value that tells where it belongs. */
export interface Told {
  readonly key: string
  readonly n: number
}

/** For the top of a test file: opens caches that are closed when the test ends. */
export function opening(server: () => RedisServer): {
  open(options?: KeyedCacheOptions): Watched
  opened(options?: KeyedCacheOptions): Promise<Watched>
} {
  const caches: KeyedCache[] = []
  afterEach(async () => {
    await Promise.all(caches.splice(0).map((cache) => cache.close()))
  })
  function open(options: KeyedCacheOptions = {}): Watched {
    const lines: string[] = []
    const log = (line: string): void => void lines.push(line)
    const keyPrefix = options.keyPrefix ?? freshPrefix()
    const redis = options.redis ?? server().url
    const cache = createKeyedCache({ logger: { info: log, warn: log, error: log }, ...options, redis, keyPrefix })
    caches.push(cache)
    const states: Watched['states'] = []
    const errors: CacheEvents['error'][] = []
    let lastHitMs = 0
    cache
      .on('state', ({ up }) => states.push({ up, atMs: performance.now() }))
      .on('error', (error) => errors.push(error))
      .on('hit', () => (lastHitMs = performance.now()))
    return { cache, keyPrefix, states, errors, lines, lastHitMs: () => lastHitMs }
  }
  return {
    open,
    async opened(options) {
      const watched = open(options)
      await until(() => watched.cache.set('ready', true), 'the cache answers')
      return watched
    },
  }
}

/**
 * One call of a mix: 7 of 10 read through, 2 read, 1 writes; with deletes, of 20 one deletes instead. Rejects when an answer is not one
 * for its key. A delete may be refused while Redis is away.
 */
export async function mixedCall(cache: KeyedCache, i: number, keys: number, withDeletes = false): Promise<void> {
  const key = `mixed::${(i * 7919) % keys}`
  const told: Told = { key, n: i }
  if (withDeletes && i % 20 === 0) {
    await cache.delete(key).catch((error: unknown) => {
      if (!(error instanceof CacheNotRespondingError)) throw error
    })
  } else if (i % 10 < 7) judge(key, await cache.getOrSet(key, () => told))
  else if (i % 10 < 9) judge(key, await cache.get<Told | undefined>(key, { default: undefined }))
  else await cache.set(key, told)
}

function judge(key: string, value: Told | undefined): void {
  if (value !== undefined && value.key !== key) throw new Error(`${key} gave the value of ${JSON.stringify(value)}`)
}

/** Checks that no call rejects, or gives a value that is not its own, or takes longer than an answer may, for so long. */
export async function expectQuietTrouble(
  cache: KeyedCache,
  forMs: number,
): Promise<{ calls: number; slowestMs: number }> {
  const endMs = performance.now() + forMs
  let calls = 0
  let slowestMs = 0
  const eventLoop = new EventLoopDelay()
  await Promise.all(
    Array.from({ length: 8 }, async (_, caller) => {
      for (let i = caller; performance.now() < endMs; i += 8) {
        const begunMs = performance.now() - eventLoop.sumMs
        await mixedCall(cache, i, 50, true)
        // while this process gets no turn, nothing can settle
        slowestMs = Math.max(slowestMs, performance.now() - eventLoop.sumMs - begunMs)
        calls += 1
        await delay(2)
      }
    }),
  )
  eventLoop.stop()
  expect(slowestMs).toBeLessThan(BUDGET_MS + 50 + SLACK_MS)
  return { calls, slowestMs }
}

/** Waits until the cache stores and finds again, and gives how long that took. */
export async function backAgain(cache: KeyedCache, what: string): Promise<number> {
  const begunMs = performance.now()
  let n = 0
  await until(async () => {
    n += 1
    return (await cache.set('back', n)) && (await cache.get('back', { default: 0 })) === n
  }, what)
  return performance.now() - begunMs
}

/** ms as a table has them. */
export function ms(value: number): string {
  return value < 10 ? `${value.toFixed(2)} ms` : `${value.toFixed(0)} ms`
}
