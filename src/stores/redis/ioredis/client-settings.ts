import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { ImproperlyConfiguredError } from '../../../contract/errors.js'
import { isRedisClient } from '../../../contract/redis/given-client.js'
import type { RedisAddress } from '../../../contract/redis-address.js'

/** Whether this is an ioredis client, of any copy of ioredis, and not the options for one. */
export function isClient(redis: unknown): redis is Redis | Cluster {
  return isRedisClient(redis)
}

/** @throws {ImproperlyConfiguredError} when the client would give wrong answers. */
export function refuseUnfit(client: Redis | Cluster): void {
  if (settingsOf(client).stringNumbers === true) {
    throw new ImproperlyConfiguredError(
      'Leave out `stringNumbers` of the client: the cache counts by the numbers it gets',
    )
  }
  if (settingsOf(client).role === 'slave') {
    throw new ImproperlyConfiguredError(
      "Leave out `role: 'slave'` of the client: a replica takes no writes, and may give back what was just deleted",
    )
  }
  if (!client.isCluster) return
  const { scaleReads, keyPrefix = '', redisOptions } = (client as Cluster).options
  if (redisOptions?.db) {
    throw new ImproperlyConfiguredError('Leave out `db` of the Cluster client: a Cluster has database 0 alone')
  }
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

/**
 * Which settings of a given client, or of options for one, are bad for a cache. Mostly they are meant for queues and locks. What a URL says
 * is never bad.
 */
export function poorSettings(redis: RedisAddress): string[] {
  if (typeof redis === 'string' || Array.isArray(redis)) return []
  return isClient(redis) ? ofClient(redis) : ofOptions(redis as RedisOptions)
}

const FOR_EVER =
  '`maxRetriesPerRequest: null` keeps what was given up in memory, and sends it again after each reconnection'
const LOST = 'without a strategy for retries a connection that is lost is lost for good'

function ofClient(client: Redis | Cluster): string[] {
  const { maxRetriesPerRequest, socketTimeout } = settingsOf(client)
  const retries = client.isCluster
    ? (client as Cluster).options.clusterRetryStrategy
    : (client as Redis).options.retryStrategy
  return [
    ...(maxRetriesPerRequest === null ? [FOR_EVER] : []),
    ...(socketTimeout === undefined
      ? ['without `socketTimeout` a connection on which nothing arrives any more is never given up']
      : []),
    ...(typeof retries === 'function' ? [] : [LOST]),
  ]
}

function ofOptions({ host, path, sentinels, Connector, maxRetriesPerRequest, retryStrategy }: RedisOptions): string[] {
  return [
    ...((host ?? path ?? sentinels ?? Connector)
      ? []
      : ['without `host` ioredis takes localhost: write where Redis is']),
    ...(maxRetriesPerRequest === null ? [FOR_EVER] : []),
    ...(retryStrategy === null ? [LOST] : []),
  ]
}

function settingsOf(client: Redis | Cluster): RedisOptions {
  return client.isCluster ? ((client as Cluster).options.redisOptions ?? {}) : (client as Redis).options
}
