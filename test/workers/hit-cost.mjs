// A process that says what CPU a hit takes.
import { setTimeout as delay } from 'node:timers/promises'
import { createKeyedCache } from '../../dist/index.js'

const CALLERS = 16

let cache

export async function open(options) {
  cache = createKeyedCache(options)
  while (!(await cache.set('ready', true))) await delay(20)
  for (let i = 0; i < 100; i++) await cache.set(`hit::${i}`, { id: i, name: `product ${i}`, price: 12.5 })
  await microsecondsPerHit(20_000)
}

/** The CPU of this process for each of so many hits, in microseconds. */
export async function microsecondsPerHit(count) {
  const before = process.cpuUsage()
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let i = caller; i < count; i += CALLERS) await cache.get(`hit::${i % 100}`)
    }),
  )
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}
