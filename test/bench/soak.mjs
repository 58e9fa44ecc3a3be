import { EventEmitter } from 'node:events'
import { createKeyedCache, keyedcache } from '../../dist/index.js'
import { heapBytes } from './heap.mjs'
import { measureNearMemory } from './near-memory.mjs'
import { startOneServer } from './one-server.mjs'

const MINUTES = Number(process.env.SOAK_MINUTES ?? 10)
const LOOK_EVERY_MS = 30_000
/** Until code is compiled and tiers are full. */
const WARM_UP_SHARE = 0.2
const CALLERS = 32
const KEYS = 20_000
const MB = 2 ** 20
const GROWS_AT_MOST_MB = 1
const NEAR_TIMES_AT_MOST = 1.1

const backend = await startOneServer()
try {
  for (const { name, times } of await measureNearMemory(backend)) {
    say(`near tier of 16 MiB, ${name}: ${times.toFixed(2)} times its limit`)
    if (times > NEAR_TIMES_AT_MOST) process.exitCode = 1
  }
  const samples = await soak(backend)
  const grown = growth(samples.slice(Math.floor(WARM_UP_SHARE * samples.length)))
  say(
    `the heap grows by ${grown.toFixed(2)} MB in the ${((1 - WARM_UP_SHARE) * MINUTES).toFixed(1)} minutes after the warm-up`,
  )
  if (grown > GROWS_AT_MOST_MB) process.exitCode = 1
} finally {
  await backend.close()
}

/** Mixed calls as fast as they go. Gives the heap in MB after each half minute. */
async function soak({ redis }) {
  const cache = createKeyedCache({
    redis,
    keyPrefix: 'soak',
    near: true,
    ttl: '2s',
    grace: '2s',
    compressAbove: 4096,
    redisTimeout: '10s',
  })
  await cache.require()
  const middleware = keyedcache({ cache })
  const samples = []
  let calls = 0
  const beganMs = performance.now()
  for (let look = 1; look * LOOK_EVERY_MS <= MINUTES * 60_000; look++) {
    const untilMs = beganMs + look * LOOK_EVERY_MS
    const caller = async () => {
      while (performance.now() < untilMs) {
        await mixed(cache, middleware)
        calls++
      }
    }
    await Promise.all(Array.from({ length: CALLERS }, caller))
    const heapMb = heapBytes() / MB
    samples.push({ atMs: performance.now() - beganMs, heapMb })
    const { hitRate } = await cache.stats()
    say(
      `${(look * LOOK_EVERY_MS) / 1000} s: heap ${heapMb.toFixed(2)} MB, resident ${(process.memoryUsage.rss() / MB).toFixed(0)} MB, ` +
        `${calls.toLocaleString('en')} calls, hit rate ${(100 * hitRate).toFixed(0)} %`,
    )
  }
  await cache.close()
  return samples
}

async function mixed(cache, middleware) {
  const id = Math.floor(KEYS * Math.random() ** 2)
  const key = ['product', id % 100, id]
  const dice = Math.random()
  if (dice < 0.35) await cache.get(key, { default: undefined })
  else if (dice < 0.55) await cache.getOrSet(key, () => valueOf(id), { tags: [`tag-${id % 50}`], early: true })
  // Not of keys that others compute: they would be told of the failure that they waited for.
  else if (dice < 0.6) await cache.getOrSet(['failing', id], failing, { softTimeout: '100ms' }).catch(expected)
  else if (dice < 0.75) await cache.set(key, valueOf(id))
  else if (dice < 0.8) await cache.getMany(Array.from({ length: 10 }, (_, i) => ['product', id % 100, id + i]))
  else if (dice < 0.84) await cache.getOrSetMany([key, ['other', id]], (keys) => keys.map(() => valueOf(id)))
  else if (dice < 0.9) await cache.delete(key)
  else if (dice < 0.905) await cache.delete(['product', id % 100], { children: true })
  else if (dice < 0.908) await cache.deleteTag(`tag-${id % 50}`)
  else if (dice < 0.911) await cache.children(['product', id % 100], { limit: 20 })
  else if (dice < 0.913) await cache.entry(key, { value: true })
  else await inRequest(middleware, key)
}

/** A request that reads a key often, and changes it. */
async function inRequest(middleware, key) {
  const request = {}
  const response = new EventEmitter()
  await new Promise((resolve, reject) => {
    middleware(request, response, () => {
      const serve = async () => {
        for (let i = 0; i < 5; i++) await request.cache.get(key, { default: undefined })
        await request.cache.getOrSet(key, () => valueOf(0))
      }
      serve().then(resolve, reject)
    })
  })
  response.emit('close')
}

function valueOf(id) {
  const text = 'x'.repeat(id % 97 === 0 ? 10_000 : id % 200)
  return { id, name: `name ${id}`, price: id / 3, tags: ['kitchen', 'steel'], made: new Date(id), text }
}

async function failing() {
  throw new Error('no value')
}

function expected(error) {
  if (error.message !== 'no value') throw error
}

/** How much a straight line through the samples rises from the first to the last one. */
function growth(samples) {
  const mean = (of) => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const atMs = mean((sample) => sample.atMs)
  const heapMb = mean((sample) => sample.heapMb)
  const slope =
    mean((sample) => (sample.atMs - atMs) * (sample.heapMb - heapMb)) / mean((sample) => (sample.atMs - atMs) ** 2)
  return slope * (samples.at(-1).atMs - samples[0].atMs)
}

function say(text) {
  process.stdout.write(`${text}\n`)
}
