import { Redis } from 'ioredis'

/** A connection for the demo's own data, sessions and edited cities; the cache has its own. Gives up on a command after a moment. */
export function openRedis(url: string): Redis {
  const redis = new Redis(url, {
    connectTimeout: 1000,
    commandTimeout: 250,
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1000),
  })
  // who asks is told by the command that fails; without a listener, ioredis prints every attempt to connect
  return redis.on('error', () => {})
}
