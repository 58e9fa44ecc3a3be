import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../support/both-stores.js'
import { lasting } from '../../support/fault-row.js'
import { limits } from '../../support/limits.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { type SlowLink, startSlowLink } from '../../support/slow-link.js'
import { until } from '../../support/until.js'

/** What is computed or set: by another process in Redis, by this one while Redis is away, or by it about the return. */
interface Told {
  readonly key: string
  readonly from: 'redis' | 'outage' | 'return'
  readonly version: number
  readonly madeMs: number
}

interface Read {
  readonly key: string
  readonly begunMs: number
  readonly value: Told | undefined
}

type Counted = Record<'races' | 'away' | 'fromFallback' | 'written' | 'seenDeleted' | 'notCarriedOut', number>

const KEYS = Array.from({ length: 200 }, (_, i) => `raced::${i}`)
const RETURNS = lasting(10_000, 1000) / KEYS.length
/** Of the keys, every so many are deleted while Redis is away. */
const DELETED_EVERY = 10
/** How often each key is read once Redis has answered. */
const READS_AFTER = 3

const isDeleted = (key: string): boolean => KEYS.indexOf(key) % DELETED_EVERY === 0
const SILENT = { info() {}, warn() {}, error() {} }

let server: RedisServer
let link: SlowLink
/** The process under test, behind a network that can be cut. */
let cache: KeyedCache
/** Another process, which reaches Redis all the time. */
let other: KeyedCache
beforeEach(async () => {
  server = await startRedis()
  link = await startSlowLink([server.port])
  const shared = { keyPrefix: freshPrefix(), ttl: '1h', logger: SILENT } as const
  cache = createKeyedCache({ ...shared, redis: `redis://127.0.0.1:${link.ports[0]}` })
  other = createKeyedCache({ ...shared, redis: server.url, redisTimeout: '5s' })
  await until(async () => (await cache.set('ready', 1)) && other.set('ready', 1), 'both answer')
})
afterEach(async () => {
  await Promise.all([cache.close(), other.close()])
  await Promise.all([link.close(), server.close()])
})

test('10,000 races of a return', { timeout: 300_000 }, async () => {
  const versions = new Map(KEYS.map((key) => [key, 0]))
  const total: Counted = { races: 0, away: 0, fromFallback: 0, written: 0, seenDeleted: 0, notCarriedOut: 0 }
  for (let n = 0; n < RETURNS; n++) {
    const counted = await oneReturn(versions, n % 2 === 0 ? 'silent' : 'cut') // eslint-disable-line no-await-in-loop
    for (const name of Object.keys(total) as (keyof Counted)[]) total[name] += counted[name]
  }
  limits('return', `Redis is silent or cut off, and back, ${RETURNS} times, 200 keys`, [
    { what: 'keys read while Redis returned', figure: total.races, least: RETURNS * KEYS.length },
    { what: 'answers without a run while it is away', figure: total.away, least: 0.9 * RETURNS * KEYS.length },
    { what: 'answers from the fallback once it is back', figure: total.fromFallback, most: 0 },
    { what: 'keys written from it', figure: total.written, most: 0 },
    { what: 'reads of what this process had deleted', figure: total.seenDeleted, most: 0 },
    { what: 'deletes not carried out', figure: total.notCarriedOut, most: 0 },
  ])
})

/** Redis goes away, things change on both sides, Redis is back while all keys are read. */
async function oneReturn(versions: Map<string, number>, how: 'silent' | 'cut'): Promise<Counted> {
  const told = (key: string, from: Told['from']): Told => ({
    key,
    from,
    version: versions.get(key) ?? 0,
    madeMs: performance.now(),
  })
  const next = (key: string): void => void versions.set(key, (versions.get(key) ?? 0) + 1)
  for (const key of KEYS) next(key)
  await other.setMany(KEYS.map((key) => [key, told(key, 'redis')]))
  await away(how)

  await Promise.all(KEYS.map((key) => cache.getOrSet(key, () => told(key, 'outage'))))
  let runs = 0
  await Promise.all(KEYS.map((key) => cache.getOrSet(key, () => ((runs += 1), told(key, 'outage')))))
  const deleted = KEYS.filter(isDeleted)
  const others = KEYS.filter((key) => !isDeleted(key))
  for (const key of KEYS) next(key)
  const deletes = deleted.map((key) => cache.delete(key).catch(() => {}))
  const seenAtOnce = await Promise.all(deleted.map((key) => cache.get<Told | undefined>(key, { default: undefined })))
  await Promise.all(deletes)
  await other.setMany(others.map((key) => [key, told(key, 'redis')]))
  const deletedAt = new Map(deleted.map((key) => [key, versions.get(key) ?? 0]))

  const { reads, healedMs, answeredMs } = await racing(told)
  await until(async () => (await cache.stats()).backend.up, 'the cache is up again')
  const late = reads.filter(({ begunMs }) => begunMs > answeredMs)
  const stored = await other.getMany<Told>(KEYS)
  const notCarriedOut = await carriedOut(deletedAt)
  return {
    races: KEYS.filter((key) => late.some((read) => read.key === key)).length,
    away: KEYS.length - runs,
    fromFallback: late.filter(({ value }) => value?.from === 'outage').length,
    written: stored.filter((value) => value !== undefined && value.from !== 'redis' && value.madeMs < healedMs).length,
    seenDeleted: [...seenAtOnce, ...reads.map(({ value }) => value)].filter(
      (value) => value !== undefined && value.version < (deletedAt.get(value.key) ?? 0),
    ).length,
    notCarriedOut,
  }
}

async function away(how: 'silent' | 'cut'): Promise<void> {
  if (how === 'cut') await link.refuse(true)
  else await link.limit('down', { isHeld: true })
  await until(async () => !(await cache.stats()).backend.up, 'the cache has noticed')
}

/** Reads all keys in every way while Redis comes back, until it has answered and some time more. */
async function racing(
  told: (key: string, from: Told['from']) => Told,
): Promise<{ reads: Read[]; healedMs: number; answeredMs: number }> {
  const reads: Read[] = []
  let answeredMs = Infinity
  const note = (key: string, begunMs: number, value: Told | undefined): void => {
    reads.push({ key, begunMs, value })
    if (value?.from === 'redis') answeredMs = Math.min(answeredMs, performance.now())
  }
  const onState = ({ up }: { up: boolean }): void => {
    if (up) answeredMs = Math.min(answeredMs, performance.now())
  }
  cache.on('state', onState)
  const ways: ((key: string) => Promise<Told | undefined>)[] = [
    (key) => cache.get<Told | undefined>(key, { default: undefined }),
    (key) => cache.getOrSet(key, () => told(key, 'return')),
    async (key) => (await cache.getMany<Told>([key]))[0],
  ]
  const endMs = performance.now() + 10_000
  const callers = KEYS.map(async (key, place) => {
    await delay(place % 20)
    let after = 0
    for (let i = place; after < READS_AFTER && performance.now() < endMs; i++) {
      /* eslint-disable no-await-in-loop -- each caller makes one call after the other */
      const begunMs = performance.now()
      if (begunMs > answeredMs) after += 1
      note(key, begunMs, await (ways[i % ways.length] as (typeof ways)[0])(key))
      await delay(5 + 20 * Math.random())
      /* eslint-enable no-await-in-loop */
    }
  })
  await delay(30)
  const healedMs = performance.now()
  await Promise.all([link.refuse(false), link.limit('down', {})])
  await Promise.all(callers)
  cache.off('state', onState)
  expect(answeredMs).toBeLessThan(endMs)
  return { reads, healedMs, answeredMs }
}

/** How many of these keys still have in Redis what was deleted. */
async function carriedOut(deletedAt: ReadonlyMap<string, number>): Promise<number> {
  let left = [...deletedAt.keys()]
  const endMs = performance.now() + 5000
  while (left.length > 0 && performance.now() < endMs) {
    const values = await other.getMany<Told>(left) // eslint-disable-line no-await-in-loop
    left = left.filter((key, i) => (values[i]?.version ?? Infinity) < (deletedAt.get(key) ?? 0))
    if (left.length > 0) await delay(50) // eslint-disable-line no-await-in-loop
  }
  return left.length
}
