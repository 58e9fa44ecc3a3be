import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { AUDIT, ENTRY, FORMAT, STORED, storedName } from '../../src/stores/redis/scripts/stored-layout.js'
import { type Build, buildOpener } from '../support/both-builds.js'
import { freshPrefix } from '../support/both-stores.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'

/*
 * What a later version may store, as `stored-layout.ts` says, written by hand beside a process of 0.1 and one of the present version.
 */

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

const open = buildOpener()

describe.each<Build>(['0.1', 'now'])('What a later version stores, beside %s:', (build) => {
  let keyPrefix: string
  let cache: KeyedCache
  let errors: string[]
  beforeEach(async () => {
    keyPrefix = freshPrefix()
    cache = await open(build, { redis: server.url, keyPrefix, lease: '60s' })
    errors = []
    cache.on('error', ({ operation }) => errors.push(operation))
    // Its index is whole from now on
    await cache.count()
  })

  const name = (kind: keyof typeof STORED): string => storedName(keyPrefix, STORED[kind], '')

  /** Changes the stored bytes of a key, which check again. */
  async function change(key: string, edit: (bytes: Buffer) => void): Promise<Buffer> {
    const bytes = (await server.client().getBuffer(name('entry') + key)) as Buffer
    edit(bytes)
    const end = bytes.length - ENTRY.checksumBytes
    bytes.writeUInt32LE(crc32(bytes.subarray(0, end), crc32('keyedcache')), end)
    await server.client().set(name('entry') + key, bytes, 'KEEPTTL')
    return bytes
  }

  async function upkeepTwice(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      await server.client().hset(name('sweep'), 'evicted', 'not yet')
      await until(async () => (await server.client().hget(name('sweep'), 'evicted')) !== 'not yet', 'it is kept up')
    }
  }

  test('an entry of a later version is missed, not computed over, and found by its tag', async () => {
    await cache.set('a', 'old', { tags: ['t'] })
    const newer = await change('a', (bytes) => bytes.writeUInt8(ENTRY.version + 1, 0))
    expect(await cache.get('a', { default: 'missed' })).toBe('missed')
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    expect(await cache.entry('a')).toBeUndefined()
    expect(await cache.entries(['a'])).toEqual([undefined])
    await upkeepTwice()
    expect(await cache.bytes('a')).toEqual(newer)
    expect(await cache.tagged('t')).toEqual({ keys: ['a'], total: 1 })
    expect((await cache.keys()).keys).toEqual(['a'])
    expect(await cache.deleteTag('t')).toEqual(['a'])
  })

  test('an entry of a later version is replaced by a set, and removed by a delete', async () => {
    await cache.setMany([
      ['a', 'old'],
      ['b', 'old'],
    ])
    for (const key of ['a', 'b']) await change(key, (bytes) => bytes.writeUInt8(0xef, 0))
    expect(await cache.set('a', 'new')).toBe(true)
    expect(await cache.get('a')).toBe('new')
    expect(await cache.delete('b')).toEqual(['b'])
  })

  test('an entry with its tags elsewhere leaves the sets of its tags: where they stand may never change', async () => {
    await cache.set('a', 'old', { tags: ['t'] })
    await change('a', (bytes) => {
      bytes.writeUInt8(ENTRY.version + 1, 0)
      bytes.writeUInt16BE(0, ENTRY.headerBytes)
    })
    expect(await cache.deleteTag('t')).toEqual([])
    expect(await cache.bytes('a')).toBeDefined()
  })

  test.each<[what: string, edit: (bytes: Buffer) => void]>([
    ['with a flag', (bytes) => bytes.writeUInt8(0b1000, 1)],
    ['of a value', (bytes) => bytes.write('[99', bytes.indexOf('[11'))],
  ])('an entry %s that is not known is missed, and computed over: it gets a later version', async (_what, edit) => {
    await cache.set('a', Number.NaN)
    await change('a', () => undefined)
    expect(await cache.get('a')).toBe(Number.NaN)
    await change('a', edit)
    expect(await cache.get('a', { default: 'missed' })).toBe('missed')
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    expect(await cache.get('a')).toBe('computed')
  })

  test('another format keeps away who connects, and is told of by who is connected', async () => {
    await cache.set('a', 1)
    expect(await server.client().hget(name('meta'), 'format')).toBe(FORMAT)
    await server.client().hset(name('meta'), 'format', '2')
    await until(() => errors.includes('upkeep'), 'it tells of it')
    expect(await cache.get('a')).toBe(1)
    const later = open(build, { redis: server.url, keyPrefix, redisTimeout: '250ms' })
    await expect(later).rejects.toThrow()
    await server.client().hset(name('meta'), 'format', FORMAT)
  })

  test('what all agree on may say more', async () => {
    await server.client().hset(name('meta'), 'more', 'x')
    const later = await open(build, { redis: server.url, keyPrefix })
    expect(await later.set('a', 1)).toBe(true)
    await upkeepTwice()
    expect(await server.client().hget(name('meta'), 'more')).toBe('x')
    expect(errors).toEqual([])
  })

  test('other counters are left alone, and a group of which none is known shows zeros', async () => {
    const minute = Math.floor(Date.now() / 60_000) * 60_000
    const client = server.client()
    await client.hset(name('totals'), 'refused', 3)
    await client.hset(name('groups'), 'p99 g', 3, 'p99 other-group', 4)
    await client.hset(name('minutes'), `p99 ${minute}`, 3, 'p99', 4)
    await client.hset(name('processes'), 'host:1 x', `${minute} ${minute} 7 more words`)
    for (let i = 0; i < 3; i++) await cache.getOrSet(['g', i % 2], () => i)
    await cache.stats()
    const stats = await cache.stats()
    expect(stats).toMatchObject({ calls: 3, hits: 1, misses: 2, computations: 2 })
    expect(stats.groups.map(({ group, calls }) => [group, calls])).toEqual([
      ['g', 3],
      ['other-group', 0],
    ])
    expect(stats.minutes.reduce((sum, { calls }) => sum + calls, 0)).toBe(3)
    expect(stats.processes.map(({ id }) => id)).toContain('host:1')
    expect(await client.hget(name('totals'), 'refused')).toBe('3')
    expect(await client.hget(name('groups'), 'p99 g')).toBe('3')
    expect(await client.hget(name('minutes'), `p99 ${minute}`)).toBe('3')
    // What does not end in a minute may not stand here
    expect(await client.hget(name('minutes'), 'p99')).toBeNull()
    expect(await client.hget(name('processes'), 'host:1 x')).toContain('more words')
    expect(errors).toEqual([])
  })

  test('other counters of groups make a group `other` too early: they go to a name of their own', async () => {
    const fields = Array.from({ length: 1000 }, (_, i) => [`p99 g${i}`, '1'] as const)
    await server.client().hset(name('groups'), ...fields.flat())
    await cache.get('mine::1', { default: null })
    await cache.stats()
    expect((await cache.stats()).groups.find(({ calls }) => calls > 0)?.group).toBe('other')
  })

  test('a lease with one more word is followed, keeps the word, and shows it', async () => {
    const now = Date.now()
    await server.client().hset(name('leases'), 'a', `${now + 60_000} ${now} token 0 host:1 more`)
    const followed = cache.getOrSet('a', () => 'computed here')
    await until(async () => (await lease('a'))?.split(' ')[3] === '1', 'it is followed')
    expect(await lease('a')).toBe(`${now + 60_000} ${now} token 1 host:1 more`)
    expect(await cache.computing()).toEqual([{ key: 'a', process: 'host:1 more', since: new Date(now) }])
    await upkeepTwice()
    expect(await lease('a')).toBeDefined()
    await cache.set('a', 'by the holder')
    expect(await followed).toBe('by the holder')
    expect(await lease('a')).toBeUndefined()
  })

  test('a lease of another form is none: it is taken over, and dropped', async () => {
    const other = `v2 token ${Date.now() + 60_000}`
    await server.client().hset(name('leases'), 'a', other, 'b', other)
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    expect(await cache.deleteTag('t')).toEqual([])
    await until(async () => (await lease('b')) === undefined, 'it is dropped')
    expect(errors).toEqual([])
  })

  test('a tombstone that is no number keeps what carries its tag from being stored: it may never change', async () => {
    await server.client().hset(name('leases'), 'b', `${Date.now() + 60_000} 1 token 0 host:1`)
    await server.client().hset(name('tombstones'), 't', `${Date.now()} more`)
    expect(await cache.getOrSet('a', () => 'computed', { tags: ['t'] })).toBe('computed')
    expect(await cache.has('a')).toBe(false)
    expect(errors).not.toEqual([])
  })

  test('the note that there are tombstones, and the one for all tags, are neither shown nor in the way', async () => {
    const client = server.client()
    const now = Date.now()
    await client.hset(name('leases'), '', `${now + 3_600_000} 0 - 0 -`, 'b', `${now + 60_000} ${now} token 0 host:1`)
    await client.hset(name('tombstones'), '', `${now}.000`)
    expect((await cache.computing()).map(({ key }) => key)).toEqual(['b'])
    await upkeepTwice()
    expect(await lease('')).toBeDefined()
    expect(await client.hget(name('tombstones'), '')).toBeDefined()
    expect(await cache.getOrSet('a', () => 'computed', { tags: ['t'] })).toBe('computed')
    await cache.set('p::1', 1)
    await cache.delete('p', { children: true })
    expect(await cache.get('a')).toBe('computed')
    expect(await cache.deleteTag('t')).toEqual(['a'])
    await cache.clear()
    expect(await client.exists(name('leases'))).toBe(0)
    expect(errors).toEqual([])
  })

  test('the set of a tag keeps an end that it was given: it may never have one', async () => {
    await cache.set('a', 1, { tags: ['t'] })
    await server.client().pexpire(`${name('tag')}t`, 1000)
    await cache.set('b', 1, { ttl: Infinity, tags: ['t'] })
    expect(await server.client().pttl(`${name('tag')}t`)).toBeGreaterThan(0)
    await until(async () => (await server.client().exists(`${name('tag')}t`)) === 0, 'it has ended')
    expect(await cache.deleteTag('t')).toEqual([])
    expect(await cache.has('b')).toBe(true)
  })

  test('what has more time is dropped from the listing unless `expiry` says so as well', async () => {
    await cache.set('a', 1, { ttl: '100ms', grace: '100ms' })
    await server.client().pexpire(`${name('entry')}a`, 60_000)
    await until(async () => (await cache.count()) === 0, 'it is not listed any more')
    expect(await server.client().exists(`${name('entry')}a`)).toBe(1)
  })

  test('messages that are not known are passed over', async () => {
    for (const message of ['expired a', 'word', '', 'constructor a', 'tag', '\u0000\u00FF'])
      await server.client().publish(name('wake'), message)
    const now = Date.now()
    await server.client().hset(name('leases'), 'a', `${now + 60_000} ${now} token 0 host:1`)
    const followed = cache.getOrSet('a', () => 'computed here')
    await until(async () => (await lease('a'))?.split(' ')[3] === '1', 'it is followed')
    await server.client().publish(name('wake'), 'expired a')
    await cache.set('a', 'by the holder')
    expect(await followed).toBe('by the holder')
    expect(errors).toEqual([])
  })

  test('an event of staff may say more, and have more fields', async () => {
    const event = { id: '1', time: new Date(0).toISOString(), phase: 'result', mode: 'subtree', by: 'rule' }
    await server.client().xadd(name('audit'), '*', AUDIT.line, JSON.stringify(event), 'more', 'x')
    await server.client().xadd(name('audit'), '*', AUDIT.line, JSON.stringify({ ...event, phase: 'planned' }))
    expect(await cache.activity()).toEqual([
      expect.objectContaining({ id: '1', time: new Date(0), phase: 'result', mode: undefined }),
    ])
  })

  test('names of its own are left alone, also by clear', async () => {
    const client = server.client()
    await client.hset(`${keyPrefix}:guards:`, 'ka', 'token 1')
    await client.zadd(`${keyPrefix}:hours:`, 1, 'x')
    await client.hset(name('sweep'), 'more', 'x')
    await cache.set('a', 1)
    await client.del(name('index'), name('rebuild'))
    expect(await cache.count()).toBe(1)
    expect(await cache.clear()).toBe(1)
    await upkeepTwice()
    expect(await client.hget(`${keyPrefix}:guards:`, 'ka')).toBe('token 1')
    expect(await client.exists(`${keyPrefix}:hours:`)).toBe(1)
    expect(await client.hget(name('sweep'), 'more')).toBe('x')
    expect((await cache.keys()).keys).toEqual([])
  })

  test('a rebuild of its own is waited for, whatever its token is', async () => {
    await cache.set('a', 1)
    await server.client().set(name('rebuild'), 'by another', 'PX', 300)
    await server.client().del(name('index'))
    expect(await cache.count()).toBe(1)
  })

  async function lease(key: string): Promise<string | undefined> {
    return (await server.client().hget(name('leases'), key)) ?? undefined
  }
})
