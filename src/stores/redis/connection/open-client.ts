import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { RedisAddress } from '../../../contract/redis-address.js'
import { backoffMs } from './backoff.js'
import { isClient, refuseUnfit } from './client-settings.js'

/**
 * The settings of our own client, chosen for a cache: fail at once rather than queue, never send anything twice, and come back quickly
 * without all processes coming back at the same moment. A server that hangs is noticed by the watchdog.
 */
const CACHE_CLIENT = {
  connectTimeout: 1000,
  disconnectTimeout: 100,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  maxLoadingRetryTime: 500,
  keepAlive: 5000,
  connectionName: 'keyedcache',
  // A Redis user would need one more right for CLIENT SETINFO, and Redis 7.0 refuses a rule that gives it.
  disableClientInfo: true,
  retryStrategy: backoffMs,
} satisfies RedisOptions

/** A server that has become a replica is left for the one that its name stands for now, but not again and again: each time fails calls. */
const LEAVE_REPLICA_EVERY_MS = 5000

/** The client for an address: a new one of our own, or the one that was given. @throws {ImproperlyConfiguredError} where that would give wrong answers. */
export function openClient(redis: RedisAddress): Redis | Cluster {
  if (isClient(redis)) {
    refuseUnfit(redis)
    return redis
  }
  if (Array.isArray(redis)) return openCluster(redis as readonly string[])
  const settings = { ...CACHE_CLIENT, reconnectOnError: leavingReplicas() }
  return typeof redis === 'string' ? new Redis(redis, settings) : new Redis({ ...settings, ...(redis as object) })
}

/** A client of our own to one of the servers of another client, for messages. Its owner connects it. */
export function openSubscriber(master: Redis): Redis {
  // Protocol 2, since ioredis drops the push messages of protocol 3 that tracking needs; what was subscribed is told anew on each ready.
  return master.duplicate({
    ...CACHE_CLIENT,
    // Scripts publish under the channel's own name, whatever prefix the client puts before keys.
    keyPrefix: '',
    protocol: 2,
    autoResubscribe: false,
    // It is connected when the connection for commands stands: nobody knocks twice at a server that is away.
    lazyConnect: true,
    retryStrategy: () => null,
    connectionName: 'keyedcache-subscriber',
    // It is asked for a sign of life each second, and the watchdog closes it when none comes; a busy process is not to lose it.
    socketTimeout: undefined,
  })
}

function leavingReplicas(): (error: Error) => boolean {
  let lastMs = -Infinity
  return ({ message }) => {
    if (!message.includes('READONLY') || performance.now() - lastMs < LEAVE_REPLICA_EVERY_MS) return false
    lastMs = performance.now()
    return true
  }
}

/** A Cluster, found through any of its nodes. They share the name, password and TLS of the first URL. */
function openCluster(urls: readonly string[]): Cluster {
  const { username, password, protocol } = new URL(urls[0] as string)
  return new Cluster([...urls], {
    enableOfflineQueue: false,
    clusterRetryStrategy: backoffMs,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    retryDelayOnTryAgain: 20,
    slotsRefreshTimeout: 1000,
    redisOptions: {
      ...CACHE_CLIENT,
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  })
}
