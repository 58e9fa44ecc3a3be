import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { row } from '../../../support/fault-row.js'
import { report } from '../../../support/figures.js'
import { inWords, Load } from '../../../support/load.js'
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js'
import { until } from '../../../support/until.js'
import { sized } from '../../../support/size.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const MANY = sized(100_000)
const GROUPS = 200
const CHUNK = 500
const LOADED = Array.from({ length: 200 }, (_, i) => `load::${i}`)
const KEPT = Array.from({ length: 2000 }, (_, i) => `kept::${i % 20}::${i}`)
/** Enough for every shard to have some. */
const BACK = Array.from({ length: 200 }, (_, i) => `back::${i}`)
const BACK_WITHIN_MS = 5000

const opened: KeyedCache[] = []
let load: Load | undefined
afterEach(async () => {
  await load?.stop()
  load = undefined
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})

function open(cluster: RedisCluster, options: KeyedCacheOptions): KeyedCache {
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const cache = createKeyedCache({ redis: cluster.urls, logger: silent, ...options })
  opened.push(cache)
  return cache
}

describe('On a Redis Cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.close())

  test(`${MANY} keys are spread over all masters, and exactly those are deleted that are meant`, async () => {
    const keyPrefix = freshPrefix()
    const cache = open(cluster, { keyPrefix, redisTimeout: '5s' })
    const foreign = ['alone', keyPrefix, `${keyPrefix}x:v:{18}a`, `${keyPrefix}:v`, 'other:v:{5x}group::1::1']
    for (const name of foreign) await cluster.client().set(name, 'foreign') // eslint-disable-line no-await-in-loop
    const keys = Array.from({ length: MANY }, (_, i) => `group::${i % GROUPS}::${i}`)
    await fill(cache, keys)

    const shares = (await namesOf(cluster, `${keyPrefix}:v:`)).map((names) => names.length / MANY)
    report(`Cluster: shares of ${MANY} keys: ${shares.map((share) => `${(100 * share).toFixed(1)} %`).join(', ')}`)
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(1)
    for (const share of shares) {
      expect(share).toBeGreaterThanOrEqual(0.25)
      expect(share).toBeLessThanOrEqual(0.42)
    }
    expect(await cache.count()).toBe(MANY)

    // group::1 has children, and so have group::10 to group::199, which are not its own.
    const gone = keys.filter((key) => key.startsWith('group::1::'))
    expect((await cache.delete('group::1', { children: true })).toSorted()).toEqual(gone.toSorted())
    const kept = keys.filter((key) => !key.startsWith('group::1::'))
    expect(await allKeys(cache)).toEqual(kept.toSorted())
    expect((await namesOf(cluster, `${keyPrefix}:v:`)).flat()).toHaveLength(kept.length)

    expect(await cache.clear()).toBe(kept.length)
    expect((await namesOf(cluster, `${keyPrefix}:v:`)).flat()).toEqual([])
    expect(await cache.count()).toBe(0)
    for (const name of foreign) expect(await cluster.client().get(name), name).toBe('foreign') // eslint-disable-line no-await-in-loop
  }, 120_000)

  test(`a shard that moves to another master while it is used loses nothing (SEED=${seed})`, async () => {
    const keyPrefix = freshPrefix()
    const caches = [open(cluster, { keyPrefix }), open(cluster, { keyPrefix })]
    const [cache] = caches as [KeyedCache]
    await until(() => stores(cache, ['first']), 'the cache answers')
    await fill(cache, KEPT)
    load = new Load(caches, LOADED, seed)
    const running = load
    await running.callsMore(2000)

    running.takeFigures()
    for (const tag of ['{18}', '{h9}', '{ha}']) {
      /* eslint-disable no-await-in-loop -- one after the other */
      const source = await cluster.masterOf(tag)
      const target = (await cluster.mastersNow()).find((master) => master !== source)
      await cluster.migrate(tag, target as typeof source, () => running.callsMore(20))
      expect(await cluster.masterOf(tag)).toBe(target)
      /* eslint-enable no-await-in-loop */
    }
    const during = running.takeFigures()
    for (const each of caches) await until(() => stores(each, BACK), 'the cache stores everywhere') // eslint-disable-line no-await-in-loop
    running.takeFigures()
    await running.callsMore(2000)
    const { failedWrites, failedDeletes } = running.takeFigures()
    expect(await running.stop()).toEqual([])
    row(17, 'Cluster: three shards move to another master', `no wrong value; ${inWords(during)}`)
    expect({ failedWrites, failedDeletes }).toEqual({ failedWrites: 0, failedDeletes: 0 })

    expect(await cache.getMany(KEPT)).toEqual(KEPT)
    expect(await cache.count('kept')).toBe(KEPT.length)
    expect((await cache.delete('kept', { children: true })).toSorted()).toEqual(KEPT.toSorted())
  }, 120_000)

  test('what the other masters keep is found while one does not answer, and that is told of once', async () => {
    const cache = open(cluster, { redisTimeout: '300ms', keyPrefix: freshPrefix() })
    await until(() => stores(cache, BACK), 'the cache answers')
    const failed: string[] = []
    cache.on('error', ({ operation }) => failed.push(operation))
    const [master] = await cluster.mastersNow()
    master?.stop()
    const [found, computed] = await Promise.all([
      cache.getMany(BACK, { default: 'nothing' }),
      cache.getOrSetMany(BACK, (missing) => missing.map(() => 'computed')),
    ]).finally(() => master?.resume())
    expect(new Set(found)).toContain('nothing')
    expect(found.filter((value) => value !== 'nothing').length).toBeGreaterThan(BACK.length / 3)
    expect(found).toEqual(BACK.map((key, i) => (found[i] === 'nothing' ? 'nothing' : key)))
    expect(computed).toEqual(BACK.map((key, i) => (found[i] === 'nothing' ? 'computed' : key)))
    expect(failed.filter((operation) => operation.endsWith('Many'))).toEqual(['getMany', 'getOrSetMany'])
  })
})

describe('On a Redis Cluster of its own', () => {
  let cluster: RedisCluster | undefined
  afterEach(async () => {
    await cluster?.close()
    cluster = undefined
  })

  test.each(['killed', 'frozen'] as const)(
    `a master that is %s under load is replaced by its replica, and no value is wrong (SEED=${seed})`,
    async (how) => {
      cluster = await startCluster()
      const keyPrefix = freshPrefix()
      const caches = [open(cluster, { keyPrefix }), open(cluster, { keyPrefix })]
      for (const cache of caches) await until(() => stores(cache, BACK), 'the cache answers') // eslint-disable-line no-await-in-loop
      load = new Load(caches, LOADED, seed)
      await load.callsMore(2000)

      const [master] = cluster.masters
      load.mayLose()
      load.takeFigures()
      const beganMs = performance.now()
      if (how === 'killed') await master?.kill()
      else master?.stop()
      expect(await cluster.mastersNow()).not.toContain(master)
      const promotedMs = performance.now()
      for (const cache of caches) await until(() => stores(cache, BACK), 'the cache is back') // eslint-disable-line no-await-in-loop
      const backMs = performance.now()
      const during = load.takeFigures()
      load.mayNotLose()
      await load.callsMore(3000)
      expect(await load.stop()).toEqual([])

      row(
        how === 'killed' ? 15 : 16,
        `Cluster: master ${how}`,
        `its replica took over after ${(promotedMs - beganMs).toFixed(0)} ms, and was used ` +
          `${(backMs - promotedMs).toFixed(0)} ms later; no wrong value; ${inWords(during)}`,
      )
      expect(backMs - promotedMs).toBeLessThan(BACK_WITHIN_MS)
      for (const cache of caches) expect(await deletes(cache, BACK)).toBe(true) // eslint-disable-line no-await-in-loop
    },
    60_000,
  )
})

async function fill(cache: KeyedCache, keys: readonly string[]): Promise<void> {
  for (let start = 0; start < keys.length; start += CHUNK) {
    const entries = keys.slice(start, start + CHUNK).map((key) => [key, key] as const)
    expect(await cache.setMany(entries)).toBe(true) // eslint-disable-line no-await-in-loop
  }
}

async function allKeys(cache: KeyedCache): Promise<string[]> {
  const found: string[] = []
  let after: string | undefined
  do {
    const page = await cache.keys(undefined, { after, limit: 1000 }) // eslint-disable-line no-await-in-loop
    found.push(...page.keys)
    after = page.next
  } while (after !== undefined)
  return found
}

/** The names on each master that begin with these words. */
async function namesOf(cluster: RedisCluster, begin: string): Promise<string[][]> {
  return Promise.all(
    (await cluster.clients()).map(async (client) => {
      const names = new Set<string>()
      for await (const some of client.scanStream({ match: `${begin}*`, count: 1000 })) {
        for (const name of some as string[]) names.add(name)
      }
      return [...names]
    }),
  )
}

async function stores(cache: KeyedCache, keys: readonly string[]): Promise<boolean> {
  if (!(await cache.setMany(keys.map((key) => [key, key])))) return false
  const values = await cache.getMany<string>(keys)
  return keys.every((key, i) => values[i] === key)
}

async function deletes(cache: KeyedCache, keys: readonly string[]): Promise<boolean> {
  await cache.delete('back', { children: true })
  const values = await cache.getMany(keys)
  return values.every((value) => value === undefined)
}
