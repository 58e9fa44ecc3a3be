import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { ImproperlyConfiguredError } from '../../../contract/errors.js'

/** Whether this is an ioredis client, of any copy of ioredis, and not the options for one. */
export function isClient(redis: unknown): redis is Redis | Cluster {
  return typeof redis === 'object' && redis !== null && 'status' in redis && 'sendCommand' in redis
}

/** @throws {ImproperlyConfiguredError} when the client would give wrong answers. */
export function refuseUnfit(client: Redis | Cluster): void {
  if (settingsOf(client).stringNumbers === true) {
    throw new ImproperlyConfiguredError(
      'Leave out `stringNumbers` of the client: the cache counts by the numbers it gets',
    )
  }
  if (!client.isCluster) return
  const { scaleReads, keyPrefix = '' } = (client as Cluster).options
  if (scaleReads !== 'master') {
    throw new ImproperlyConfiguredError(
      "Set `scaleReads: 'master'` on the Cluster client: a replica may give back what was just deleted",
    )
  }
  if (keyPrefix.includes('{')) {
    throw new ImproperlyConfiguredError(
      'Choose a `keyPrefix` without `{` for the Cluster client: it would put all keys into one slot',
    )
  }
}

/** Which settings of a given client are bad for a cache. Mostly they are meant for queues and locks. */
export function poorSettings(client: Redis | Cluster): string[] {
  const { maxRetriesPerRequest, socketTimeout } = settingsOf(client)
  const poor: string[] = []
  if (maxRetriesPerRequest === null) {
    poor.push(
      '`maxRetriesPerRequest: null` keeps what was given up in memory, and sends it again after each reconnection',
    )
  }
  if (socketTimeout === undefined) {
    poor.push('without `socketTimeout` a connection on which nothing arrives any more is never given up')
  }
  const retries = client.isCluster
    ? (client as Cluster).options.clusterRetryStrategy
    : (client as Redis).options.retryStrategy
  if (typeof retries !== 'function')
    poor.push('without a strategy for retries a connection that is lost is lost for good')
  return poor
}

function settingsOf(client: Redis | Cluster): RedisOptions {
  return client.isCluster ? ((client as Cluster).options.redisOptions ?? {}) : (client as Redis).options
}
