import { randomBytes } from 'node:crypto'
import { crc32, deflateRawSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { defaultSerializer } from '../../src/values/serializer.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import { describeOnBothStores, freshPrefix } from '../support/both-stores.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'

const HEADER_BYTES = 18
const CHECKSUM_BYTES = 4
const IS_COMPRESSED = 0b1

/** Beyond what is compressed on the event loop. */
const LARGE = Array.from({ length: 2000 }, (_, i) => ({ id: i, name: `city number ${i}`, tags: ['a', 'b'] }))
const SMALL = 'abc '.repeat(500)

async function sizeOf(cache: KeyedCache, key: string): Promise<number> {
  return (await cache.entry(key))?.size ?? 0
}

describeOnBothStores('Compression', (open) => {
  test.each([
    ['small', SMALL],
    ['large', LARGE],
  ])('makes a %s value smaller, which comes back as it was', async (_size, value) => {
    const cache = open({ compressAbove: 1000 })
    const plain = defaultSerializer.encode(value).length
    await cache.set('set', value, { tags: ['red', 'green'] })
    await cache.getOrSet('computed', () => value)
    for (const key of ['set', 'computed']) {
      expect(await sizeOf(cache, key)).toBeLessThan(plain / 3)
      expect(await cache.get(key)).toEqual(value)
      expect(await cache.getMany([key, 'nothing', key])).toEqual([value, undefined, value])
      expect(await cache.getOrSet(key, () => 'computed anew')).toEqual(value)
      expect(await cache.getOrSetMany([key], () => ['computed anew'])).toEqual([value])
      expect((await cache.entry(key, { value: true }))?.value).toEqual(value)
      expect(await cache.has(key)).toBe(true)
    }
    expect((await cache.entry('set'))?.tags).toEqual(['red', 'green'])
    expect(await cache.deleteTag('red')).toEqual(['set'])
  })

  test('leaves alone what is not above the bound, or would not be smaller', async () => {
    const cache = open({ compressAbove: 2500 })
    const noise = randomBytes(5000)
    const largeNoise = randomBytes(50_000)
    await cache.setMany([
      ['short', SMALL],
      ['noise', noise],
      ['large noise', largeNoise],
    ])
    expect(await sizeOf(cache, 'short')).toBeGreaterThan(SMALL.length)
    expect(await sizeOf(cache, 'noise')).toBeGreaterThan(noise.length)
    expect(await sizeOf(cache, 'large noise')).toBeGreaterThan(largeNoise.length)
    expect(await cache.getMany(['short', 'noise', 'large noise'])).toEqual([SMALL, noise, largeNoise])
  })

  test('is off unless it is asked for', async () => {
    const cache = open()
    await cache.set('a', LARGE)
    expect(await sizeOf(cache, 'a')).toBeGreaterThan(defaultSerializer.encode(LARGE).length)
  })

  test('does not make room for values that are too large', async () => {
    const cache = open({ compressAbove: 1000, maxValueBytes: 10_000 })
    await cache.set('a', 1)
    expect(await cache.set('a', 'x'.repeat(20_000))).toBe(false)
    expect(await cache.get('a', { default: 'nothing' })).toBe('nothing')
  })

  test('keeps the order in which values are written and deleted', async () => {
    const cache = open({ compressAbove: 1000 })
    for (let i = 0; i < 20; i++) {
      const writing = [cache.set('a', LARGE), cache.set('a', SMALL), cache.set('a', i)]
      await Promise.all(writing)
      expect(await cache.get('a')).toBe(i)
      const deleting = [
        () => cache.delete('p::a'),
        () => cache.delete('p', { children: true }),
        () => cache.deleteTag('t'),
        () => cache.clear(),
      ][i % 4]!
      await Promise.all([cache.set('p::a', LARGE, { tags: ['t'] }), deleting()])
      expect(await cache.get('p::a', { default: 'nothing' })).toBe('nothing')
      await Promise.all([deleting(), cache.set('p::a', LARGE, { tags: ['t'] })])
      expect(await cache.get('p::a')).toEqual(LARGE)
    }
  })

  test('above 0 bytes is of everything that becomes smaller by it', async () => {
    const [all, none] = [open({ compressAbove: 0 }), open()]
    const value = 'x'.repeat(100)
    await Promise.all([all, none].map((cache) => cache.set('a', value)))
    expect(await sizeOf(all, 'a')).toBeLessThan(await sizeOf(none, 'a'))
    expect(await all.get('a')).toBe(value)
  })

  test.each([[-1], [1.5], ['1kb']])('refuses a bound of %j', (compressAbove) => {
    expect(() => open({ compressAbove: compressAbove as number })).toThrow(TypeError)
    expect(() => open({ compressAbove: compressAbove as number })).toThrow('`compressAbove`')
  })
})

test('Large values are compressed and expanded off the event loop, small ones on it', async () => {
  const cache = createKeyedCache({ compressAbove: 100 })
  const read = async (key: string): Promise<unknown> => cache.get(key)
  try {
    expect(await turnsDuring(() => cache.set('large', LARGE))).toBeGreaterThan(0)
    expect(await turnsDuring(() => read('large'))).toBeGreaterThan(0)
    expect(await turnsDuring(() => cache.set('small', SMALL))).toBe(0)
    expect(await turnsDuring(() => read('small'))).toBe(0)
  } finally {
    await cache.close()
  }
})

/** How often the event loop goes round until something has ended. */
async function turnsDuring(run: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let immediate = setImmediate(count)
  function count(): void {
    turns++
    immediate = setImmediate(count)
  }
  await run()
  clearImmediate(immediate)
  return turns
}

describe('A compressed entry in Redis', () => {
  let server: RedisServer
  let keyPrefix: string
  const opened: KeyedCache[] = []
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.close())
  beforeEach(() => {
    keyPrefix = freshPrefix()
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
  })
  const open = (options: KeyedCacheOptions = {}): KeyedCache => {
    const cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s', ...options })
    opened.push(cache)
    return cache
  }
  const bytesOf = async (key: string): Promise<Buffer> => (await server.client().getBuffer(`${keyPrefix}:v:${key}`))!
  /** Puts other bytes behind the header of an entry that was compressed, with the checksum that makes them read. */
  const forge = async (key: string, payload: Buffer): Promise<void> => {
    const checked = Buffer.concat([(await bytesOf(key)).subarray(0, HEADER_BYTES), payload])
    const checksum = Buffer.alloc(CHECKSUM_BYTES)
    checksum.writeUInt32LE(crc32(checked, crc32(defaultSerializer.name)))
    await server.client().set(`${keyPrefix}:v:${key}`, Buffer.concat([checked, checksum]))
  }
  const withLength = (length: number, deflated: Buffer): Buffer => {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(length)
    return Buffer.concat([head, deflated])
  }

  test('says so in its flags, and is read by a process that compresses nothing itself', async () => {
    await open({ compressAbove: 100 }).setMany([
      ['small', SMALL],
      ['large', LARGE],
    ])
    expect((await bytesOf('small'))[1]! & IS_COMPRESSED).toBe(IS_COMPRESSED)
    const other = open()
    expect(await other.get('small')).toBe(SMALL)
    expect(await other.get('large')).toEqual(LARGE)
    await other.set('small', SMALL)
    expect((await bytesOf('small'))[1]! & IS_COMPRESSED).toBe(0)
  })

  test('that was damaged, or would expand beyond all bounds, is a miss and is computed anew', async () => {
    const cache = open({ compressAbove: 100 })
    const good = deflateRawSync(defaultSerializer.encode(SMALL))
    const length = defaultSerializer.encode(SMALL).length
    const large = deflateRawSync(defaultSerializer.encode(LARGE))
    const bomb = deflateRawSync(Buffer.alloc(2 ** 26))
    const aboveBound = defaultSerializer.encode('x'.repeat(2 ** 20 + 1))
    const payloads: Record<string, Buffer> = {
      'a value above `maxValueBytes`': withLength(aboveBound.length, deflateRawSync(aboveBound)),
      'nothing at all': Buffer.alloc(0),
      'a length alone': withLength(10, Buffer.alloc(0)),
      'a stream cut off': withLength(length, good.subarray(0, -5)),
      'what is no stream': withLength(length, randomBytes(100)),
      'a length too small': withLength(length - 1, good),
      'a length too large': withLength(length + 1, good),
      'a length of nothing': withLength(0, good),
      'a large stream cut off': withLength(defaultSerializer.encode(LARGE).length, large.subarray(0, -100)),
      'a large stream that is longer than it says': withLength(40_000, large),
      'a bomb that says how large it is': withLength(2 ** 26, bomb),
      'a bomb that says the largest length': withLength(2 ** 32 - 1, bomb),
      'a bomb that says that it is small': withLength(1000, bomb),
      'a bomb that says that it is within bounds': withLength(2 ** 20, bomb),
    }
    const errors: unknown[] = []
    cache.on('error', ({ error }) => errors.push(error))
    for (const [what, payload] of Object.entries(payloads)) {
      await cache.set('a', SMALL)
      await forge('a', payload)
      errors.length = 0
      expect(await cache.get('a', { default: 'nothing' }), what).toBe('nothing')
      expect(errors, what).toHaveLength(1)
      expect(await cache.getMany(['a']), what).toEqual([undefined])
      expect(await cache.entry('a', { value: true }), what).toMatchObject({ value: undefined })
      expect(await cache.getOrSet('a', () => 'computed anew'), what).toBe('computed anew')
      expect(await cache.get('a'), what).toBe('computed anew')
    }
    // What was forged as the real one is reads: it is not the forging that fails.
    await cache.set('a', SMALL)
    await forge('a', withLength(length, good))
    expect(await cache.get('a')).toBe(SMALL)
  })

  test('has a checksum of what is stored', async () => {
    const cache = open({ compressAbove: 100 })
    await cache.set('a', SMALL)
    const bytes = await bytesOf('a')
    bytes[bytes.length - 1]! ^= 1
    await server.client().set(`${keyPrefix}:v:a`, bytes)
    expect(await cache.get('a', { default: 'nothing' })).toBe('nothing')
  })

  test('is near as what it holds', async () => {
    const cache = open({ compressAbove: 100, near: true })
    const by: string[] = []
    cache.on('hit', (hit) => by.push(hit.by))
    await cache.set('a', LARGE)
    await cache.set('b', new Error('large'.repeat(20_000)))
    for (const key of ['a', 'b']) {
      const first = await cache.get(key)
      for (let i = 0; i < 1000 && by.at(-1) !== 'near'; i++) expect(await cache.get(key)).toEqual(first)
      expect(by.at(-1)).toBe('near')
    }
  })

  test('is waited for by those who follow its computation in another process', async () => {
    const [leader, follower] = [open({ compressAbove: 100 }), open()]
    await Promise.all([leader.require(), follower.require()])
    let runs = 0
    const factory = async (): Promise<unknown> => {
      runs++
      await new Promise((resolve) => setTimeout(resolve, 50))
      return LARGE
    }
    const all = await Promise.all([leader, follower, leader, follower].map((cache) => cache.getOrSet('a', factory)))
    expect(all).toEqual([LARGE, LARGE, LARGE, LARGE])
    expect(runs).toBe(1)
  })
})
