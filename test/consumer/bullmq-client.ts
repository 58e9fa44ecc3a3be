import { Queue } from 'bullmq'
import { createKeyedCache } from 'keyedcache'

const queue = new Queue('jobs', { connection: { host: '127.0.0.1' } })

/** The client is maybe of another copy of ioredis than that beside this file. */
export const cache = createKeyedCache({ redis: await queue.client, keyPrefix: 'jobs' })
