import { setTimeout as delay } from 'node:timers/promises'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { ImproperlyConfiguredError } from '../../cache/errors.js'
import { Deadlines } from './deadlines.js'
import type { Script } from './script.js'

/** What a client tells its owner. */
export interface ClientOptions {
  /** A URL, several of them (a Cluster), options for a client of our own, or a client that stays its owner's. */
  readonly redis: string | readonly string[] | RedisOptions | Redis | Cluster
  /** How long one answer may take. */
  readonly timeoutMs: number
}

const backoffMs = (attempt: number): number => Math.min(50 * 2 ** (attempt - 1), 500) + Math.floor(Math.random() * 100)

/**
 * The settings of our own client, chosen for a cache: fail at once rather than queue, never send anything twice, notice a server
 * that hangs, and come back quickly without all processes coming back at the same moment.
 */
const CACHE_CLIENT = {
  socketTimeout: 1000,
  connectTimeout: 1000,
  disconnectTimeout: 100,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  maxLoadingRetryTime: 500,
  keepAlive: 5000,
  connectionName: 'keyedcache',
  retryStrategy: backoffMs,
} satisfies RedisOptions

/** How long the server may take to say goodbye. */
const QUIT_MS = 400

/** One Redis server, or all of a Cluster: commands within a time limit. */
export class Client {
  readonly kind: 'redis' | 'cluster'
  readonly #redis: Redis | Cluster
  readonly #own: boolean
  readonly #deadlines: Deadlines
  readonly #listeners: [event: string, listener: (...args: unknown[]) => void][] = []
  #lastError: unknown
  #closed = false

  constructor({ redis, timeoutMs }: ClientOptions) {
    this.#own = !isClient(redis)
    this.#deadlines = new Deadlines(timeoutMs)
    this.#redis = openClient(redis)
    this.kind = this.#redis.isCluster ? 'cluster' : 'redis'
    this.on('error', (error) => {
      this.#lastError = error
    })
    if (this.#redis.status === 'wait') this.#redis.connect().catch((error: unknown) => (this.#lastError = error))
  }

  /** Whether commands can be sent now. */
  get isReady(): boolean {
    return this.#redis.status === 'ready' && !this.#closed
  }

  /** What was last in the way of a connection. */
  get lastError(): unknown {
    return this.#lastError
  }

  /** Calls the listener on an event of the connection, until the client is closed. */
  on(event: 'ready' | 'close' | 'error' | 'refresh', listener: (...args: unknown[]) => void): void {
    this.#redis.on(event, listener)
    this.#listeners.push([event, listener])
  }

  /** Sends one command and gives its answer within the time limit. */
  send<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
    // A Cluster takes the same commands, and sends each where its key is.
    return this.#deadlines.limit(command(this.#redis as Redis))
  }

  /** Runs a script by its name, and teaches it to a server that does not know it. */
  async run(script: Script, keys: readonly string[], args: readonly (string | Buffer | number)[]): Promise<unknown> {
    try {
      return await this.send((redis) => redis.evalsha(script.sha1, keys.length, ...keys, ...args))
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return this.send((redis) => redis.eval(script.source, keys.length, ...keys, ...args))
    }
  }

  /** The same, with text in the answer as bytes. */
  async runForBytes(
    script: Script,
    keys: readonly string[],
    args: readonly (string | Buffer | number)[],
  ): Promise<unknown> {
    try {
      return await this.send((redis) => redis.callBuffer('evalsha', script.sha1, keys.length, ...keys, ...args))
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return this.send((redis) => redis.callBuffer('eval', script.source, keys.length, ...keys, ...args))
    }
  }

  /** Settles as the promise does, or rejects when that takes longer than one answer may. */
  limit<T>(promise: Promise<T>): Promise<T> {
    return this.#deadlines.limit(promise)
  }

  /** The servers that keep names: one, or the masters of a Cluster. */
  masters(): readonly Redis[] {
    return this.#redis.isCluster ? (this.#redis as Cluster).nodes('master') : [this.#redis as Redis]
  }

  /** How many names of anybody these servers keep. */
  async size(): Promise<number> {
    const sizes = await Promise.all(this.masters().map((master) => this.limit(master.dbsize())))
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  /**
   * A step of a walk over all names of one server that begin with these words, as SCAN gives them: some maybe twice. Gives the next
   * cursor, '0' at the end, and what follows the words in each name.
   */
  async scan(master: Redis, begin: string, cursor: string, count: number): Promise<[cursor: string, rest: string[]]> {
    // SCAN knows nothing of a prefix that the client puts before keys.
    const whole = (this.#redis.options.keyPrefix ?? '') + begin
    const pattern = `${whole.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`
    const [next, names] = await this.limit(master.scan(cursor, 'MATCH', pattern, 'COUNT', count))
    return [next, names.filter((name) => name.startsWith(whole)).map((name) => name.slice(whole.length))]
  }

  /** A client of our own to one of the servers, for messages. */
  openSubscriber(master: Redis): Redis {
    // Protocol 2, since ioredis drops the push messages of protocol 3 that tracking needs; what was subscribed is told anew on each ready.
    return master.duplicate({
      ...CACHE_CLIENT,
      // Scripts publish under the channel's own name, whatever prefix the client puts before keys.
      keyPrefix: '',
      protocol: 2,
      autoResubscribe: false,
      lazyConnect: false,
      connectionName: 'keyedcache-subscriber',
    })
  }

  /** Ends the connection, unless the client is somebody else's. */
  async close(): Promise<void> {
    if (this.#closed) return
    const wasReady = this.isReady
    this.#closed = true
    for (const [event, listener] of this.#listeners)
      if (event !== 'error' || !this.#own) this.#redis.off(event, listener)
    if (this.#own) {
      const goodbye = delay(QUIT_MS, undefined, { ref: false })
      if (wasReady) await Promise.race([this.#redis.quit(), goodbye]).catch(() => 'gone already')
      this.#redis.disconnect()
    }
    this.#deadlines.close()
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

/** Whether somebody gave us a client of theirs, be it of another copy of ioredis. */
function isClient(redis: ClientOptions['redis']): redis is Redis | Cluster {
  return typeof redis === 'object' && 'status' in redis && 'sendCommand' in redis
}

function openClient(redis: ClientOptions['redis']): Redis | Cluster {
  if (isClient(redis)) return checkClient(redis)
  if (typeof redis === 'string') return new Redis(redis, CACHE_CLIENT)
  if (Array.isArray(redis)) return openCluster(redis as readonly string[])
  return new Redis({ ...CACHE_CLIENT, ...(redis as object) })
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
    // So that a failover is noticed also where nothing is asked of the server that is gone.
    slotsRefreshInterval: 2000,
    redisOptions: {
      ...CACHE_CLIENT,
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  })
}

/** @throws {ImproperlyConfiguredError} where the client would give wrong answers. */
function checkClient(client: Redis | Cluster): Redis | Cluster {
  if (!client.isCluster) return client
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
  return client
}
