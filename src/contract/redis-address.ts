import type { ConnectionOptions } from 'node:tls'

/**
 * A client of ioredis 5 or 6, `Redis` or `Cluster`, of whichever copy: what tells it from other things. It is described here and not by
 * ioredis' classes, whose private members make those of two copies different types.
 */
export interface RedisClient {
  readonly status: string
  readonly isCluster: boolean
  readonly options: object
  sendCommand(command: never): unknown
}

/** Options that ioredis 5 or 6 makes a client from. Those that say how it queues and retries have defaults chosen for a cache. */
export interface RedisClientOptions {
  host?: string | undefined
  port?: number | undefined
  /** Of a socket in the file system, in place of host and port. */
  path?: string | undefined
  /** 4 or 6: which version of IP. */
  family?: number | undefined
  username?: string | undefined
  password?: string | undefined
  db?: number | undefined
  tls?: ConnectionOptions | undefined
  /** What the client puts before all names, in front of the cache's own prefix. */
  keyPrefix?: string | undefined
  connectionName?: string | undefined
  clientInfoTag?: string | undefined
  disableClientInfo?: boolean | undefined
  /** Of ioredis 6. */
  protocol?: 2 | 3 | undefined

  /** Where Sentinels are, which know where the Redis called `name` is. */
  sentinels?: { host?: string | undefined; port?: number | undefined; family?: number | undefined }[] | undefined
  name?: string | undefined
  role?: 'master' | 'slave' | undefined
  sentinelUsername?: string | undefined
  sentinelPassword?: string | undefined
  sentinelTLS?: ConnectionOptions | undefined
  enableTLSForSentinelMode?: boolean | undefined
  sentinelRetryStrategy?: ((attempts: number) => number | void | null) | undefined
  sentinelReconnectStrategy?: ((attempts: number) => number | void | null) | undefined
  sentinelCommandTimeout?: number | undefined
  sentinelMaxConnections?: number | undefined
  updateSentinels?: boolean | undefined
  failoverDetector?: boolean | undefined
  natMap?: object | undefined

  connectTimeout?: number | undefined
  disconnectTimeout?: number | undefined
  commandTimeout?: number | undefined
  socketTimeout?: number | undefined
  keepAlive?: number | undefined
  noDelay?: boolean | undefined
  lazyConnect?: boolean | undefined
  enableReadyCheck?: boolean | undefined
  enableOfflineQueue?: boolean | undefined
  enableAutoPipelining?: boolean | undefined
  autoPipeliningIgnoredCommands?: string[] | undefined
  autoResubscribe?: boolean | undefined
  autoResendUnfulfilledCommands?: boolean | undefined
  maxRetriesPerRequest?: number | null | undefined
  maxLoadingRetryTime?: number | undefined
  retryStrategy?: ((attempts: number) => number | void | null) | null | undefined
  reconnectOnError?: ((error: Error) => boolean | 1 | 2) | null | undefined
  showFriendlyErrorStack?: boolean | undefined
}

/** Where a Redis is: a URL, several of them (a Cluster), options for a client of our own, or a client that stays its owner's. */
export type RedisAddress = string | readonly string[] | RedisClientOptions | RedisClient
