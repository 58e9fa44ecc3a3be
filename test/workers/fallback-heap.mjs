// A process that asks for ever new keys while Redis is away, and says what that costs in memory.
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createKeyedCache } from '../../dist/index.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')
const AT_ONCE = 500

let cache

export async function open(options) {
  cache = createKeyedCache({ ...options, logger: { info() {}, warn() {}, error() {} } })
  while (!(await cache.set('ready', true))) await delay(20)
  await ask(0, 1000)
}

/** Reads each of these keys through; gives how many were computed. */
export async function ask(from, to) {
  let runs = 0
  for (let at = from; at < to; at += AT_ONCE) {
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, to - at) }, (_, i) =>
        cache.getOrSet(`distinct::${at + i}`, () => {
          runs += 1
          return { id: at + i, name: `product ${at + i}`, price: 12.5 }
        }),
      ),
    )
    await delay(0)
  }
  return runs
}

/** The bytes that are in use when nothing is under way, on the heap and in buffers. */
export async function bytesUsed() {
  let least = Infinity
  for (let i = 0; i < 5; i++) {
    await delay(50)
    collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    least = Math.min(least, heapUsed + external)
  }
  return least
}

export const isUp = async () => (await cache.stats()).backend.up
