import { isError } from '../../../checks/is-error.js'
import { realTime } from '../../../checks/real-time.js'
import type { Cluster, Redis, RedisOptions } from 'ioredis'
import { Attempts } from '../reasons/attempts.js'
import { bytesRead, bytesReadFrom, nodesOf } from '../ioredis/bytes-read.js'
import { type ClientEvent, listenTo } from '../ioredis/client-events.js'
import { databaseOf } from '../ioredis/database.js'
import { isClient } from '../ioredis/client-settings.js'
import { Deadlines } from './deadlines.js'
import type { RedisAddress } from '../../../contract/redis-address.js'
import type { Upkeep } from '../../../contract/upkeep.js'
import { reasonOf } from '../../../checks/reason.js'
import { slotsOf } from '../ioredis/cluster-slots.js'
import { slotOf } from '../ioredis/key-slot.js'
import { openClient, openOnce, openSubscriber } from '../ioredis/open-client.js'
import { isReply, withoutSecrets } from '../reasons/reply-error.js'
import type { Name } from './redis-name.js'
import type { Script } from '../scripts/script.js'
import { FOR_BYTES, FOR_TEXT, scripting } from '../ioredis/scripting.js'
import { serverAddress } from '../reasons/server-address.js'
import { Watchdog } from './watchdog.js'

/** The options of a client. */
export interface ClientOptions {
  readonly redis: RedisAddress
  /** How long a server may be silent. */
  readonly timeoutMs: number
  /** How many commands a process sends that no caller asked for. */
  readonly upkeep: Upkeep
}

/** How long to wait for the answer to QUIT. */
const QUIT_MS = 200

/** How often the slots of a Cluster are read, so that a failover is noticed even if nothing is sent to the lost server. */
const REFRESH_SLOTS_MS: Readonly<Record<Upkeep, number>> = { shared: 2000, low: 15_000 }

/** Settles as an answer does, or rejects when that takes too long. */
export type Limit = <T>(answer: Promise<T>) => Promise<T>

/** How a script is run. */
export interface RunOptions {
  /** The scripts that were sent to the server. */
  readonly known?: Set<Script>
  readonly limit?: Limit
  /** Whether text in the answer is given as bytes. */
  readonly asBytes?: boolean
}

/** Sends commands to one Redis server or to a Cluster, with a time limit. */
export class Client {
  readonly kind: 'redis' | 'cluster'
  readonly #redis: Redis | Cluster
  readonly #own: boolean
  readonly #deadlines: Deadlines<undefined>
  readonly #watchdog: Watchdog
  /** Our own subscribe connections. */
  readonly #subscribers = new Set<Redis>()
  readonly #stopListening: (() => void)[] = []
  #refresh: NodeJS.Timeout | undefined
  readonly #attempts: Attempts
  /** The database that was chosen when it was first connected. */
  #database: number | undefined
  #closed = false

  constructor({ redis, timeoutMs, upkeep }: ClientOptions) {
    this.#own = !isClient(redis)
    const judge = { sent: () => undefined, answered: () => undefined, failed: withoutSecrets }
    const signs = { bytesRead: () => bytesRead(this.#redis), carryMs: () => 0, onSilence: () => undefined }
    this.#deadlines = new Deadlines(timeoutMs, judge, signs)
    this.#redis = openClient(redis)
    this.kind = this.#redis.isCluster ? 'cluster' : 'redis'
    this.#watchdog = new Watchdog(() => this.#connections(), timeoutMs)
    this.#attempts = new Attempts(this)
    // The event `error` says why.
    if (this.#redis.status === 'wait') this.#redis.connect().catch(() => undefined)
    // A timer of our own: that of ioredis goes on forever if its client is closed during a refresh.
    if (this.#own && this.#redis.isCluster) {
      this.#refresh = realTime.setInterval(() => this.#refreshSlots(), REFRESH_SLOTS_MS[upkeep]).unref()
    }
  }

  /** Whether commands can be sent now. */
  get isReady(): boolean {
    return this.#redis.status === 'ready' && !this.#closed
  }

  /** As ioredis has it. */
  get status(): string {
    return this.#redis.status
  }

  /** Whether it speaks TLS. */
  get isSecure(): boolean {
    const { options } = this.#redis
    return Boolean('redisOptions' in options ? options.redisOptions?.tls : (options as RedisOptions).tls)
  }

  /** Where the server is, without credentials. */
  get address(): string {
    return serverAddress(this.#redis)
  }

  /** What tells the names of this client from those of another one: the server, the database, and the client's own prefix. */
  get place(): readonly [address: string, database: number, prefix: string] {
    return [this.address, databaseOf(this.#redis), this.ownPrefix]
  }

  /** Why there is no connection. `undefined` while there is one, and before the first attempt has failed. */
  get lastError(): unknown {
    return this.#attempts.lastError
  }

  /** Resolves when `lastError` says why the last attempt to connect has failed. */
  get reasonKnown(): Promise<void> {
    return this.#attempts.known
  }

  /** Calls the listener on an event of the connection, until the client is closed. */
  on(event: ClientEvent, listener: (...details: unknown[]) => void): void {
    this.#stopListening.push(listenTo(this.#redis, event, listener))
  }

  /** Sends one command and gives its answer within a time limit. */
  send<T>(command: (redis: Redis) => Promise<T>, limit: Limit = this.limit): Promise<T> {
    // A Cluster takes the same commands, and sends each where its key is.
    return limit(command(this.#redis as Redis))
  }

  /**
   * On a Cluster, all that `send` sends to one server leaves in one write. Many shards are on one server, and each write is a system call.
   */
  together(send: () => void): void {
    const streams = this.kind === 'cluster' ? this.masters().map(({ stream }) => stream) : []
    for (const stream of streams) stream?.cork()
    try {
      send()
    } finally {
      for (const stream of streams) stream?.uncork()
    }
  }

  /**
   * Runs a script. If `known` says that the server has it, only its SHA-1 is sent. Otherwise its source is sent, and added to `known` at
   * once. So scripts run in the order in which they are sent. Only if the server has forgotten a script, it is sent again.
   */
  async run(
    script: Script,
    keys: readonly Name[],
    args: readonly (string | Buffer | number)[],
    { known, limit, asBytes = false }: RunOptions = {},
  ): Promise<unknown> {
    const { bySource, byName } = asBytes ? FOR_BYTES : FOR_TEXT
    const teach = (): Promise<unknown> => {
      known?.add(script)
      return this.send((redis) => scripting(redis)[bySource](script.source, keys.length, ...keys, ...args), limit)
    }
    if (known?.has(script) === false) return teach()
    try {
      return await this.send((redis) => scripting(redis)[byName](script.sha1, keys.length, ...keys, ...args), limit)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      // The server has forgotten all scripts, or it is another server.
      known?.clear()
      return teach()
    }
  }

  /** Settles as the promise does, or rejects when that takes longer than one answer may. */
  readonly limit: Limit = (promise) => this.#deadlines.limit(promise)

  /** The servers that keep names: one, or the masters of a Cluster. */
  masters(): readonly Redis[] {
    return this.#redis.isCluster ? (this.#redis as Cluster).nodes('master') : [this.#redis as Redis]
  }

  /** The address of the server that keeps a name; `undefined` while a Cluster's slots are not known. */
  serverOf(name: string): string | undefined {
    if (!this.#redis.isCluster) return ''
    return slotsOf(this.#redis as Cluster)[slotOf(this.ownPrefix + name)]?.[0]
  }

  /** Gives a function that says how many bytes have arrived from the server that keeps a name. */
  bytesReadFrom(name: string): () => number {
    return bytesReadFrom(this.#redis, this.ownPrefix + name)
  }

  /** The prefix that the ioredis client puts before all names. */
  get ownPrefix(): string {
    return this.#redis.options.keyPrefix ?? ''
  }

  /** Whether the connection has ended and nobody makes it anew, unless its owner does. */
  get hasEnded(): boolean {
    return this.#redis.status === 'end'
  }

  /** That the owner of the client has selected another database than at first. Defined only while the client is there. */
  get strayed(): Error | undefined {
    const db = databaseOf(this.#redis)
    this.#database ??= db
    if (db === this.#database) return undefined
    return new Error(
      `the owner of the client has selected database ${db} in place of ${this.#database}: give the cache a client of its own`,
    )
  }

  /**
   * Selects the database again. ioredis stays in database 0 when the server refuses another, and tells that by an event alone.
   * @throws {Error} when the server does not have that database.
   */
  async select(): Promise<void> {
    const { strayed } = this
    if (strayed !== undefined) throw strayed
    const db = databaseOf(this.#redis)
    if (db === 0) return
    try {
      await this.send((redis) => redis.select(db))
    } catch (error) {
      if (!isReply(error)) throw error
      throw new Error(`Redis did not select database ${db}: ${reasonOf(error)}`, { cause: error })
    }
  }

  /** Whether these servers keep no names at all, of any owner. `false` also if the Redis user may not ask. */
  async isEmpty(): Promise<boolean> {
    try {
      const sizes = await Promise.all(this.masters().map((master) => this.limit(master.dbsize())))
      return sizes.every((size) => size === 0)
    } catch (error) {
      if (isReply(error)) return false
      throw error
    }
  }

  /**
   * One step of a SCAN of all names of one server that begin with `begin`. A name may come twice. Gives the next cursor, '0' at the end,
   * and the rest of each name after `begin`.
   */
  async scan(master: Redis, begin: string, cursor: string, count: number): Promise<[cursor: string, rest: string[]]> {
    // ioredis does not put the client's prefix before the pattern of SCAN.
    const whole = this.ownPrefix + begin
    const pattern = `${whole.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`
    const [next, names] = await this.limit(master.scan(cursor, 'MATCH', pattern, 'COUNT', count))
    const own = names.filter((name) => name.startsWith(whole)).map((name) => name.slice(whole.length))
    return [next, [...new Set(own)]]
  }

  /** A client of our own to one node of a Cluster, to connect to once. */
  openNode(): Redis | undefined {
    const [node] = this.#redis.isCluster ? (this.#redis as Cluster).nodes('all') : []
    return node && openOnce(node)
  }

  /** Our own subscribe client to one of the servers. Its owner connects it, and again after it has ended. */
  openSubscriber(master: Redis): Redis {
    const subscriber = openSubscriber(master)
    return subscriber
      .on('connecting', () => this.#subscribers.add(subscriber))
      .on('end', () => this.#subscribers.delete(subscriber))
  }

  /** Ends the connection, unless the client was passed in. */
  async close(): Promise<void> {
    if (this.#closed) return
    const wasReady = this.isReady
    this.#closed = true
    realTime.clearInterval(this.#refresh)
    this.#watchdog.close()
    this.#attempts.close()
    for (const stop of this.#stopListening) stop()
    if (this.#own) {
      // Without a listener ioredis prints errors, and one may still come.
      this.#redis.on('error', () => undefined)
      const goodbye = realTime.pause(QUIT_MS, { ref: false })
      if (wasReady) await Promise.race([this.#redis.quit(), goodbye]).catch(() => 'gone already')
      this.#redis.disconnect()
    }
    this.#deadlines.close()
  }

  #refreshSlots(): void {
    if (this.isReady) (this.#redis as Cluster).refreshSlotsCache()
  }

  /** The connections that the watchdog may close. A client that was passed in is not one of them. */
  #connections(): readonly Redis[] {
    if (!this.#own) return [...this.#subscribers]
    return [...nodesOf(this.#redis), ...this.#subscribers]
  }
}

function isUnknownScript(error: unknown): boolean {
  return isError(error) && error.message.startsWith('NOSCRIPT')
}
