import { once } from 'node:events'
import { Queue, Worker } from 'bullmq'
import { createKeyedCache } from 'keyedcache'

/** Runs a job, and keeps a value through the client of its queue. */
export async function runJob(port) {
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null }
  const queue = new Queue('jobs', { connection })
  const worker = new Worker('jobs', async ({ data }) => data.n + 1, { connection })
  const cache = createKeyedCache({ redis: await queue.client, keyPrefix: 'jobs' })
  const done = once(worker, 'completed')
  await queue.add('job', { n: 1 })
  const [{ returnvalue }] = await done
  await cache.require()
  await cache.set('result', returnvalue)
  const kept = await cache.get('result')
  await Promise.all([cache.close(), worker.close(), queue.close()])
  return kept
}
