import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CacheEvents } from '../../src/contract/cache-events.js'
import { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../support/both-stores.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'

describe('What stands in Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.close())

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['nothing', () => Buffer.alloc(0)],
    ['one byte', (bytes) => bytes.subarray(0, 1)],
    ['text', () => Buffer.from('{"a":1}')],
    ['a shorter entry', (bytes) => bytes.subarray(0, -1)],
    ['a longer entry', (bytes) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ['a changed value', (bytes) => changed(bytes, bytes.length - 1)],
    ['a changed expiry', (bytes) => changed(bytes, 4)],
    ['another version', (bytes) => changed(bytes, 0)],
    ['zeros', (bytes) => Buffer.alloc(bytes.length)],
  ])('is a miss and not an answer when it does not check: %s', async (_what, change) => {
    const keyPrefix = freshPrefix()
    await using cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s' })
    await cache.set('a', 'value')
    const name = `${keyPrefix}:v:a`
    const bytes = await server.client().getBuffer(name)
    await server.client().set(name, change(bytes ?? Buffer.alloc(0)))
    const errors: CacheEvents['error'][] = []
    cache.on('error', (event) => errors.push(event))
    expect(await cache.get('a', { default: 'nothing' })).toBe('nothing')
    expect(errors).toEqual([{ operation: 'read', key: 'a', error: expect.any(Error) }])
    expect(await cache.has('a')).toBe(false)
    expect(await cache.entry('a', { value: true })).toBeUndefined()
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    expect(await cache.get('a')).toBe('computed')
    expect((await cache.stats()).errors).toBeGreaterThan(0)
  })

  test('is a miss when another type of data is in the place of an entry', async () => {
    const keyPrefix = freshPrefix()
    await using cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s' })
    await server.client().lpush(`${keyPrefix}:v:a`, 'list')
    expect(await cache.get('a', { default: 'nothing' })).toBe('nothing')
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    expect(await cache.set('a', 'set')).toBe(true)
    expect(await cache.get('a')).toBe('set')
  })
})

function changed(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
