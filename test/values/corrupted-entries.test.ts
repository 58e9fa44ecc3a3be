import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isNewer } from '../../src/values/entry.js'
import { defaultSerializer } from '../../src/values/serializer.js'
import { EntryCodec } from '../../src/values/entry-codec.js'
import { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../support/both-stores.js'
import { row } from '../support/fault-row.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { sized } from '../support/size.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const IN_PROCESS = sized(100_000)
const IN_REDIS = sized(3000)

/** How an entry is damaged: bits flipped, in 1 to 4 bytes that are not the same; its end cut off; bytes put behind or between. */
type Damage = (bytes: Buffer) => Buffer

const flips = fc
  .uniqueArray(fc.tuple(fc.nat(2 ** 20), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 4,
    selector: ([at]) => at,
  })
  .map((all): Damage => (bytes) => {
    const copy = Buffer.from(bytes)
    const seen = new Set<number>()
    for (const [at, mask] of all) {
      const place = at % copy.length
      if (seen.has(place)) continue
      seen.add(place)
      copy[place] = (copy[place] ?? 0) ^ mask
    }
    return copy
  })
const truncation = fc.nat(2 ** 20).map(
  (at): Damage =>
    (bytes) =>
      bytes.subarray(0, at % bytes.length),
)
const addition = fc.tuple(fc.nat(2 ** 20), fc.uint8Array({ minLength: 1, maxLength: 8 })).map(
  ([at, more]): Damage =>
    (bytes) =>
      Buffer.concat([bytes.subarray(0, at % (bytes.length + 1)), more, bytes.subarray(at % (bytes.length + 1))]),
)
const rubbish = fc.uint8Array({ maxLength: 64 }).map(
  (bytes): Damage =>
    () =>
      Buffer.from(bytes),
)
const damage = fc.oneof(
  { weight: 6, arbitrary: flips },
  { weight: 2, arbitrary: truncation },
  { weight: 1, arbitrary: addition },
  { weight: 1, arbitrary: rubbish },
)

const SAMPLES: readonly unknown[] = [
  0,
  '',
  true,
  null,
  undefined,
  'text',
  'a longer text that takes some bytes: äöü 🔑',
  'text that can be compressed. '.repeat(30),
  { id: 1, name: 'Ann', tags: ['a', 'b'], nested: { deep: [1, 2.5, null, { x: 'y' }] } },
  Array.from({ length: 50 }, (_, i) => i * 1.5),
  new Map<unknown, unknown>([[1, new Date(0)], ['k', new Set([1n, 2n])]]), // prettier-ignore
  Buffer.from('binary'),
  { when: new Date(1e12), pattern: /a+b/gi, error: new Error('text'), big: 12n, none: undefined },
  new Float64Array([1, 2, 3]),
]

test(
  `Of 100,000 damaged entries none gives a wrong value, and none throws (SEED=${seed})`,
  { timeout: 60_000 },
  async () => {
    const bad: unknown[] = []
    const values = new EntryCodec(
      defaultSerializer,
      { compressAbove: 60, maxValueBytes: 100_000 },
      () => 1000,
      (_key, error) => bad.push(error),
      () => false,
    )
    const originals = await Promise.all(
      SAMPLES.flatMap((value) =>
        [[], ['tag', 'another']].map(async (tags) =>
          values.compress(values.encode('k', value, { ttlMs: 1000, graceMs: 0 }, 5, tags)),
        ),
      ),
    )
    const damages = fc.sample(damage, { seed, numRuns: IN_PROCESS })
    const wrong: string[] = []
    let unchanged = 0
    for (const [i, spoil] of damages.entries()) {
      const original = originals[i % originals.length] as Buffer
      const spoilt = spoil(original)
      if (spoilt.equals(original)) {
        unchanged += 1
        continue
      }
      try {
        const decoding = values.decode('k', spoilt)
        // oxlint-disable-next-line no-await-in-loop -- only of large ones
        const stored = decoding instanceof Promise ? await decoding : decoding
        if (stored !== undefined) wrong.push(`${i}: ${spoilt.toString('hex')} gave ${String(stored.value)}`)
      } catch (error) {
        wrong.push(`${i}: ${spoilt.toString('hex')} threw ${String(error)}`)
      }
    }
    row(
      27,
      `${IN_PROCESS} damaged entries, SEED=${seed}`,
      `${wrong.length} wrong values or throws; ${bad.length} told of`,
    )
    expect(wrong.slice(0, 10)).toEqual([])
    expect(bad).toHaveLength(IN_PROCESS - unchanged)
    expect(unchanged).toBeLessThan(IN_PROCESS / 100)
  },
)

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

test(`Damaged entries and data of other types in Redis are misses, and are replaced (SEED=${seed})`, async () => {
  const keyPrefix = freshPrefix()
  await using cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s' })
  let told = 0
  cache.on('error', () => (told += 1))
  const client = server.client()
  const key = (i: number): string => `damaged::${i}`
  const name = (i: number): string => `${keyPrefix}:v:${key(i)}`
  const all = Array.from({ length: IN_REDIS }, (_, i) => i)
  await cache.setMany(all.map((i) => [key(i), SAMPLES[i % SAMPLES.length]]))
  const damages = fc.sample(damage, { seed, numRuns: IN_REDIS })
  const original = await client.getBuffer(name(0))
  const changed = await Promise.all(
    all.map(async (i) => {
      if (i % 10 === 9) {
        await client.unlink(name(i))
        if (i % 20 === 9) await client.lpush(name(i), 'a list')
        else await client.hset(name(i), 'a', 'hash')
        return true
      }
      const bytes = (await client.getBuffer(name(i))) as Buffer
      const spoilt = (damages[i] as Damage)(bytes)
      await client.set(name(i), spoilt, 'KEEPTTL')
      // what looks as of a later version is a miss too, but is not replaced
      return !spoilt.equals(bytes) && !isNewer(spoilt)
    }),
  )
  expect(original).not.toBeNull()
  const damaged = all.filter((i) => changed[i])
  const missing = { missing: true }
  const single = await Promise.all(damaged.slice(0, 1500).map((i) => cache.get(key(i), { default: missing })))
  const many = await cache.getMany(damaged.slice(1500).map(key), { default: missing })
  expect([...single, ...many].filter((value) => value !== missing)).toEqual([])
  expect(told).toBeGreaterThan(0)
  expect(await cache.entry(key(damaged[0] as number))).toBeUndefined()
  const computed = await Promise.all(damaged.map((i) => cache.getOrSet(key(i), () => `new ${i}`)))
  expect(computed).toEqual(damaged.map((i) => `new ${i}`))
  expect(await cache.getMany(damaged.map(key))).toEqual(computed)
  expect(await cache.delete('damaged', { children: true })).toHaveLength(IN_REDIS)
  row(27, `${IN_REDIS} of them in Redis, also lists and hashes`, `0 wrong values, 0 throws, all replaced`)
})

test('What a newer version has written is a miss, and is left to those who can read it', async () => {
  const keyPrefix = freshPrefix()
  await using cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s' })
  await cache.set('a', 'value')
  const name = `${keyPrefix}:v:a`
  const newer = Buffer.from((await server.client().getBuffer(name)) as Buffer)
  // the next format
  newer[0] = 0xe2
  await server.client().set(name, newer, 'PX', 60_000)
  let runs = 0
  for (let i = 0; i < 5; i++) {
    expect(await cache.get('a', { default: 'miss' })).toBe('miss') // eslint-disable-line no-await-in-loop
    // eslint-disable-next-line no-await-in-loop -- one after the other
    expect(await cache.getOrSet('a', () => `computed ${++runs}`)).toBe(`computed ${runs}`)
  }
  const overwritten = !((await server.client().getBuffer(name)) ?? Buffer.alloc(0)).equals(newer)
  row(
    28,
    'entry of a newer version',
    `0 crashes; ${overwritten ? 'overwritten' : 'not overwritten'} by 5 computations of an older process`,
  )
  expect(overwritten).toBe(false)
  // who writes or deletes on purpose wins
  expect(await cache.set('a', 'set')).toBe(true)
  expect(await cache.get('a')).toBe('set')
})
