import { once } from 'node:events'
import { createRequire } from 'node:module'
import { Queue, Worker } from 'bullmq'
import { createKeyedCache } from 'keyedcache'

/** Runs a job, and keeps what it gave through the client of its queue, which is of the ioredis that bullmq has: maybe another copy. */
export async function runJob(port) {
  const { Redis } = createRequire(import.meta.resolve('bullmq'))('ioredis')
  const connection = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null })
  const queue = new Queue('jobs', { connection })
  const worker = new Worker('jobs', async ({ data }) => data.n + 1, { connection })
  const cache = createKeyedCache({ redis: connection, keyPrefix: 'jobs', near: true, redisTimeout: '2s' })
  const done = once(worker, 'completed')
  await queue.add('job', { n: 1 })
  const [{ returnvalue }] = await done
  await cache.require()
  await cache.set('result', returnvalue)
  const kept = [await cache.get('result'), await connection.exists('jobs:v:result')]
  await Promise.all([cache.close(), worker.close(), queue.close()])
  connection.disconnect()
  return kept
}
