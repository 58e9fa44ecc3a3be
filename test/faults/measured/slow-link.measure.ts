import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../support/both-stores.js'
import { lasting } from '../../support/fault-row.js'
import { limits } from '../../support/limits.js'
import { type Linked, LINKED } from '../../support/linked-servers.js'
import { until } from '../../support/until.js'

const ROUNDS = 6
const AT_ONCE = 48
const LARGE = 'x'.repeat(300_000)
const MILLION = 'x'.repeat(1_000_000)
const MANY = Array.from({ length: 20_000 }, (_, i) => [`many::${i}`, 'x'.repeat(1000)] as const)
const FOR_MS = lasting(60_000, 10_000)
const SMALL_EVERY_MS = 10

let opened: { readonly cache: KeyedCache; readonly linked: Linked } | undefined
afterEach(async () => {
  await opened?.cache.close()
  await opened?.linked.close()
  opened = undefined
})

describe.each(LINKED)('%s behind a slow network', (where, start) => {
  let timesDown = 0
  /** A cache on the settings that users have by default, and what is stored before the network gets slow. */
  async function open(
    entries: readonly (readonly [string, unknown])[],
  ): Promise<{ cache: KeyedCache; linked: Linked }> {
    const linked = await start()
    const options = { redis: linked.redis, keyPrefix: freshPrefix() }
    const filling = createKeyedCache({ ...options, redisTimeout: '10s' })
    await until(() => filling.set('small', 'small'), 'the cache answers')
    for (const [key, value] of entries) await filling.set(key, value, { ttl: '1h' }) // eslint-disable-line no-await-in-loop
    await filling.close()
    const cache = createKeyedCache({ ...options, logger: { info() {}, warn() {}, error() {} } })
    opened = { cache, linked }
    await until(() => cache.has('small'), 'the cache answers')
    timesDown = 0
    cache.on('state', ({ up }) => (timesDown += up ? 0 : 1))
    return opened
  }

  test('48 reads at once of 300 KB', { timeout: 120_000 }, async () => {
    const keys = Array.from({ length: AT_ONCE }, (_, i) => `large::${i}`)
    const { cache, linked } = await open(keys.map((key) => [key, LARGE]))
    await linked.link.limit('down', { bytesPerSecond: 30e6 })
    let found = 0
    const p50s: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      /* eslint-disable no-await-in-loop -- one after the other */
      const { done, p50 } = await besideSmallReads(cache, () =>
        Promise.all(keys.map((key) => cache.get(key, { default: undefined }))),
      )
      found += done.filter((value) => value === LARGE).length
      p50s.push(p50)
      await delay(1000)
      /* eslint-enable no-await-in-loop */
    }
    const [unknown = 0, ...known] = p50s
    limits('slow-link', `${where}: 48 reads at once of 300 KB over 30 MB/s, ${ROUNDS} times`, [
      { what: `found of ${ROUNDS * AT_ONCE}`, figure: found, least: ROUNDS * AT_ONCE },
      { what: 'times down', figure: timesDown, most: 0 },
      { what: 'ms p50 of small reads beside, sizes known, in the worst round', figure: Math.max(...known), most: 50 },
      { what: 'sizes unknown', figure: unknown },
    ])
  })

  test('values of 1 MB, one after the other', { timeout: 120_000 }, async () => {
    const { cache, linked } = await open([['million', MILLION]])
    await linked.link.limit('down', { bytesPerSecond: 8e6 })
    const endMs = performance.now() + FOR_MS
    let [reads, missed] = [0, 0]
    while (performance.now() < endMs) {
      /* eslint-disable no-await-in-loop -- one after the other */
      reads += 1
      if ((await cache.get('million', { default: undefined })) === MILLION) continue
      missed += 1
      await delay(100)
      /* eslint-enable no-await-in-loop */
    }
    limits('slow-link', `${where}: 1 MB over 8 MB/s for ${FOR_MS / 1000} s`, [
      { what: 'reads', figure: reads, least: FOR_MS / 200 },
      { what: 'times down', figure: timesDown, most: 0 },
      { what: 'missed', figure: missed, most: 0 },
    ])
  })

  test('getMany of 20,000 keys of 1 KB', { timeout: 120_000 }, async () => {
    const { cache, linked } = await open([])
    await storeMany(cache)
    await linked.link.limit('down', { bytesPerSecond: 30e6 })
    const { done, p50, tookMs } = await besideSmallReads(cache, () => cache.getMany(MANY.map(([key]) => key)))
    limits('slow-link', `${where}: getMany of 20,000 keys of 1 KB over 30 MB/s`, [
      { what: 'found of 20,000', figure: done.filter((value) => value !== undefined).length, least: MANY.length },
      { what: 'times down', figure: timesDown, most: 0 },
      { what: 'ms', figure: tookMs },
      { what: 'ms p50 of small reads beside', figure: p50 },
    ])
  })

  test('48 sets at once of 300 KB', { timeout: 120_000 }, async () => {
    const { cache, linked } = await open([])
    await linked.link.limit('up', { bytesPerSecond: 8e6 })
    let told = 0
    let p50 = 0
    for (let round = 0; round < 4; round++) {
      /* eslint-disable no-await-in-loop -- one after the other */
      const beside = await besideSmallReads(cache, () =>
        Promise.all(Array.from({ length: AT_ONCE }, (_, i) => cache.set(`round::${round}::${i}`, LARGE))),
      )
      told += beside.done.filter(Boolean).length
      p50 = Math.max(p50, beside.p50)
      await delay(500)
      /* eslint-enable no-await-in-loop */
    }
    await linked.link.limit('up', {})
    const stored = await countStored(
      cache,
      Array.from({ length: 4 * AT_ONCE }, (_, i) => `round::${Math.floor(i / AT_ONCE)}::${i % AT_ONCE}`),
    )
    limits('slow-link', `${where}: 48 sets at once of 300 KB over 8 MB/s, 4 times`, [
      { what: 'said to be stored of 192', figure: told, least: 4 * AT_ONCE },
      { what: 'stored', figure: stored, least: 4 * AT_ONCE },
      { what: 'times down', figure: timesDown, most: 0 },
      { what: 'ms p50 of small reads beside, in the worst round', figure: p50 },
    ])
  })

  test('setMany of 20,000 keys of 1 KB', { timeout: 120_000 }, async () => {
    const { cache, linked } = await open([])
    await linked.link.limit('up', { bytesPerSecond: 8e6 })
    const { done, p50, tookMs } = await besideSmallReads(cache, () => cache.setMany(MANY))
    await linked.link.limit('up', {})
    limits('slow-link', `${where}: setMany of 20,000 keys of 1 KB over 8 MB/s`, [
      { what: 'said to be stored (1: yes)', figure: Number(done), least: 1 },
      {
        what: 'stored of 20,000',
        figure: await countStored(
          cache,
          MANY.map(([key]) => key),
        ),
        least: MANY.length,
      },
      { what: 'times down', figure: timesDown, most: 0 },
      { what: 'ms', figure: tookMs },
      { what: 'ms p50 of small reads beside', figure: p50 },
    ])
  })
})

/** Stores them without hurry. */
async function storeMany(cache: KeyedCache): Promise<void> {
  for (let at = 0; at < MANY.length; at += 1000) await cache.setMany(MANY.slice(at, at + 1000)) // eslint-disable-line no-await-in-loop
}

/** How many of these keys are stored, asked some at a time once the cache is up again. */
async function countStored(cache: KeyedCache, keys: readonly string[]): Promise<number> {
  await until(() => cache.set('small', 'small'), 'the cache stores', 20_000)
  let stored = 0
  for (let at = 0; at < keys.length; at += 20) {
    const some = await cache.getMany(keys.slice(at, at + 20)) // eslint-disable-line no-await-in-loop
    stored += some.filter((value) => value !== undefined).length
  }
  return stored
}

/** Does some work, and gives the p50 of small reads that began meanwhile, also of those that found nothing. */
async function besideSmallReads<T>(
  cache: KeyedCache,
  work: () => Promise<T>,
): Promise<{ done: T; p50: number; tookMs: number }> {
  const times: number[] = []
  const reads: Promise<void>[] = []
  const reading = setInterval(() => {
    const begunMs = performance.now()
    reads.push(cache.get('small', { default: undefined }).then(() => void times.push(performance.now() - begunMs)))
  }, SMALL_EVERY_MS)
  const begunMs = performance.now()
  const done = await work().finally(() => clearInterval(reading))
  const tookMs = performance.now() - begunMs
  await Promise.all(reads)
  return { done, tookMs, p50: times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0 }
}
