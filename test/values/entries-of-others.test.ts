import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import type { CacheEvents } from '../../src/contract/cache-events.js'
import { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../support/both-stores.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'

let server: RedisServer
const opened: KeyedCache[] = []
beforeAll(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})
afterAll(() => server.close())

interface Opened {
  readonly cache: KeyedCache
  readonly keyPrefix: string
  readonly name: (key: string) => string
  readonly errors: CacheEvents['error'][]
}

function open(keyPrefix = freshPrefix()): Opened {
  const cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s' })
  opened.push(cache)
  const errors: CacheEvents['error'][] = []
  cache.on('error', (event) => errors.push(event))
  return { cache, keyPrefix, name: (key) => `${keyPrefix}:v:${key}`, errors }
}

describe('An entry that a later version wrote', () => {
  /** Writes an entry and makes it one of the next version. */
  async function writeNewer(cache: KeyedCache, name: string): Promise<Buffer> {
    expect(await cache.set('a', 'newer', { tags: ['t'] })).toBe(true)
    const bytes = (await server.client().getBuffer(name)) as Buffer
    bytes[0] = (bytes[0] as number) + 1
    await server.client().set(name, bytes, 'KEEPTTL')
    return bytes
  }

  test('counts as missing, and is told of', async () => {
    const { cache, name, errors } = open()
    await writeNewer(cache, name('a'))
    expect(await cache.get('a', { default: 'missing' })).toBe('missing')
    expect(await cache.getMany(['a'])).toEqual([undefined])
    expect(await cache.has('a')).toBe(false)
    expect(errors).toHaveLength(3)
    expect(errors[0]).toMatchObject({ operation: 'read', key: 'a' })
    expect(String(errors[0]?.error)).toMatch(/later version/)
  })

  test('is not overwritten by what is computed', async () => {
    const { cache, name } = open()
    const bytes = await writeNewer(cache, name('a'))
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    expect(await cache.getOrSetMany(['a', 'b'], (keys) => keys)).toEqual(['a', 'b'])
    expect(await server.client().getBuffer(name('a'))).toEqual(bytes)
    expect(await cache.get('b')).toBe('b')
    expect(await cache.computing()).toEqual([])
  })

  test('is not overwritten either where it comes while others compute', async () => {
    const { cache, name, keyPrefix } = open()
    const { cache: other } = open(keyPrefix)
    const newer = await writeNewer(cache, name('a'))
    const leader = cache.getOrSet('b', async () => {
      await until(
        async () => / 1 /.test(String(await server.client().hget(`${keyPrefix}:leases:`, 'b'))),
        'it is followed',
      )
      await server.client().set(name('b'), newer)
      throw new Error('of the leader')
    })
    leader.catch(() => 'awaited below')
    await until(async () => (await cache.computing()).length === 1, 'it is being computed')
    expect(await other.getOrSet('b', () => 'computed')).toBe('computed')
    await expect(leader).rejects.toThrow('of the leader')
    expect(await server.client().getBuffer(name('b'))).toEqual(newer)
  })

  test('is replaced by what is set, and deleted by what deletes it', async () => {
    const { cache, name } = open()
    await writeNewer(cache, name('a'))
    expect(await cache.set('a', 'set')).toBe(true)
    expect(await cache.get('a')).toBe('set')
    await writeNewer(cache, name('a'))
    expect(await cache.delete('a')).toEqual(['a'])
    await writeNewer(cache, name('a'))
    expect(await cache.deleteTag('t')).toEqual(['a'])
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    expect(await cache.get('a')).toBe('computed')
  })
})

describe.each([
  ['a list', (name: string) => server.client().rpush(name, 'x')],
  ['a hash', (name: string) => server.client().hset(name, 'x', 1)],
  ['text', (name: string) => server.client().set(name, 'x')],
  ['nothing at all', (name: string) => server.client().set(name, '')],
] as const)('%s that another program keeps under the name of an entry', (_what, keep) => {
  test('is a miss, and replaced by what is computed or set', async () => {
    const { cache, name, errors } = open()
    for (const key of ['a', 'b', 'c']) await keep(name(key)) // eslint-disable-line no-await-in-loop
    expect(await cache.get('a', { default: 'missing' })).toBe('missing')
    expect(errors).toHaveLength(1)
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    expect(await cache.get('a')).toBe('computed')
    expect(await cache.getMany(['b', 'a'])).toEqual([undefined, 'computed'])
    expect(await cache.set('b', 'set')).toBe(true)
    expect(await cache.get('b')).toBe('set')
    expect(await cache.entries(['c', 'a'])).toEqual([undefined, expect.objectContaining({ key: 'a' })])
    expect(await cache.entry('c')).toBeUndefined()
    expect(await cache.delete('c')).toEqual(['c'])
    expect(await server.client().exists(name('c'))).toBe(0)
  })
})

describe('Text that another program keeps in place of the sets of a tag', () => {
  test('keeps nobody from deleting the tag, nor from storing what carries it', async () => {
    const { cache, keyPrefix, errors } = open()
    const put = async (): Promise<unknown> => server.client().mset(`${keyPrefix}:tag:t`, 'x', `${keyPrefix}:tags:`, 'x')
    expect(await cache.set('old', 1, { tags: ['t'] })).toBe(true)
    await put()
    expect(await cache.deleteTag('t')).toEqual([])
    await put()
    expect(await cache.set('a', 1, { tags: ['t'] })).toBe(true)
    await put()
    expect(await cache.getOrSet('b', () => 2, { tags: ['t'] })).toBe(2)
    expect((await cache.tagged('t')).keys).toEqual(['b'])
    await server.client().set(`${keyPrefix}:tag:other`, 'x')
    expect(await cache.tagged('other')).toEqual({ keys: [], total: 0 })
    expect(await cache.deleteTag('t')).toEqual(['b'])
    expect(errors.filter(({ operation }) => operation !== 'upkeep')).toEqual([])
  })
})

describe('An entry that the server keeps past its ttl', () => {
  async function outlive(cache: KeyedCache, name: string, grace: number): Promise<void> {
    // Long enough to get there, and to be kept by the server, on the slowest machine.
    expect(await cache.set('a', 'old', { ttl: 2, grace })).toBe(true)
    await server.client().persist(name)
    await until(async () => !(await cache.has('a')), 'its ttl has passed')
  }

  test('serves nobody where it was stored without grace, even if it is still there', async () => {
    const { cache, name } = open()
    await outlive(cache, name('a'), 0)
    expect(await cache.getOrSet('a', ({ stale }) => ({ stale }))).toEqual({ stale: undefined })
  })

  test('serves for its grace', async () => {
    const { cache, name } = open()
    await outlive(cache, name('a'), 60)
    expect(await cache.getOrSet('a', () => 'new')).toBe('old')
    await until(async () => (await cache.get('a', { default: null })) === 'new', 'it is computed anew')
  })
})
