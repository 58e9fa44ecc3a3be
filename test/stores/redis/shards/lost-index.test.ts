import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache } from '../../../../src/cache/create-keyed-cache.js'
import { allAnswer } from '../../../support/all-answer.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
  // A database that is not empty, so that a new prefix cannot take its index for whole
  await server.client().set('of somebody else', 'x')
})
afterAll(() => server.close())

const opened: KeyedCache[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})

let prefix: string
async function open(keyPrefix = freshPrefix()): Promise<KeyedCache> {
  prefix = keyPrefix
  const cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s' })
  opened.push(cache)
  await allAnswer(cache)
  return cache
}

async function fill(cache: KeyedCache, count: number): Promise<void> {
  await cache.setMany(Array.from({ length: count }, (_, i) => [['a', i % 10, i], i] as const))
  await cache.set('b', 1, { ttl: Infinity })
}

async function isWhole(): Promise<boolean> {
  const [index, expiry] = await Promise.all(
    ['index', 'expiry'].map((name) => server.client().zscore(`${prefix}:${name}:`, '')),
  )
  return index === '0' && expiry === 'inf'
}

describe('An index that was lost', () => {
  test.each(['index', 'expiry'])('behind the cache (%s) hides no key from a delete with children', async (name) => {
    const cache = await open()
    await fill(cache, 1200)
    await server.client().del(`${prefix}:${name}:`)
    await cache.set(['a', 3, 'new'], 1)
    expect((await cache.delete(['a', 3], { children: true })).length).toBe(121)
    expect(await cache.get(['a', 3, 3], { default: 'gone' })).toBe('gone')
    expect(await cache.get(['a', 4, 4])).toBe(4)
    await until(isWhole, 'the index is whole again')
    expect(await cache.count()).toBe(1081)
  })

  test('is made whole before it answers a list, a count or the children of a key', async () => {
    const cache = await open()
    await fill(cache, 700)
    const before = [await cache.keys('a', { limit: 50 }), await cache.children('a'), await cache.count()]
    await server.client().del(`${prefix}:index:`, `${prefix}:rebuild`)
    expect(await cache.count()).toBe(701)
    await server.client().del(`${prefix}:index:`, `${prefix}:rebuild`)
    expect([await cache.keys('a', { limit: 50 }), await cache.children('a'), await cache.count()]).toEqual(before)
  })

  test('hides no key from clear, which leaves what is not its own', async () => {
    const cache = await open()
    await fill(cache, 600)
    const other = createKeyedCache({ redis: server.url, keyPrefix: `${prefix}.other`, redisTimeout: '5s' })
    opened.push(other)
    await other.require()
    await other.set('a', 1)
    await server.client().del(`${prefix}:index:`)
    expect(await cache.clear()).toBe(601)
    expect(await cache.count()).toBe(0)
    expect(await other.count()).toBe(1)
    expect(await server.client().get('of somebody else')).toBe('x')
  })

  test('is whole at once where the whole database was emptied', async () => {
    const own = await startRedis()
    try {
      const cache = createKeyedCache({ redis: own.url, keyPrefix: 'flushed', redisTimeout: '5s' })
      opened.push(cache)
      await allAnswer(cache)
      await cache.set('a', 1)
      await own.client().flushall()
      expect(await cache.count()).toBe(0)
      await cache.set(['a', 'b'], 2)
      expect(await cache.delete('a', { children: true })).toEqual(['a::b'])
    } finally {
      await own.close()
    }
  })

  test('is rebuilt by one of many processes', async () => {
    const cache = await open()
    await fill(cache, 3000)
    const others = await Promise.all(Array.from({ length: 4 }, () => open(prefix)))
    await server.client().del(`${prefix}:index:`, `${prefix}:rebuild`)
    const scansBefore = await scans()
    expect(await Promise.all([cache, ...others].map((each) => each.count()))).toEqual([3001, 3001, 3001, 3001, 3001])
    // SCAN counts places of the table, of which there may be twice as many as names.
    const once = Math.ceil((2 * (await server.client().dbsize())) / 1000) + 2
    expect((await scans()) - scansBefore).toBeLessThanOrEqual(once)
  })
})

async function scans(): Promise<number> {
  return Number(/cmdstat_scan:calls=(\d+)/.exec(await server.client().info('commandstats'))?.[1] ?? 0)
}

describe('Names of evicted entries', () => {
  test('are left out of pages, and dropped', async () => {
    const cache = await open()
    await fill(cache, 100)
    await server.client().del(`${prefix}:v:a::0::0`, `${prefix}:v:a::1::1`)
    expect((await cache.keys(undefined, { limit: 1000 })).keys).not.toContain('a::0::0')
    expect(await cache.count()).toBe(99)
  })

  test.each(['volatile-lru', 'allkeys-lru'])('do not fill the memory under %s', async (policy) => {
    const own = await startRedis({ args: ['--maxmemory', '20mb', '--maxmemory-policy', policy] })
    const cache = createKeyedCache({ redis: own.url, keyPrefix: 'full', redisTimeout: '5s', ttl: '1h' })
    opened.push(cache)
    const counts = async (): Promise<{ names: number; live: number }> => {
      const [, live] = /keys=(\d+)/.exec(await own.client().info('keyspace')) ?? []
      return { names: await own.client().zcard('full:index:'), live: Number(live) }
    }
    try {
      await allAnswer(cache)
      const value = 'x'.repeat(300)
      let failed = 0
      const began = performance.now()
      for (let i = 0; i < 50_000; i += 100) {
        const entries = Array.from({ length: 100 }, (_, j) => [['k', i + j], value] as const)
        // eslint-disable-next-line no-await-in-loop -- one batch after the other, as fast as they go
        const stored = await cache.setMany(entries)
        if (!stored && performance.now() - began > 1000) failed += 100
      }
      // A second of writes is more than this small memory holds: the sweep of that second comes after it
      await until(async () => {
        const { names, live } = await counts()
        return names < 1.5 * live
      }, 'the index has been swept')
      const { names, live } = await counts()
      // oxlint-disable-next-line no-console -- the figure that the test is about
      console.log(`${policy}, 20 MB, 50,000 writes: ${failed} failed, ${names} names for ${live} live keys`)
      expect(failed).toBe(0)
    } finally {
      await own.close()
    }
  })
})
