import { createKeyedCache } from '../../../dist/index.js'
import { startCluster } from '../cluster.mjs'
import { interleave } from './blocks.mjs'
import { ioredis } from './ioredis.mjs'
import { fill } from './redis-rows.mjs'

const CALLERS = 64
const CALLS = 640
const KEYS = 1000
const BYTES = 300

/** Hits of an object on a Cluster by 64 callers. Gives the blocks of keyedcache and of the Cluster client of ioredis. */
export async function measureClusterRow(rounds) {
  const backend = await startCluster()
  const cache = createKeyedCache({ redis: backend.redis, keyPrefix: 'peers', redisTimeout: '10s' })
  const raw = await ioredis.throughRedis({ client: backend.client })
  try {
    await cache.require()
    const ours = { get: (id) => cache.get(['product', id]), set: (id, value) => cache.set(['product', id], value) }
    const subjects = []
    for (const [name, library] of [
      ['ioredis', raw],
      ['keyedcache', ours],
    ]) {
      await fill(name, library, { bytes: BYTES })
      subjects.push({ name, call: (number) => library.get(BYTES * KEYS + (number % KEYS)) })
    }
    return await interleave(subjects, { callers: CALLERS, calls: CALLS, rounds })
  } finally {
    raw.close()
    await cache.close()
    await backend.close()
  }
}
