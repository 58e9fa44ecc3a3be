import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { StatsBatch } from '../../../src/contract/statistics.js'
import { emptyCounters } from '../../../src/statistics/stats.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import type { RedisStore, RedisStoreOptions } from '../../../src/stores/redis/redis-store.js'
import type { Store, Write } from '../../../src/contract/store.js'
import { describeComputations } from '../computation-contract.js'
import { describeStatistics } from '../statistics-contract.js'
import { describeStore } from '../store-contract.js'
import { freshPrefix } from '../../support/both-stores.js'
import { atMostMs } from '../../support/fault-row.js'
import { openStore } from '../../support/open-store.js'
import { readAllBytes, readBytes } from '../../support/read-bytes.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(async () => {
  const used = await commandsUsed()
  await server.close()
  for (const name of ['keys', 'flushdb', 'flushall']) expect(used).not.toContain(name)
  expect(used).toContain('evalsha')
})

async function commandsUsed(): Promise<string[]> {
  const info = await server.client().info('commandstats')
  return Array.from(info.matchAll(/^cmdstat_([^:]+):/gm), ([, name]) => name ?? '')
}

async function timesCalled(command: string): Promise<number> {
  const info = await server.client().info('commandstats')
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(info)?.[1] ?? 0)
}

describeStore('The Redis store', () => openStore(server.url))
describeStatistics('The Redis store', () => openStore(server.url))
describeComputations('The Redis store', () => openStore(server.url))

describe('A client that puts a prefix of its own before all keys', () => {
  const clients: Redis[] = []
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect()
  })
  const open = (): RedisStore => {
    const client = new Redis(server.url, { keyPrefix: 'app:*[x]:' })
    clients.push(client)
    return openStore(client)
  }
  describeStore('The Redis store', open)
  describeStatistics('The Redis store', open)
  describeComputations('The Redis store', open)
})

describe('The Redis store', () => {
  let prefix: string
  let opened: Store[] = []
  beforeEach(() => {
    prefix = freshPrefix()
    opened = []
  })
  afterEach(async () => {
    server.resume()
    await Promise.all(opened.map((store) => store.close()))
  })

  function open(options: Partial<RedisStoreOptions> = {}): RedisStore {
    const store = openStore(server.url, { keyPrefix: prefix, ...options })
    opened.push(store)
    return store
  }

  function write(key: string, over: Partial<Write> = {}): Write {
    return { key, bytes: Buffer.from(key), expiresAt: Infinity, tags: [], ...over }
  }

  test('keeps an entry as the string at <keyPrefix>:v:<key>, with its expiry', async () => {
    const store = open()
    await store.probe()
    await store.write([write('a::b', { expiresAt: store.now() + 60_000 }), write('c')])
    expect(await server.client().get(`${prefix}:v:a::b`)).toBe('a::b')
    expect(await server.client().pttl(`${prefix}:v:a::b`)).toBeGreaterThan(50_000)
    expect(await server.client().pttl(`${prefix}:v:c`)).toBe(-1)
  })

  test('shows at once what another store on the same prefix did', async () => {
    const [one, two] = [open(), open()]
    await one.write([write('a'), write('a::1'), write('b')])
    expect(await readBytes(two, 'a')).toEqual(Buffer.from('a'))
    expect(await two.removeTree('a')).toEqual(['a', 'a::1'])
    expect(await readBytes(one, 'a::1')).toBeUndefined()
    expect((await one.list(undefined, undefined, 10)).keys).toEqual(['b'])
  })

  test('reads with one command', async () => {
    const store = open()
    await store.write([write('a'), write('b')])
    const [gets, mgets] = [await timesCalled('get'), await timesCalled('mget')]
    await readBytes(store, 'a')
    await readAllBytes(store, ['a', 'b', 'nothing'])
    expect(await timesCalled('get')).toBe(gets + 1)
    expect(await timesCalled('mget')).toBe(mgets + 1)
  })

  test('reads many keys whose sizes are known with at most four commands, and no more than 500 keys with one', async () => {
    const store = open()
    const keys = Array.from({ length: 2500 }, (_, i) => `many::${i}`)
    await store.write(keys.map((key) => write(key)))
    for (const [count, commands] of [
      [32, 1],
      [33, 2],
      [100, 4],
      // Four of 32 keys show that the values are small
      [2000, 8],
      [2000, 4],
      [2500, 5],
    ] as const) {
      /* eslint-disable no-await-in-loop -- counted one after the other */
      const before = await timesCalled('mget')
      const some = keys.slice(0, count)
      expect(await readAllBytes(store, some)).toEqual(some.map((key) => Buffer.from(key)))
      expect((await timesCalled('mget')) - before).toBe(commands)
      /* eslint-enable no-await-in-loop */
    }
  })

  test('clears nothing that is not its own', async () => {
    const [store, longer, shorter] = [
      open(),
      open({ keyPrefix: `${prefix}-more` }),
      open({ keyPrefix: prefix.slice(0, -1) }),
    ]
    for (const each of [store, longer, shorter]) await each.write([write('a'), write('a::b')]) // eslint-disable-line no-await-in-loop
    await server.client().set(prefix, 'of somebody else')
    await server.client().set(`${prefix}:of-somebody-else`, 'too')
    expect(await store.clear()).toBe(2)
    expect(await longer.count(undefined)).toBe(2)
    expect(await shorter.count(undefined)).toBe(2)
    expect(await readBytes(shorter, 'a')).toEqual(Buffer.from('a'))
    expect(await server.client().mget(prefix, `${prefix}:of-somebody-else`)).toEqual(['of somebody else', 'too'])
  })

  test('leaves nothing in Redis when all has been removed, statistics apart', async () => {
    const store = open()
    await store.write([write('a'), write('b', { expiresAt: Date.now() + 3_600_000 })])
    await store.clear()
    expect(await server.client().exists(`${prefix}:leases:`)).toBe(0)
    // The empty member says that the index is whole
    expect(await server.client().zrange(`${prefix}:index:`, '0', '-1')).toEqual([''])
    await until(
      async () => (await server.client().zcard(`${prefix}:expiry:`)) === 1,
      'the background has dropped the keys that were removed',
    )
    expect(await server.client().zrange(`${prefix}:expiry:`, '0', '-1')).toEqual([''])
    expect(await server.client().exists(`${prefix}:removed:`)).toBe(0)
  })

  test('keeps the expiry of a key that is stored again before the background has seen that it was removed', async () => {
    const [store, background] = [open(), `${prefix}:sweeper`]
    await store.probe()
    await server.client().set(background, 'held by a test')
    const expiresAt = Math.ceil(store.now()) + 3_600_000
    await store.write([write('a', { expiresAt: expiresAt - 1000 }), write('b', { expiresAt })])
    expect(await store.remove(['a', 'b'])).toEqual(['a', 'b'])
    await store.write([write('a', { expiresAt })])
    expect(await server.client().zcard(`${prefix}:expiry:`)).toBe(3)
    await server.client().del(background)
    await until(async () => (await server.client().exists(`${prefix}:removed:`)) === 0, 'the background has seen both')
    expect(await server.client().zrange(`${prefix}:expiry:`, '0', '-1', 'WITHSCORES')).toEqual([
      'a',
      String(expiresAt),
      '',
      'inf',
    ])
  })

  test('drops expired keys from the index by itself', async () => {
    const store = open()
    await store.probe()
    await store.write([write('a', { expiresAt: store.now() + 50 }), write('b')])
    expect(await server.client().zlexcount(`${prefix}:index:`, '(', '+')).toBe(2)
    await until(
      async () => (await server.client().zlexcount(`${prefix}:index:`, '(', '+')) === 1,
      'the background has pruned',
    )
    expect(await server.client().zcount(`${prefix}:expiry:`, 0, Date.now() + 10 ** 7)).toBe(0)
  })

  test('writes many entries while very many have just expired', async () => {
    const store = open()
    await store.probe()
    const expiresAt = store.now() + 400
    await store.write(Array.from({ length: 12_000 }, (_, i) => write(`old::${i}`, { expiresAt })))
    await until(() => store.now() > expiresAt + 5, 'they have expired')
    const fresh = Array.from({ length: 500 }, (_, i) => write(`new::${i}`))
    expect(await store.write(fresh)).toEqual(fresh.map(() => true))
    expect(await store.count(undefined)).toBe(500)
  })

  test('teaches its scripts to a server that has forgotten them', async () => {
    const store = open()
    await store.write([write('a')])
    await server.client().script('FLUSH')
    expect(await store.count(undefined)).toBe(1)
    await server.client().script('FLUSH')
    expect(await store.write([write('b')])).toEqual([true])
  })

  test.each(['that has just started', 'that has forgotten its scripts'])(
    'writes before it removes what is written before it is removed, on a server %s',
    async (which) => {
      await server.client().script('FLUSH')
      const store = open()
      await store.probe()
      if (which.includes('forgotten')) {
        await store.write([write('other')])
        await store.remove(['other'])
        await server.client().script('FLUSH')
      }
      // Only the script that removes is known from now on
      await store.remove(['other'])
      const written = store.write([write('a')])
      const removed = store.remove(['a'])
      expect([await written, await removed]).toEqual([[true], ['a']])
      expect(await readBytes(store, 'a')).toBeUndefined()
    },
  )

  test('does not carry out later a write that it gave up', async () => {
    const store = open({ timeoutMs: 150 })
    await store.write([write('a', { bytes: Buffer.from('old') })])
    server.stop()
    await expect(store.write([write('a', { bytes: Buffer.from('new') })])).rejects.toThrow()
    server.resume()
    await until(
      async () => (await readBytes(store, 'a').catch(() => undefined)) !== undefined,
      'the server answers again',
    )
    expect(await server.client().get(`${prefix}:v:a`)).toBe('old')
  })

  test('closes within 500 ms while Redis hangs, however long its time limit is', async () => {
    const store = open({ timeoutMs: 10_000 })
    await store.probe()
    server.stop()
    const before = performance.now()
    await store.close()
    expect(performance.now() - before).toBeLessThan(atMostMs(500))
  })

  test('stores when it is closed what it was given to store at that moment', async () => {
    const [store, other] = [open(), open()]
    const attempt = { process: 'p', leaseMs: 60_000, seen: undefined, follows: true, patient: false }
    await store.acquire({ ...attempt, key: 'computed', token: 'holder' })
    // Nobody waits for the answers any more
    const given = Promise.allSettled([store.fill(write('computed'), 'holder'), store.write([write('set')])])
    await store.close()
    await given
    expect(await readAllBytes(other, ['computed', 'set'])).toEqual([Buffer.from('computed'), Buffer.from('set')])
    expect(await other.computations()).toEqual([])
  })

  test('neither closes nor disturbs a client that was passed in', async () => {
    const client = new Redis(server.url)
    const listeners = client.eventNames().map((name) => client.listenerCount(name))
    const store = open({ redis: client })
    await store.write([write('a')])
    await store.close()
    expect(await client.ping()).toBe('PONG')
    expect(client.eventNames().map((name) => client.listenerCount(name))).toEqual(listeners)
    client.disconnect()
  })

  test('takes a passed client that pipelines by itself', async () => {
    const client = new Redis(server.url, { enableAutoPipelining: true })
    const store = open({ redis: client })
    const attempt = { key: 'a', process: 'p', leaseMs: 1000, seen: undefined, follows: false, patient: false }
    expect(await store.acquire({ ...attempt, token: 'holder' })).toEqual({ kind: 'leads' })
    expect(await store.fill(write('a'), 'holder')).toBe(true)
    expect(await store.acquire({ ...attempt, token: 'next' })).toEqual({ kind: 'value', bytes: write('a').bytes })
    expect((await store.peekMany(['a']))[0]?.size).toBe(write('a').bytes.length)
    client.disconnect()
  })

  test('takes a passed client that connects when first used', async () => {
    const client = new Redis(server.url, { lazyConnect: true })
    const store = open({ redis: client })
    expect(await store.write([write('a')])).toEqual([true])
    client.disconnect()
  })

  test('rejects what it asks when somebody else has put other data in its place, and goes on', async () => {
    const store = open()
    await server.client().set(`${prefix}:index:`, 'not a sorted set')
    await server.client().lpush(`${prefix}:v:a`, 'not a string')
    expect(await readBytes(store, 'a')).toEqual(Buffer.alloc(0))
    await expect(store.count(undefined)).rejects.toThrow('WRONGTYPE')
    await server.client().del(`${prefix}:index:`, `${prefix}:v:a`)
    expect(await store.count(undefined)).toBe(0)
  })

  describe('where names that are no text stand among its own', () => {
    const MANY = 700
    const foreign = (i: number): Buffer => Buffer.concat([Buffer.from([0xff]), Buffer.from(String(i))])

    /** A store with a key before and one behind them. */
    async function openAmong(): Promise<RedisStore> {
      const store = open()
      await store.write([write('a'), write('\uffff')])
      const names = Array.from({ length: MANY }, (_, i) => [0, foreign(i)] as const).flat()
      await server.client().zadd(`${prefix}:index:`, ...names)
      return store
    }

    test('clears all of them, once', async () => {
      const store = await openAmong()
      expect(await store.clear()).toBe(2)
      expect(await server.client().zrange(`${prefix}:index:`, 0, '-1')).toEqual([''])
      await until(async () => (await server.client().exists(`${prefix}:removed:`)) === 0, 'the background is done')
    })

    test('lists its own', async () => {
      const store = await openAmong()
      await server.client().zadd(`${prefix}:index:`, 0, foreign(1), 0, Buffer.concat([foreign(1), Buffer.from('::x')]))
      expect((await store.children(undefined, undefined, 100)).children.map(({ key }) => key)).toEqual(['a', '\uffff'])
      await server.client().zadd(`${prefix}:index:`, 0, foreign(1))
      expect(await store.list(undefined, undefined, 100)).toEqual({ keys: ['a', '\uffff'], next: undefined, total: 2 })
      expect(await server.client().zrange(`${prefix}:index:`, 0, '-1')).toEqual(['', 'a', '\uffff'])
    })

    test('goes past them where it cleans up after evictions', async () => {
      const store = await openAmong()
      await server.client().set(`${prefix}:sweeper`, 'held by a test', 'PX', 100)
      await server.client().hset(`${prefix}:sweep`, 'evicted', '-1000', 'cursor', foreign(0))
      await until(
        async () => (await server.client().zcard(`${prefix}:index:`)) === 3,
        'the background has dropped what is not there',
      )
      expect(text(await readAllBytes(store, ['a', '\uffff']))).toEqual(['a', '\uffff'])
    })

    test('takes them out of the set of a tag', async () => {
      const store = await openAmong()
      const set = `${prefix}:tag:t`
      await server.client().zadd(`${prefix}:tags:`, 0, 't')
      await server.client().zadd(set, ...Array.from({ length: MANY }, (_, i) => ['inf', foreign(i)] as const).flat())
      expect(await store.listTag('t', 100)).toEqual({ keys: [], total: 0 })
      expect(await store.removeTag('t')).toEqual([])
      expect(await server.client().exists(set, `${prefix}:tags:`)).toBe(0)
    })
  })

  test('lets nobody wait for a lease of others that ends years from now, or is none', async () => {
    const store = open()
    await store.probe()
    const leases = ['9999999999999 1 x 0 dead:1', '9999999999999 1 - 0 -', '1.2.3 4.5.6 x 0 dead:1', 'nonsense', '']
    for (const [i, lease] of leases.entries()) {
      const key = `k${i}`
      await server.client().hset(`${prefix}:leases:`, key, lease) // eslint-disable-line no-await-in-loop
      expect((await store.computations()).map((each) => each.key)).not.toContain(key) // eslint-disable-line no-await-in-loop
      const attempt = { key, token: 'holder', process: 'p', leaseMs: 3_600_000, seen: undefined, follows: true }
      expect(await store.acquire({ ...attempt, patient: true })).toEqual({ kind: 'leads' }) // eslint-disable-line no-await-in-loop
      expect(await store.acquire({ ...attempt, patient: true })).toMatchObject({ kind: 'follows' }) // eslint-disable-line no-await-in-loop
    }
    expect(await store.computations()).toHaveLength(leases.length)
  })

  test('stores nothing that began before its tag was removed, also where the clock was set back meanwhile', async () => {
    const store = open()
    await store.probe()
    const attempt = { process: 'p', leaseMs: 60_000, seen: undefined, follows: true, patient: false }
    await store.acquire({ ...attempt, key: 'a', token: 'holder' })
    await store.acquire({ ...attempt, key: 'b', token: 'holder' })
    // As a lease stands there when the clock was set back by three seconds
    const lease = String(await server.client().hget(`${prefix}:leases:`, 'a')).split(' ')
    const later = lease.map((part, i) => (i < 2 ? Number(part) + 3000 : part)).join(' ')
    await server.client().hset(`${prefix}:leases:`, 'a', later)
    await store.removeTag('t')
    expect(await store.fill(write('a', { tags: ['t'] }), 'holder')).toBe(false)
    expect(await store.fill(write('b', { tags: ['another'] }), 'holder')).toBe(true)
  })

  test('lets go of the tags that entries have lost', async () => {
    const cache = createKeyedCache({ redis: server.url, keyPrefix: prefix, redisTimeout: '5s' })
    for (let i = 0; i < 100; i++) await cache.set('page', i, { ttl: Infinity, tags: ['page', `version ${i}`] }) // eslint-disable-line no-await-in-loop
    const tags = (): Promise<string[]> => server.client().zrange(`${prefix}:tags:`, 0, '-1')
    await until(async () => (await tags()).length === 2, 'the background has dropped the others')
    expect(await tags()).toEqual(['page', 'version 99'])
    expect(await cache.tagged('version 99')).toEqual({ keys: ['page'], total: 1 })
    expect(await cache.tagged('version 9')).toEqual({ keys: [], total: 0 })
    await cache.close()
  })

  test('lets go of what dead processes computed, of pauses that are over, and then of what was removed meanwhile', async () => {
    const store = open()
    await store.probe()
    const leases = `${prefix}:leases:`
    const ended = (ms: number, token: string): string => `${Math.round(store.now()) - ms} 1 ${token} 0 p`
    await server.client().hset(leases, 'dead', ended(61_000, 'x'), 'slow', ended(30_000, 'x'))
    await server.client().hset(leases, 'far', ended(-(10 ** 10), 'x'), 'nonsense', 'x', 'over', ended(1, '-'))
    const over = Array.from({ length: 1500 }, (_, i) => [`over${i}`, ended(1, '-')])
    await server.client().hset(leases, ...over.flat(), 'paused', ended(-5000, '-'))
    const attempt = { key: 'a', token: 'holder', process: 'p', leaseMs: 60_000, seen: undefined, follows: true }
    await store.acquire({ ...attempt, patient: true })
    await store.removeTag('t')
    await until(async () => (await server.client().hlen(leases)) === 4, 'the background has dropped the others')
    expect((await server.client().hkeys(leases)).toSorted()).toEqual(['', 'a', 'paused', 'slow'])
    expect(await server.client().exists(`${prefix}:tombstones:`)).toBe(1)
    await store.remove(['slow', 'paused'])
    await store.release('a', 'holder', 'nothing', 50)
    await until(
      async () => (await server.client().exists(leases, `${prefix}:tombstones:`)) === 0,
      'nothing is left when the pause is over',
    )
  })

  test('takes counters that are no numbers for 0', async () => {
    const store = open()
    await server.client().hset(`${prefix}:stats:totals`, 'misses', 'many', 'store', '3')
    await server.client().hset(`${prefix}:stats:groups`, 'calls p', '1e999', '__proto__ q', '5', 'nonsense', '1')
    const { counters } = await store.readStats()
    expect(counters.misses).toBe(0)
    expect(counters.hitsBy.store).toBe(3)
    expect(counters.groups.get('p')?.calls).toBe(0)
    await store.addStats(batch(store, 1))
    const added = (await store.readStats()).counters
    expect(added.misses).toBe(2)
    expect(added.groups.get('p')?.calls).toBe(2)
  })

  test('leaves out what can be no moment, and counts all the same', async () => {
    const store = open()
    const now = store.now()
    await server.client().hset(`${prefix}:stats:minutes`, 'calls x', '1', 'calls 1e300', '1', 'calls -9e15', '1')
    await server
      .client()
      .hset(`${prefix}:processes`, 'host:1 x', 'nonsense', 'host:2 x', `1e300 ${now} 1`, 'host:3', '')
    await server.client().hset(`${prefix}:leases:`, 'a', `${now + 60_000} 99999999999999999 x 0 host:1`)
    await store.addStats(batch(store, 1))
    await store.addStats(batch(store, 1))
    const { counters, processes } = await store.readStats()
    expect(counters.minutes.size).toBe(1)
    expect(counters.misses).toBe(2)
    expect(processes.map(({ id }) => id)).toEqual(['host:9'])
    expect(await server.client().hkeys(`${prefix}:stats:minutes`)).not.toContain('calls x')
    expect(await store.computations()).toEqual([])
  })

  test('counts nothing twice where a part of it cannot be counted', async () => {
    const store = open()
    await server.client().set(`${prefix}:stats:minutes`, 'of somebody else')
    await expect(store.addStats(batch(store, 1))).rejects.toThrow('WRONGTYPE')
    await server.client().del(`${prefix}:stats:minutes`)
    await store.addStats(batch(store, 1))
    expect((await store.readStats()).counters.misses).toBe(2)
  })
})

function batch(store: Store, number: number): StatsBatch {
  const minutes = new Map([[Math.floor(store.now() / 60_000) * 60_000, { calls: 2, hits: 0 }]])
  const groups = new Map([['p', { calls: 2, hits: 0, computations: 0, computeMs: 0, savedMs: 0 }]])
  return {
    process: 'host:9',
    instance: 'x',
    startedAt: 1000,
    number,
    counters: { ...emptyCounters(), misses: 2, minutes, groups },
  }
}

function text(bytes: readonly (Buffer | undefined)[]): (string | undefined)[] {
  return bytes.map((each) => each?.toString())
}
