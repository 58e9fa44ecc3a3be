import { Redis, type RedisOptions } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../../src/cache/create-keyed-cache.js'
import { asAnotherProcess } from '../../support/another-process.js'
import { freshPrefix } from '../../support/both-stores.js'
import { type Gate, makeGate } from '../../support/gate.js'
import { startProxy } from '../../support/proxy.js'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { warningsDuring } from '../../support/warnings.js'
import { startWorker } from '../../support/worker.js'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** A cache whose copies would serve for an hour, so that what is not dropped shows. */
function open(options: KeyedCacheOptions): KeyedCache {
  const cache = createKeyedCache({ near: { ttl: '1h' }, redisTimeout: '5s', ...options })
  closing.push(() => cache.close())
  return cache
}

/** Who answers a read: the value, and the tier that had it. */
async function ask(cache: KeyedCache, key: string): Promise<{ value: unknown; by: string }> {
  let by = 'nobody'
  const listen = (hit: { key: string; by: string }): void => {
    if (hit.key === key) by = hit.by
  }
  cache.on('hit', listen)
  const value = await cache.get(key, { default: undefined })
  cache.off('hit', listen)
  return { value, by }
}

/** Reads until the near tier has a copy, which takes until changes are heard of. */
async function warm(cache: KeyedCache, ...keys: string[]): Promise<void> {
  for (const key of keys) await until(async () => (await ask(cache, key)).by === 'near', `${key} is near`)
}

async function sees(cache: KeyedCache, key: string, value: unknown): Promise<void> {
  await until(async () => Object.is(await cache.get(key, { default: undefined }), value), `${key} is ${String(value)}`)
}

/** A client whose reads are answered only when a gate opens. */
class SlowReads extends Redis {
  gate: Gate | undefined
  held = 0

  override sendCommand(...given: Parameters<Redis['sendCommand']>): unknown {
    const answer = super.sendCommand(...given) as Promise<unknown>
    const { gate } = this
    if (gate === undefined || !/^(?:mget|get)$/i.test(given[0].name)) return answer
    return answer.then(async (result) => {
      this.held++
      await gate.opened
      return result
    })
  }
}

/** Has the copies of a client, made for messages, reach Redis by another way. */
function takeMessagesBy(url: string, client: Redis): Redis {
  const duplicate = client.duplicate.bind(client)
  const { hostname: host, port } = new URL(url)
  client.duplicate = ((options: Partial<RedisOptions>) =>
    duplicate({ ...options, host, port: Number(port) })) as typeof client.duplicate
  return client
}

describe('The near tier', () => {
  let server: RedisServer
  let keyPrefix: string
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.close())
  beforeEach(() => {
    keyPrefix = freshPrefix()
  })
  const openHere = (options: KeyedCacheOptions = {}): KeyedCache => open({ redis: server.url, keyPrefix, ...options })
  const nameOf = (key: string): string => `${keyPrefix}:v:${key}`

  test('answers from the process what was read before, and counts it', async () => {
    const cache = openHere()
    await cache.set('a', { n: 1 })
    await warm(cache, 'a')
    const before = await server.client().info('commandstats')
    expect(await cache.get('a')).toEqual({ n: 1 })
    expect(await cache.getMany(['a', 'a'])).toEqual([{ n: 1 }, { n: 1 }])
    expect(await cache.getOrSet('a', () => ({ n: 2 }))).toEqual({ n: 1 })
    expect(await cache.getOrSetMany(['a'], () => [{ n: 2 }])).toEqual([{ n: 1 }])
    const reads = (text: string): unknown[] => [...text.matchAll(/^cmdstat_m?get:calls=\d+/gm)].map(String)
    expect(reads(await server.client().info('commandstats'))).toEqual(reads(before))
    const { hitsBy } = await cache.stats()
    expect(hitsBy.near).toBeGreaterThanOrEqual(6)
  })

  test('hears of changes where the keys are divided otherwise than it began with', async () => {
    await server.client().hset(`${keyPrefix}:meta`, 'format', '1', 'shards', '16')
    let caches: KeyedCache[] = []
    const warnings = await warningsDuring('KEYEDCACHE_SHARDS', async () => {
      caches = [openHere(), openHere({ near: false })]
      await Promise.all(caches.map((cache) => until(() => cache.set('up', 1), 'the cache answers')))
    })
    const [cache, other] = caches as [KeyedCache, KeyedCache]
    expect(warnings).toHaveLength(2)
    for (const warning of warnings) expect(warning).toMatch(/goes by the 16 shards.*, not by 1$/)
    await other.set('a::b', 'old')
    await warm(cache, 'a::b')
    await other.set('a::b', 'new')
    await sees(cache, 'a::b', 'new')
  })

  test('asks Redis only for the keys that it has not', async () => {
    const cache = openHere()
    await cache.setMany(['a', 'b', 'c'].map((key) => [key, key.toUpperCase()]))
    await warm(cache, 'b')
    expect(await cache.getMany(['a', 'b', 'c', 'b', 'x'])).toEqual(['A', 'B', 'C', 'B', undefined])
    await cache.set('c', 'C2')
    const asked: string[] = []
    const factory = (missing: readonly string[]): string[] => {
      asked.push(...missing)
      return missing.map((key) => `${key} computed`)
    }
    expect(await cache.getOrSetMany(['y', 'b', 'c'], factory)).toEqual(['y computed', 'B', 'C2'])
    expect(asked).toEqual(['y'])
  })

  test('gives each reader a value of its own', async () => {
    const make = (): Record<string, any> => ({
      list: [{ n: 1 }, [2]],
      date: new Date(1000),
      map: new Map([['k', { n: 1 }]]),
      set: new Set([1, 2]),
      bytes: Buffer.from('bytes'),
      bare: Object.assign(Object.create(null), { n: { m: 1 } }),
      none: undefined,
      big: 2n ** 70n,
    })
    const withOthers = { ...make(), pattern: /a/g, error: new TypeError('no'), floats: new Float64Array([1]) }
    const json = {
      name: 'json',
      encode: (v: unknown) => Buffer.from(JSON.stringify(v)),
      decode: (b: Buffer) => JSON.parse(b.toString()),
    }
    const cache = openHere()
    const own = openHere({ keyPrefix: `${keyPrefix}-json`, serializer: json })
    await cache.setMany([
      ['a', make()],
      ['b', withOthers],
    ])
    await own.set('c', { list: [1] })
    await warm(cache, 'a', 'b')
    await warm(own, 'c')
    for (const [key, expected] of [
      ['a', make()],
      ['b', withOthers],
    ] as const) {
      const spoilt = await cache.get<Record<string, any>>(key)
      expect(spoilt).toEqual(expected)
      expect(Object.getPrototypeOf(spoilt['bare'])).toBeNull()
      expect(spoilt['none']).toBeUndefined()
      spoilt['list'][0].n = 'spoilt'
      spoilt['list'].push('spoilt')
      spoilt['date'].setTime(0)
      spoilt['map'].get('k').n = 'spoilt'
      spoilt['set'].add('spoilt')
      spoilt['bytes'].fill(0)
      spoilt['bare'].n.m = 'spoilt'
      spoilt['more'] = 'spoilt'
      expect(await cache.get(key)).toEqual(expected)
      expect((await ask(cache, key)).by).toBe('near')
    }
    const spoilt = await own.get<{ list: unknown[] }>('c')
    spoilt.list.push('spoilt')
    expect(await own.get('c')).toEqual({ list: [1] })
    expect((await ask(own, 'c')).by).toBe('near')
  })

  test('hears what other processes change', async () => {
    const cache = openHere()
    const other = await startWorker(new URL('../../workers/cache.mjs', import.meta.url))
    closing.push(() => other.close())
    await other.call('open', { redis: server.url, keyPrefix, near: true })
    const there = (method: string, ...args: unknown[]): Promise<unknown> => other.call('call', method, ...args)
    await cache.setMany([['a', 1], ['p', 1], ['p::1', 1], ['p::1::x', 1], ['other', 1]]) // prettier-ignore
    await cache.set('t', 1, { tags: ['red'] })
    const keys = ['a', 'p', 'p::1', 'p::1::x', 't', 'other']
    await warm(cache, ...keys)
    await there('set', 'a', 2)
    await sees(cache, 'a', 2)
    await there('delete', 'p', { children: true })
    for (const key of ['p', 'p::1', 'p::1::x']) await sees(cache, key, undefined)
    await there('deleteTag', 'red')
    await sees(cache, 't', undefined)
    expect((await ask(cache, 'other')).by).toBe('near')
    await there('clear')
    await sees(cache, 'other', undefined)
    expect(await other.call('compute', 'a', 3)).toMatchObject({ computed: true })
    await sees(cache, 'a', 3)
  })

  test('hears what any client of Redis does to its entries', async () => {
    const cache = openHere()
    const client = server.client()
    const changes: ((name: string) => Promise<unknown>)[] = [
      (name) => client.del(name),
      (name) => client.unlink(name),
      (name) => client.set(name, 'what is no entry'),
      (name) => client.rename(name, `${name}-moved`),
      (name) => client.pexpire(name, 1),
      () => client.flushdb(),
    ]
    for (const [i, change] of changes.entries()) {
      await cache.set(`k${i}`, i)
      await warm(cache, `k${i}`)
      await change(nameOf(`k${i}`))
      await sees(cache, `k${i}`, undefined)
    }
  })

  test('hears it also through a client that puts a prefix of its own before all keys', async () => {
    const client = new Redis(server.url, { keyPrefix: 'app:' })
    closing.push(() => client.disconnect())
    const cache = openHere({ redis: client })
    await cache.set('a', 1)
    await warm(cache, 'a')
    await server.client().del(`app:${nameOf('a')}`)
    await sees(cache, 'a', undefined)
  })

  test('shows what this process itself changes at once, also before that is confirmed or told of', async () => {
    const late = await startProxy(server.port, 30)
    const client = takeMessagesBy(late.url, new Redis(server.url))
    closing.push(() => client.disconnect(), late.close)
    const cache = openHere({ redis: client })
    const read = (key: string): Promise<unknown> => cache.get(key, { default: 'nothing' })
    for (let n = 0; n < 200; n++) {
      await cache.set('p::k', n, { tags: ['t'] })
      if (n < 3) await warm(cache, 'p::k')
      expect(await read('p::k')).toBe(n)
      const setting = cache.set('p::k', `${n} more`, { tags: ['t'] })
      expect(await read('p::k')).toBe(`${n} more`)
      await setting
      expect(await read('p::k')).toBe(`${n} more`)
      await [
        () => cache.delete('p::k'),
        () => cache.delete('p', { children: true }),
        () => cache.deleteTag('t'),
        () => cache.clear(),
        () => cache.set('p::k', 0, { ttl: 0 }),
      ][n % 5]!()
      expect(await read('p::k')).toBe('nothing')
      expect(await cache.getOrSet('p::k', () => n + 0.5)).toBe(n + 0.5)
      expect(await read('p::k')).toBe(n + 0.5)
      expect(await cache.getOrSet('p::k', () => n + 0.7, { refresh: true })).toBe(n + 0.7)
      expect(await read('p::k')).toBe(n + 0.7)
    }
  })

  test('keeps no copy of what changed while it was read', async () => {
    const client = new SlowReads(server.url)
    closing.push(() => client.disconnect())
    const cache = openHere({ redis: client })
    const other = asAnotherProcess(() => openHere({ near: false }))
    await cache.set('a', 'old')
    await warm(cache, 'a')
    const changes: ((cache: KeyedCache) => Promise<unknown>)[] = [
      (by) => by.set('a', 'new'),
      (by) => by.delete('a'),
      () => server.client().del(nameOf('a')),
      () => server.client().flushdb(),
    ]
    const heard: (string[] | null)[] = []
    const listener = new Redis(server.url, { protocol: 2 })
    closing.push(() => listener.disconnect())
    await listener.client('TRACKING', 'ON', 'REDIRECT', await listener.client('ID'), 'BCAST', 'PREFIX', nameOf(''))
    await listener.subscribe('__redis__:invalidate')
    listener.on('messageBuffer', (_channel: Buffer, names: Buffer[] | null) => heard.push(names?.map(String) ?? null))
    for (const [i, change] of [...changes, ...changes].entries()) {
      await cache.set('a', 'old')
      await until(() => heard.length > 0, 'the write is told of')
      const gate = makeGate()
      client.gate = gate
      client.held = 0
      const reading = i < changes.length ? cache.get('a') : cache.getOrSet('a', () => 'computed')
      await until(() => client.held > 0, 'the old value is on its way')
      heard.length = 0
      await change(other)
      await until(() => heard.length > 0, 'the change is told of')
      // Who asked before the change may have the old value; nobody after it.
      gate.open()
      client.gate = undefined
      expect(await reading).toBe('old')
      const now = await other.get('a', { default: 'nothing' })
      expect(await cache.get('a', { default: 'nothing' })).toBe(now)
      heard.length = 0
    }
  })

  test('serves a copy for no longer than it may, nor than its entry lives', async () => {
    const short = openHere({ near: { ttl: '100ms' } })
    await short.set('a', 1)
    await warm(short, 'a')
    await until(async () => (await ask(short, 'a')).by === 'store', 'the copy is too old')
    const cache = openHere()
    const setAt = performance.now()
    await cache.set('b', 1, { ttl: '400ms', grace: '1h' })
    await warm(cache, 'b')
    await until(async () => (await ask(cache, 'b')).by === 'nobody', 'the entry has expired')
    expect(performance.now() - setAt).toBeGreaterThan(390)
    // What is stale serves as such, and is not kept near.
    const by: [string, boolean][] = []
    cache.on('hit', (hit) => by.push([hit.by, hit.stale]))
    for (let i = 0; i < 2; i++) {
      const failing = (): Promise<never> => Promise.reject(new Error('down'))
      expect(await cache.getOrSet('b', failing, { softTimeout: '1s' })).toBe(1)
    }
    expect(by).toEqual([
      ['store', true],
      ['store', true],
    ])
  })

  test('stays within its bounds', async () => {
    const few = openHere({ near: { maxEntries: 2 } })
    await few.setMany(['a', 'b', 'c'].map((key) => [key, key]))
    await warm(few, 'a')
    await warm(few, 'b')
    await warm(few, 'c')
    expect((await ask(few, 'a')).by).toBe('store')
    expect((await ask(few, 'c')).by).toBe('near')
    const small = openHere({ near: { maxBytes: 20_000 } })
    await small.set('large', 'x'.repeat(20_000))
    await small.set('a', 'x'.repeat(8000))
    await small.set('b', 'x'.repeat(8000))
    await small.set('c', 'x'.repeat(8000))
    await warm(small, 'a')
    await warm(small, 'b')
    await small.get('large')
    expect((await ask(small, 'large')).by).toBe('store')
    await warm(small, 'c')
    expect((await ask(small, 'b')).by).toBe('near')
    expect((await ask(small, 'a')).by).toBe('store')
  })

  test('counts the names of properties that no other object has', async () => {
    const kept = async (nameOfField: (i: number, field: number) => string): Promise<number> => {
      const cache = openHere({ near: { maxBytes: 100_000 } })
      const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
      await cache.setMany(
        keys.map((key, i) => [key, Object.fromEntries([0, 1, 2, 3, 4].map((field) => [nameOfField(i, field), i]))]),
      )
      await warm(cache, 'k0')
      await cache.getMany(keys)
      const near = new Set<string>()
      cache.on('hit', ({ key, by }) => by === 'near' && near.add(key))
      await cache.getMany(keys)
      return near.size
    }
    const shared = await kept((_i, field) => `field${field}`)
    const own = await kept((i, field) => `field${i}x${field}`)
    expect(shared).toBeGreaterThan(100)
    expect(own).toBeGreaterThan(20)
    expect(own).toBeLessThan(0.6 * shared)
  })

  test('is passed by where a call wants more than what is stored', async () => {
    const cache = openHere()
    await cache.getOrSet('a', () => 1)
    await warm(cache, 'a')
    expect(await cache.getOrSet('a', () => 2, { refresh: true })).toBe(2)
    await warm(cache, 'a')
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) => (value === 3 ? { value } : { issues: [{ message: 'not 3' }] }),
      },
    }
    expect(await cache.getOrSet('a', () => 3, { schema })).toBe(3)
    await warm(cache, 'a')
    expect(await cache.getOrSet('a', () => 4, { schema })).toBe(3)
    // An early refresh is certain with a factor like this.
    await cache.getOrSet('e', () => new Promise((resolve) => void setTimeout(() => resolve(1), 20)))
    await warm(cache, 'e')
    expect(await cache.getOrSet('e', () => 2, { early: 1e9 })).toBe(1)
    await sees(cache, 'e', 2)
  })

  test('serves nothing old once its connection, cut in the midst of writes, is back', async () => {
    const cache = openHere()
    const writer = asAnotherProcess(() => openHere({ near: false }))
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
    let number = 0
    const write = (): Promise<boolean> => {
      number++
      return writer.setMany(keys.map((key) => [key, number]))
    }
    await write()
    await warm(cache, ...keys)
    for (let cut = 0; cut < 10; cut++) {
      const writing = (async () => {
        for (let i = 0; i < 20; i++) {
          await write()
          await cache.getMany(keys)
        }
      })()
      await write()
      const ids = (await server.client().call('CLIENT', 'LIST', 'TYPE', 'pubsub')) as string
      const own = [...ids.matchAll(/^id=(\d+) .*?name=keyedcache-subscriber .*?redir=(?!-1)/gm)]
      expect(own.length).toBeGreaterThan(0)
      for (const [, id = ''] of own) await server.client().call('CLIENT', 'KILL', 'ID', id)
      await writing
      await warm(cache, ...keys)
      expect(await cache.getMany(keys)).toEqual(keys.map(() => number))
    }
  })

  test('is off while its connection does not answer, and what it had is gone', { timeout: 60_000 }, async () => {
    const own = await startRedis()
    closing.push(() => own.close())
    const cache = open({ redis: own.url, keyPrefix, redisTimeout: '250ms' })
    await cache.set('a', 1)
    await warm(cache, 'a')
    own.stop()
    await until(async () => (await ask(cache, 'a')).by !== 'near', 'the copy is gone', 20_000)
    own.resume()
    await sees(cache, 'a', 1)
    await warm(cache, 'a')
    await own.restart()
    await sees(cache, 'a', undefined)
  })

  test('is left out, with one warning, where Redis does not tell of changes', async () => {
    await server.client().call('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@all', '-client|tracking')
    const redis: RedisOptions = { port: server.port, host: '127.0.0.1', username: 'limited', password: 'secret' }
    const messages = await warningsDuring('KEYEDCACHE_NEAR', async () => {
      const cache = openHere({ redis, name: 'shop' })
      await cache.set('a', 1)
      await server.client().call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await until(
        async () => /name=keyedcache-subscriber .*sub=1/.test((await server.client().call('CLIENT', 'LIST')) as string),
        'messages are heard',
      )
      for (let i = 0; i < 20; i++) expect((await ask(cache, 'a')).by).toBe('store')
    })
    expect(messages).toHaveLength(1)
    expect(messages[0]).toContain("'shop' has no near tier")
  })

  test('is not needed by the embedded store', async () => {
    const cache = open({ near: true, ttl: 10 })
    await cache.set('a', 1)
    for (let i = 0; i < 3; i++) expect(await ask(cache, 'a')).toEqual({ value: 1, by: 'store' })
  })

  test.each([
    [{ near: 'yes' }, /`near`.*'yes'/],
    [{ near: { size: 1 } }, /`size` of near/],
    [{ near: { maxEntries: 0 } }, /`near\.maxEntries`.*0/],
    [{ near: { maxBytes: 1.5 } }, /`near\.maxBytes`.*1\.5/],
    [{ near: { ttl: 0 } }, /`near\.ttl`.*0/],
    [{ near: { ttl: 'soon' } }, /`near\.ttl`.*'soon'/],
  ])('refuses %j', (options, message) => {
    expect(() => createKeyedCache(options as unknown as KeyedCacheOptions)).toThrow(TypeError)
    expect(() => createKeyedCache(options as unknown as KeyedCacheOptions)).toThrow(message)
  })
})

describe('The near tier on a Cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  }, 60_000)
  afterAll(() => cluster.close())

  test(
    'hears what changes on each of the masters, and is off where one of them is not heard',
    { timeout: 60_000 },
    async () => {
      const keyPrefix = freshPrefix()
      const near = open({ redis: cluster.urls, keyPrefix })
      const far = asAnotherProcess(() => open({ redis: cluster.urls, keyPrefix, near: false }))
      const keys = Array.from({ length: 60 }, (_, i) => `k${i}`)
      const write = (n: number): Promise<boolean> => far.setMany(keys.map((key) => [key, n]))
      await write(1)
      await warm(near, ...keys)
      await write(2)
      for (const key of keys) await sees(near, key, 2)
      await warm(near, ...keys)
      const [master] = await cluster.mastersNow()
      const killing = master!.client().call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await Promise.all([killing, write(3)])
      await warm(near, ...keys)
      expect(await near.getMany(keys)).toEqual(keys.map(() => 3))
      await near.clear()
      expect(await near.getMany(keys)).toEqual(keys.map(() => undefined))
    },
  )

  test('serves nothing old after a replica took over', { timeout: 60_000 }, async () => {
    const keyPrefix = freshPrefix()
    const near = open({ redis: cluster.urls, keyPrefix })
    const far = asAnotherProcess(() => open({ redis: cluster.urls, keyPrefix, near: false }))
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`)
    await far.setMany(keys.map((key) => [key, 1]))
    await warm(near, ...keys)
    const [master] = await cluster.mastersNow()
    await cluster.kill(master!)
    await cluster.mastersNow()
    await until(
      async () => {
        const stored = await Promise.all(keys.map((key) => far.set(key, 2)))
        return stored.every(Boolean)
      },
      'all masters take writes',
      30_000,
    )
    await warm(near, ...keys)
    expect(await near.getMany(keys)).toEqual(keys.map(() => 2))
  })
})
