// A process whose callers leave while one long computation goes on, and what the heap keeps of them.
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createKeyedCache } from '../../dist/cache/create-keyed-cache.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')
const AT_ONCE = 1000

let cache
let end
const gate = new Promise((resolve) => (end = resolve))

export async function open(options) {
  cache = createKeyedCache({ redisTimeout: '5s', ...options })
  await cache.require()
  await cache.set('soft', 'old', { ttl: '10ms', grace: '1h' })
  await delay(20)
  for (const how of ['timeout', 'soft', 'signal']) void cache.getOrSet(how, () => gate, OPTIONS.patient)
}

export async function close() {
  end('value')
  await cache.close()
}

const OPTIONS = { patient: { ttl: '1h', grace: '1h', softTimeout: '1h' } }

/** Lets this many callers leave, and gives the bytes that are in use before and after. All have left when it resolves. */
export async function leave(how, count) {
  const before = await bytesUsed()
  for (let left = 0; left < count; left += AT_ONCE) await leaveTogether(how)
  // So that the frame of the last ones is gone.
  await delay(0)
  return { before, after: await bytesUsed() }
}

async function leaveTogether(how) {
  const abort = new AbortController()
  const options = {
    timeout: { timeout: '20ms' },
    soft: { ...OPTIONS.patient, softTimeout: '20ms' },
    signal: { signal: abort.signal },
  }[how]
  const calls = Array.from({ length: AT_ONCE }, () => cache.getOrSet(how, () => 'never', options))
  const outcomes = Promise.allSettled(calls)
  await delay(30)
  abort.abort()
  const wrong = (await outcomes).filter(({ status }) => status !== (how === 'soft' ? 'fulfilled' : 'rejected'))
  if (wrong.length > 0) throw new Error(`${wrong.length} callers have not left`)
}

async function bytesUsed() {
  let least = Infinity
  for (let i = 0; i < 5; i++) {
    await delay(20)
    collectGarbage()
    least = Math.min(least, process.memoryUsage().heapUsed)
  }
  return least
}
