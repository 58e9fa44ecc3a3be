import { realTime } from '../../../checks/real-time.js'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { RedisAddress } from '../../../contract/redis-address.js'
import { backoffMs } from './backoff.js'
import { isClient, refuseUnfit } from './client-settings.js'
import { fromClusterUrls } from '../../../contract/redis/cluster-urls.js'
import { fromUrl } from '../../../contract/redis/redis-url.js'
import { ignoreLateErrors } from './late-errors.js'
import { checkNode } from './node-certificate.js'
import { withoutThrowing } from './strategies.js'

/**
 * The settings of our own client, chosen for a cache: fail at once instead of queueing, never send anything twice, and reconnect quickly,
 * but not all processes at the same moment. The watchdog notices a server that hangs.
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

/**
 * If a server became a replica, reconnect: its name may now lead to the new master. At most every 5 s, since each reconnect fails calls.
 */
const LEAVE_REPLICA_EVERY_MS = 5000

/**
 * The client for an address: a new one of our own, or the one that was given.
 * @throws {ImproperlyConfiguredError} when a given client would give wrong answers.
 */
export function openClient(redis: RedisAddress): Redis | Cluster {
  if (isClient(redis)) {
    refuseUnfit(redis)
    return redis
  }
  if (Array.isArray(redis)) return openCluster(redis as readonly string[])
  const options: object = typeof redis === 'string' ? fromUrl(redis) : withoutThrowing(redis as RedisOptions)
  // `enableTLSForSentinelMode`: without it ioredis ignores `tls` beside `sentinels`, and speaks to the master in clear text.
  const settings = { ...CACHE_CLIENT, enableTLSForSentinelMode: true, reconnectOnError: leavingReplicas() }
  return ignoreLateErrors(new Redis({ ...settings, ...options }))
}

/** Our own subscribe client to one of the servers of another client. Its owner connects it. */
export function openSubscriber(master: Redis): Redis {
  // Protocol 2, because ioredis drops the push messages of protocol 3 that tracking needs. `Subscriber` subscribes again on each `ready`.
  const subscriber = master.duplicate({
    ...CACHE_CLIENT,
    // Scripts publish under the channel's own name, whatever prefix the client puts before keys.
    keyPrefix: '',
    protocol: 2,
    autoResubscribe: false,
    // Connects only when the command connection is up, so that only one of the two tries a server that is away.
    lazyConnect: true,
    retryStrategy: () => null,
    connectionName: 'keyedcache-subscriber',
    // It is pinged each second, and the watchdog closes it when no answer comes. A busy process does not lose it.
    socketTimeout: undefined,
  })
  return ignoreLateErrors(subscriber)
}

/** A client to the same server that connects once, when it is told to, and not again. */
export function openOnce(node: Redis): Redis {
  return ignoreLateErrors(node.duplicate({ ...CACHE_CLIENT, lazyConnect: true, retryStrategy: () => null }))
}

function leavingReplicas(): (error: Error) => boolean {
  let lastMs = -Infinity
  return ({ message }) => {
    if (!message.includes('READONLY') || realTime.nowMs() - lastMs < LEAVE_REPLICA_EVERY_MS) return false
    lastMs = realTime.nowMs()
    return true
  }
}

/** A Cluster, found through any of its nodes. */
function openCluster(urls: readonly string[]): Cluster {
  const { nodes, shared } = fromClusterUrls(urls)
  const cluster = new Cluster([...nodes], {
    // A name stays one until a connection is made. So certificates are checked by it, and each of its addresses is tried.
    dnsLookup: (name, done) => done(null, name),
    enableOfflineQueue: false,
    clusterRetryStrategy: backoffMs,
    retryDelayOnFailover: 50,
    // Told at once. Sent again and again, a command would wait for as long as such answers arrive.
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 20,
    slotsRefreshTimeout: 1000,
    redisOptions: {
      ...CACHE_CLIENT,
      ...(shared as object),
      ...(shared.tls === undefined ? {} : { tls: { checkServerIdentity: checkNode(urls) } }),
    },
  })
  return cluster.on('+node', ignoreLateErrors)
}
