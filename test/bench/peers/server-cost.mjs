import { ioredis } from './ioredis.mjs'
import { keyedcache } from './keyedcache.mjs'
import { valueOf } from './values.mjs'

const WRITES = 2000
const KEYS = 1000
const CALLERS = 64

/** What one write of an object costs the server, in us: of keyedcache with its place in the index, and `SET` alone. */
export async function measureServerCost(backend) {
  return {
    setServerUs: await serverUs(backend, keyedcache, 1, 'evalsha'),
    mergedServerUs: await serverUs(backend, keyedcache, CALLERS, 'evalsha'),
    rawServerUs: await serverUs(backend, ioredis, 1, 'set'),
  }
}

async function serverUs(backend, { throughRedis }, callers, command) {
  const library = await throughRedis(backend)
  const value = valueOf(300)
  const write = async (count) => {
    let next = 0
    const caller = async () => {
      while (next < count) await library.set(next++ % KEYS, value)
    }
    await Promise.all(Array.from({ length: callers }, caller))
  }
  await write(KEYS)
  await backend.client.config('RESETSTAT')
  await write(WRITES)
  const stats = await backend.client.info('commandstats')
  await library.close()
  return Number(new RegExp(String.raw`cmdstat_${command}:calls=\d+,usec=(\d+)`).exec(stats)[1]) / WRITES
}
