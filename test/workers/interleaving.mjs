import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createKeyedCache } from '../../dist/cache/create-keyed-cache.js'

/** ms of a clock that all processes of this machine share. */
const now = () => Number(process.hrtime.bigint()) / 1e6

/** One cache for each lane, so that clearing one does not disturb the others. */
let caches
/** What the caches hold copies of: a number for each key, in Redis itself. */
let truth
let refused = 0
const computations = new Map()

export async function open({ redis, truthUrl, prefixes }) {
  truth = new Redis(truthUrl)
  caches = prefixes.map((keyPrefix) => createKeyedCache({ redis, keyPrefix, redisTimeout: '5s' }))
  for (const cache of caches) cache.on('compute', ({ stored }) => (refused += stored ? 0 : 1))
  await Promise.all(caches.map((cache) => cache.require()))
}

export async function close() {
  await Promise.all([...caches.map((cache) => cache.close()), truth.quit()])
}

function tagOf(key) {
  return `of ${key.slice(0, key.lastIndexOf('::'))}`
}

/** How many computed values were not stored here. */
export const refusedHere = () => refused

/** Stores the truth as it is now. */
export async function store(lane, key) {
  await caches[lane].set(key, Number(await truth.get(key)), { tags: [tagOf(key)] })
}

/** Begins a call of getOrSet whose factory reads the truth, then ends when `finish` is called. Resolves when the call has begun. */
export async function begin(lane, key, options, delayMs) {
  await pause(delayMs)
  const computation = {}
  const finished = new Promise((resolve) => (computation.finish = resolve))
  const started = new Promise((resolve) => (computation.start = resolve))
  computation.outcome = timed(() =>
    caches[lane].getOrSet(
      key,
      async ({ setTags }) => {
        const value = Number(await truth.get(key))
        computation.start()
        await finished
        // Only now is it known what deletes the key by its tag.
        setTags([tagOf(key)])
        return value
      },
      options,
    ),
  )
  computation.begun = Promise.race([started, computation.outcome])
  computations.set(key, computation)
}

/** Resolves when its factory has read the truth, or the call needs no factory. */
export async function begun(key) {
  await computations.get(key).begun
}

/** Lets the factory end, and gives what the call answered. */
export async function finish(key, delayMs) {
  await pause(delayMs)
  computations.get(key).finish()
  const outcome = await computations.get(key).outcome
  computations.delete(key)
  return outcome
}

/** Changes the truth, then the cache; gives what is true since when. */
export async function write(lane, key, what, delayMs) {
  await pause(delayMs)
  const version = await truth.incr(key)
  const cache = caches[lane]
  if (what === 'set') await cache.set(key, version)
  else if (what === 'delete') await cache.delete(key)
  else if (what === 'delete with children') await cache.delete(key.slice(0, key.lastIndexOf('::')), { children: true })
  else if (what === 'deleteTag') await cache.deleteTag(tagOf(key))
  else if (what === 'clear') await cache.clear()
  else throw new Error(`No such write: ${what}`)
  return { version, resolvedMs: now() }
}

export async function read(lane, key, how, delayMs) {
  await pause(delayMs)
  const cache = caches[lane]
  return timed(() =>
    how === 'get'
      ? cache.get(key, { default: undefined })
      : cache.getOrSet(key, async () => Number(await truth.get(key)), { tags: [tagOf(key)] }),
  )
}

async function timed(call) {
  const beganMs = now()
  return { value: await call(), beganMs }
}

async function pause(ms) {
  if (ms > 0) await delay(ms)
}
