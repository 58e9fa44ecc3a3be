import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { createKeyedCache, type KeyedCacheOptions } from '../../../src/cache/create-keyed-cache.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { allAnswer } from '../../support/all-answer.js'
import { freshPrefix } from '../../support/both-stores.js'
import { report } from '../../support/figures.js'
import { makeGate } from '../../support/gate.js'
import { describeOnServers } from '../../support/on-servers.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { isMeasured } from '../../support/fault-row.js'
import { isFull } from '../../support/size.js'
import { openUpkeep, type OwnUpkeep } from '../../support/upkeep.js'
import { until } from '../../support/until.js'

const ENTRIES_PER_SECOND = 50
const TAGS_OF_EACH = 20

/** A cache of the test's own, and its prefix. */
function open(
  redis: KeyedCacheOptions['redis'],
  { onTestFinished }: TestContext,
): { cache: KeyedCache; keyPrefix: string } {
  const keyPrefix = freshPrefix()
  const cache = createKeyedCache({ redis, keyPrefix, redisTimeout: '5s' })
  onTestFinished(() => cache.close())
  return { cache, keyPrefix }
}

/** The upkeep of that prefix, which the test does by itself. */
async function upkeepOf(
  redis: KeyedCacheOptions['redis'],
  keyPrefix: string,
  shardCount: number,
  { onTestFinished }: TestContext,
): Promise<OwnUpkeep> {
  const upkeep = await openUpkeep(redis, keyPrefix, shardCount)
  onTestFinished(() => upkeep.close())
  return upkeep
}

/** All names that begin so. */
async function namesOf(clients: readonly Redis[], begin: string): Promise<string[]> {
  return (await Promise.all(clients.map((client) => client.keys(`${begin}*`)))).flat()
}

describeOnServers('The sets of tags', (servers) => {
  test.concurrent(
    'end with their entries, and are never many more than entries carry',
    { timeout: 120_000 },
    async (context) => {
      const { cache, keyPrefix } = open(servers().redis, context)
      await allAnswer(cache)
      const clients = await servers().clients()
      const seconds = isFull ? 60 : 1.5
      const ttlMs = isFull ? 2000 : 100
      let most = 0
      const startedMs = performance.now()
      for (let i = 0; i < seconds * ENTRIES_PER_SECOND; i++) {
        const tags = Array.from({ length: TAGS_OF_EACH }, (_, tag) => `${i} ${tag}`)
        await (i % 2 === 0
          ? cache.set(['e', i], i, { ttl: ttlMs / 1000, tags })
          : cache.getOrSet(['e', i], () => i, { ttl: ttlMs / 1000, tags }))
        if (i % 5 === 4) most = Math.max(most, (await namesOf(clients, `${keyPrefix}:tag`)).length)
        await delay(startedMs + ((i + 1) * 1000) / ENTRIES_PER_SECOND - performance.now())
      }
      const endedMs = performance.now()
      const upkeep = await upkeepOf(servers().redis, keyPrefix, servers().tags.length, context)
      await until(
        async () => {
          // In full, those who wrote and the upkeep have to do it in their time.
          if (!isFull) await upkeep.visitAll()
          return (await namesOf(clients, `${keyPrefix}:tag`)).length === 0
        },
        'all have ended',
        20_000,
      )
      const laterMs = Math.round(performance.now() - endedMs)
      expect(await namesOf(clients, `${keyPrefix}:ends`)).toEqual([])
      const figure = `${seconds} s of ${ENTRIES_PER_SECOND} entries/s with ${TAGS_OF_EACH} tags of their own, ttl ${ttlMs} ms`
      report(`${figure}: at most ${most} names, none ${laterMs} ms later`)
      const live = (ENTRIES_PER_SECOND * TAGS_OF_EACH * ttlMs) / 1000
      expect(most).toBeLessThan(isMeasured ? live + 1000 : 3 * live + 1000)
      // Each shard of a Cluster has its turn in about 9 s.
      if (isMeasured) expect(laterMs).toBeLessThan(10_000)
    },
  )

  test.concurrent('are gone after `clear`, as is all that is kept of tags', async (context) => {
    const { cache, keyPrefix } = open(servers().redis, context)
    for (let i = 0; i < 150; i++)
      await cache.set(['e', i], i, { ttl: i % 2 === 0 ? 60 : Infinity, tags: ['all', `own ${i}`] })
    await cache.delete(['e', 3])
    const gate = makeGate()
    const computed = cache.getOrSet('c', () => gate.opened.then(() => 1), { tags: ['all'] })
    await until(async () => (await cache.computing()).length === 1, 'it is being computed')
    await cache.deleteTag('own 5')
    await cache.clear()
    const clients = await servers().clients()
    for (const begin of ['tag', 'ends', 'tombstones', 'leases'])
      expect(await namesOf(clients, `${keyPrefix}:${begin}`)).toEqual([])
    gate.open()
    await computed
    await cache.set('after', 1, { tags: ['all'] })
    expect(await cache.deleteTag('all')).toEqual(['after'])
  })

  test.concurrent('stay after `clear` with what was stored meanwhile', async (context) => {
    const { cache } = open(servers().redis, context)
    const old = Array.from({ length: 3000 }, (_, i) => [['old', i], i] as const)
    await cache.setMany(old, { tags: ['t', 'old'] })
    let clearing = true
    let written = 0
    const writing = Array.from({ length: 8 }, async () => {
      while (clearing) await cache.set(['new', written++], 'new', { tags: ['t', `new ${written}`] })
    })
    await cache.clear()
    clearing = false
    await Promise.all(writing)
    await cache.set('last', 1, { tags: ['t'] })
    const { keys } = await cache.keys(undefined, { limit: 1000 })
    expect((await cache.deleteTag('t')).toSorted()).toEqual(keys.toSorted())
    expect(await cache.count()).toBe(0)
  })
})

describe('The set of a tag', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.close())

  /** Names that carry nothing, some of them among keys that do. */
  async function addDead(keyPrefix: string, tag: string, count: number): Promise<void> {
    await server.client().zadd(`${keyPrefix}:tags:`, 0, tag)
    for (let i = 0; i < count; i += 1000) {
      const some = Array.from({ length: 1000 }, (_, j) => ['inf', `dead::${i + j}`])
      await server.client().zadd(`${keyPrefix}:tag:${tag}`, ...some.flat())
    }
  }

  test.concurrent('loses thousands of names that have lost the tag in some steps, also where it is the only one', async (context) => {
    const { cache, keyPrefix } = open(server.url, context)
    await cache.setMany(
      Array.from({ length: 500 }, (_, i) => [['live', i], i] as const),
      { ttl: Infinity, tags: ['t'] },
    )
    await addDead(keyPrefix, 't', 10_000)
    const upkeep = await upkeepOf(server.url, keyPrefix, 1, context)
    const steps = await upkeep.visitAll()
    // Of 250 names each where nearly all are dead, then of 100 each, and one in a hundred may be left.
    expect(steps).toBeLessThan(120)
    expect(await server.client().zcard(`${keyPrefix}:tag:t`)).toBeLessThan(530)
    expect((await cache.tagged('t')).total).toBe(500)
  })

  test.concurrent('ends where a process of 0.1 has made it, which does not say when it is over', async (context) => {
    const { cache, keyPrefix } = open(server.url, context)
    await allAnswer(cache)
    const upkeep = await upkeepOf(server.url, keyPrefix, 1, context)
    const soon = Date.now() + 100
    await server.client().zadd(`${keyPrefix}:tags:`, 0, 'a', 0, 'b')
    await server.client().zadd(`${keyPrefix}:tag:a`, soon, 'x')
    await server.client().zadd(`${keyPrefix}:tag:b`, soon, 'x')
    await until(async () => {
      await upkeep.visitAll()
      return (await namesOf([server.client()], `${keyPrefix}:tag`)).length === 0
    }, 'they have ended')
  })

  test.concurrent('does not end with what lives longer, whoever has stored it', async (context) => {
    const { cache, keyPrefix } = open(server.url, context)
    await cache.set('a', 1, { ttl: '50ms', tags: ['t'] })
    // As 0.1 stores it
    const later = Date.now() + 60_000
    await server.client().zadd(`${keyPrefix}:tag:t`, later, 'b')
    await cache.set('b', 1, { tags: ['t'] })
    await server.client().zadd(`${keyPrefix}:ends:`, 1, 't')
    await (await upkeepOf(server.url, keyPrefix, 1, context)).visitAll()
    expect(await server.client().zscore(`${keyPrefix}:ends:`, 't')).not.toBe('1')
    await until(async () => !(await cache.has('a')), 'its ttl has passed')
    expect(await cache.deleteTag('t')).toEqual(['b'])
  })

  test.concurrent('with names that are not text, or with other data, keeps none of the others', async (context) => {
    const { cache, keyPrefix } = open(server.url, context)
    await allAnswer(cache)
    const hostile = Buffer.from([255, 254, 0])
    const all = Array.from({ length: 300 }, (_, i) => Buffer.concat([hostile, Buffer.from(String(i))]))
    await server.client().zadd(`${keyPrefix}:ends:`, ...all.flatMap((tag) => [1, tag]))
    await server.client().zadd(`${keyPrefix}:tags:`, ...all.flatMap((tag) => [0, tag]), 0, 'data')
    await server.client().set(`${keyPrefix}:tag:data`, 'other data')
    await cache.set('a', 1, { ttl: '50ms', tags: ['t'] })
    const upkeep = await upkeepOf(server.url, keyPrefix, 1, context)
    await until(async () => {
      await upkeep.visitAll()
      return (await namesOf([server.client()], `${keyPrefix}:tag`)).length === 0
    }, 'all have ended')
    expect(await namesOf([server.client()], `${keyPrefix}:ends`)).toEqual([])
  })
})
