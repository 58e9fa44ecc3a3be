import { createKeyedCache } from '../../dist/index.js'
import { heapBytes } from './heap.mjs'

const KEYS = 1_000_000
const WARM_UP_KEYS = 10_000
const KEYS_AT_ONCE = 1000
const LIMIT_BYTES = 16 * 2 ** 20

/** Values of kinds whose memory is not told by their length alone. */
const SHAPES = {
  numbers: (i) => i + 0.5,
  'texts of 1,000 characters': (i) => `${i}`.padEnd(1000, 'x'),
  'objects of one shape': (i) => ({ id: i, name: `name ${i}`, price: i / 3, tags: ['kitchen', 'steel'], isNew: true }),
  'lists of objects': (i) => Array.from({ length: 10 }, (_, j) => ({ id: 10 * i + j, name: `name ${j}` })),
  'objects with names that occur nowhere else': (i) =>
    Object.fromEntries(Array.from({ length: 8 }, (_, j) => [`name${i}x${j}`, j])),
}

/**
 * Reads 1,000,000 distinct keys through near tiers of 16 MiB, one for each shape. Gives for each how many times its limit the tier
 * takes of the heap.
 */
export async function measureNearMemory(backend) {
  const shapes = Object.entries(SHAPES)
  // What code and connections take is not the tier's.
  for (const [, make] of shapes) await timesLimit(backend, WARM_UP_KEYS, make)
  const measured = []
  for (const [name, make] of shapes) {
    measured.push({ name, times: await timesLimit(backend, KEYS / shapes.length, make) })
  }
  return measured
}

async function timesLimit({ redis, client }, count, make) {
  const before = heapBytes()
  const cache = createKeyedCache({
    redis,
    keyPrefix: 'near-memory',
    near: { maxBytes: LIMIT_BYTES, maxEntries: KEYS, ttl: '1h' },
    redisTimeout: '10s',
  })
  await read(cache, count, make)
  const times = (heapBytes() - before) / LIMIT_BYTES
  await cache.close()
  await client.flushall()
  return times
}

async function read(cache, count, make) {
  for (let start = 0; start < count; start += KEYS_AT_ONCE) {
    const entries = Array.from({ length: KEYS_AT_ONCE }, (_, i) => [['k', start + i], make(start + i)])
    await cache.setMany(entries)
    await cache.getMany(entries.map(([key]) => key))
  }
}
