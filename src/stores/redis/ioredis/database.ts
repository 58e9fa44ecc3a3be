import type { Cluster, Redis } from 'ioredis'

/** The database that was asked for last, by the options or by the owner of the client. A Cluster has database 0 alone. */
export function databaseOf(redis: Redis | Cluster): number {
  if (redis.isCluster) return 0
  const { condition, options } = redis as unknown as { condition?: { select?: number }; options: { db?: number } }
  return condition?.select ?? options.db ?? 0
}
