// A process that reads one key steadily while it is deleted again and again, by this process or by others.
import { setTimeout as delay } from 'node:timers/promises'
import { createKeyedCache } from '../../dist/cache/create-keyed-cache.js'

/** ms of a clock that all processes of this machine share, and that nobody sets. */
const now = () => Number(process.hrtime.bigint()) / 1e6

const KEY = 'shop::cart'
const WAYS = {
  delete: (cache) => cache.delete(KEY),
  children: (cache) => cache.delete('shop', { children: true }),
  tag: (cache) => cache.deleteTag('carts'),
  clear: (cache) => cache.clear(),
}

let cache

export async function open(options) {
  cache = createKeyedCache({ redisTimeout: '5s', lease: '1m', ...options })
  await cache.require()
}

export const close = () => cache.close()

/** Reads until then; gives how long each read took, in ms, and how often the factory ran. */
export async function read({ perSecond, factoryMs, untilMs }) {
  const waits = []
  const calls = []
  let runs = 0
  const factory = async () => {
    runs++
    await delay(factoryMs)
    return runs
  }
  await delay((Math.random() * 1000) / perSecond)
  for (let at = now(); at < untilMs; at += 1000 / perSecond) {
    await delay(Math.max(0, at - now()))
    const beganMs = now()
    calls.push(cache.getOrSet(KEY, factory, { tags: ['carts'] }).then(() => waits.push(now() - beganMs)))
  }
  await Promise.all(calls)
  return { waits, runs }
}

/** Deletes until then; gives how often. It goes on for as long as anybody may still wait. */
export async function remove({ way, everyMs, untilMs }) {
  let times = 0
  for (let at = now(); at < untilMs; at += everyMs) {
    await delay(Math.max(0, at - now()))
    await WAYS[way](cache)
    times++
  }
  return times
}
