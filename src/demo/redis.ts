import { Redis } from 'ioredis'

/**
 * A connection for the demo's own data: sessions and edited cities. The cache has its own connection. A command without an answer fails
 * after a moment.
 */
export function openRedis(url: string): Redis {
  const redis = new Redis(url, {
    connectTimeout: 1000,
    commandTimeout: 250,
    maxRetriesPerRequest: 1,
    retryStrategy: (attempt) => Math.min(attempt * 100, 1000),
  })
  // The command that fails tells its caller. Without a listener, ioredis prints every attempt to connect.
  return redis.on('error', () => {})
}
