import { Cluster } from 'ioredis'
import * as fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../../../src/cache/create-keyed-cache.js'
import { hashTags } from '../../../../src/stores/redis/shards/hash-tags.js'
import { allAnswer } from '../../../support/all-answer.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js'
import { startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'
import { warningsDuring } from '../../../support/warnings.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster()
}, 60_000)
afterAll(() => cluster.close())

const opened: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
})

async function open(options: KeyedCacheOptions = {}): Promise<KeyedCache> {
  const cache = createKeyedCache({ redis: cluster.urls, keyPrefix: freshPrefix(), redisTimeout: '5s', ...options })
  opened.push(cache)
  await allAnswer(cache)
  return cache
}

describe('The index of a Cluster', () => {
  test(`gives the same lists, levels and counts as a plain list of the keys, page by page (SEED=${seed})`, async () => {
    const part = fc.constantFrom('1', '10', '2', 'a', 'p', 'ü', '🔑', ':', '')
    const sets = fc.sample(fc.array(fc.array(part, { minLength: 1, maxLength: 4 }), { maxLength: 120 }), {
      seed,
      numRuns: 15,
    })
    const cache = await open()
    for (const parts of sets) {
      /* eslint-disable no-await-in-loop -- one after the other in one cache */
      await cache.clear()
      const keys = [...new Set(parts.map((each) => cache.key(...each)))].toSorted((a, b) =>
        Buffer.compare(Buffer.from(a), Buffer.from(b)),
      )
      await cache.setMany(keys.map((key) => [key, key] as const))
      const unders = [undefined, ...keys.slice(0, 5), ...keys.slice(0, 5).map((key) => key.split('::', 1)[0] as string)]
      for (const under of unders) {
        const below = keys.filter((key) => under === undefined || key === under || key.startsWith(`${under}::`))
        expect(await cache.count(under)).toBe(below.length)
        expect(
          (await pages((after) => cache.keys(under, { after, limit: 7 }))).flatMap(({ keys: some }) => some),
        ).toEqual(below.toSorted((a, b) => Number(b === under) - Number(a === under)))
        const children = (await pages((after) => cache.children(under, { after, limit: 3 }))).flatMap(
          (page) => page.children,
        )
        expect(children.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual(levelBelow(keys, under))
      }
      /* eslint-enable no-await-in-loop */
    }
  }, 60_000)

  test('hides no key from a delete with children where it was lost in some shards, and is whole again afterwards', async () => {
    const keyPrefix = freshPrefix()
    const cache = await open({ keyPrefix })
    const keys = Array.from({ length: 2000 }, (_, i) => `a::${i % 10}::${i}`)
    await cache.setMany(keys.map((key) => [key, 1] as const))
    const names = await namesIn(`${keyPrefix}:index:`)
    expect(names).toHaveLength(16)
    await Promise.all(names.slice(0, 5).map((name) => cluster.client().del(name)))
    expect((await cache.delete('a::3', { children: true })).length).toBe(200)
    await until(async () => (await cache.count()) === 1800, 'the index is whole again')
    expect((await cache.keys('a::4', { limit: 1000 })).keys).toHaveLength(200)
    expect(await cache.clear()).toBe(1800)
    expect(await namesIn(`${keyPrefix}:v:`)).toEqual([])
  })

  test('sends no SCAN while it is whole, on a Cluster that was empty', async () => {
    const own = await startCluster()
    opened.push(own)
    const cache = createKeyedCache({ redis: own.urls, keyPrefix: 'fresh', redisTimeout: '5s' })
    opened.push(cache)
    await cache.setMany(Array.from({ length: 500 }, (_, i) => [['a', i], i] as const))
    expect(await cache.count('a')).toBe(500)
    expect(await cache.delete('a', { children: true })).toHaveLength(500)
    expect(await own.commandsUsed()).not.toContain('scan')
  }, 60_000)
})

describe('The shards of a prefix', () => {
  test('are as many as the first process says, and the others go by it with a warning', async () => {
    const keyPrefix = freshPrefix()
    const first = await open({ keyPrefix, shards: 64 })
    await first.setMany(Array.from({ length: 300 }, (_, i) => [['a', i], i] as const))
    let second = first
    const warnings = await warningsDuring('KEYEDCACHE_SHARDS', async () => {
      second = createKeyedCache({ redis: cluster.urls, keyPrefix, redisTimeout: '5s', name: 'late' })
      opened.push(second)
      await until(
        () =>
          second.require().then(
            () => true,
            () => false,
          ),
        'it answers',
      )
    })
    expect(warnings).toEqual([expect.stringMatching(/late.*64 shards.*not by 16/)])
    expect(await second.count('a')).toBe(300)
    expect(await second.get('a::299')).toBe(299)
    await second.delete('a::1')
    expect(await first.get('a::1', { default: 'gone' })).toBe('gone')
  })

  test.each([16, 64])('lie evenly in the slots: %d', async (count) => {
    const slots = await Promise.all(hashTags(count).map((tag) => cluster.client().cluster('KEYSLOT', tag)))
    const part = 16_384 / count
    expect(slots.map((slot) => Math.floor(slot / part))).toEqual(Array.from({ length: count }, (_, i) => i))
    for (const slot of slots) expect(Math.abs((slot % part) - part / 2)).toBeLessThanOrEqual(part / 8)
  })

  test('are 16 or 64', () => {
    for (const shards of [0, 1, 17, 1.5, '16', Number.NaN])
      expect(() => createKeyedCache({ shards: shards as number })).toThrow(/`shards` to be 16 or 64, got/)
  })
})

describe('A Cluster client of the user', () => {
  test('is used as it is, and stays open', async () => {
    const client = new Cluster(cluster.urls)
    const cache = await open({ redis: client })
    await cache.set('a', 1)
    expect((await cache.stats()).backend.kind).toBe('cluster')
    await cache.close()
    expect(client.status).toBe('ready')
    await client.quit()
  })

  test('is refused where it would give wrong answers', () => {
    const lazy = { lazyConnect: true }
    const reading = new Cluster(cluster.urls, { ...lazy, scaleReads: 'slave' })
    const tagging = new Cluster(cluster.urls, { ...lazy, keyPrefix: 'a{b}' })
    expect(() => createKeyedCache({ redis: reading, keyPrefix: 'x' })).toThrow(/Set `scaleReads: 'master'`/)
    expect(() => createKeyedCache({ redis: tagging, keyPrefix: 'x' })).toThrow(/without `\{`/)
  })

  test('of a plain server that is no Cluster is down, and says why', async () => {
    const server = await startRedis()
    opened.push(server)
    const errors: unknown[] = []
    const cache = createKeyedCache({
      redis: [server.url],
      keyPrefix: 'x',
      logger: { info: () => {}, warn: (message) => errors.push(message), error: () => {} },
    })
    opened.push(cache)
    await expect(cache.count()).rejects.toThrow(/did not respond to count/)
    await until(() => errors.length > 0, 'it says so')
  })
})

async function pages<P extends { next: string | undefined }>(
  page: (after: string | undefined) => Promise<P>,
): Promise<P[]> {
  const found: P[] = []
  let after: string | undefined
  do {
    found.push(await page(after)) // eslint-disable-line no-await-in-loop -- each page begins where the last one ended
    after = found.at(-1)?.next
  } while (after !== undefined)
  return found
}

function levelBelow(keys: readonly string[], under: string | undefined) {
  const prefix = under === undefined ? '' : `${under}::`
  const level = new Map<string, { segment: string; key: string; isKey: boolean; count: number }>()
  for (const key of keys.filter((each) => each.startsWith(prefix) && each !== under)) {
    const [segment = ''] = key.slice(prefix.length).split('::', 1)
    const child = level.get(segment) ?? { segment, key: prefix + segment, isKey: false, count: 0 }
    level.set(segment, child)
    if (key === child.key) child.isKey = true
    else child.count++
  }
  return [...level.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

async function namesIn(begin: string): Promise<string[]> {
  const masters = await cluster.clients()
  const found = await Promise.all(masters.map((master) => master.scan('0', 'MATCH', `${begin}*`, 'COUNT', 10 ** 6)))
  return found.flatMap(([, names]) => names)
}
