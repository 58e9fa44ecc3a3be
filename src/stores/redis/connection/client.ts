import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import { isClient } from './client-settings.js'
import { Deadlines } from './deadlines.js'
import type { RedisAddress } from '../../../contract/redis-address.js'
import { openClient, openSubscriber } from './open-client.js'
import { withoutSecrets } from './reply-error.js'
import type { Name } from './redis-name.js'
import type { Script } from '../scripts/script.js'
import { Watchdog } from './watchdog.js'

/** What a client tells its owner. */
export interface ClientOptions {
  readonly redis: RedisAddress
  /** How long one answer may take. */
  readonly timeoutMs: number
}

/** How long the server may take to say goodbye. */
const QUIT_MS = 200

/** So that a failover of a Cluster is noticed also where nothing is asked of the server that is gone. */
const REFRESH_SLOTS_MS = 2000

/** Settles as an answer does, or rejects when that takes too long. */
export type Limit = <T>(answer: Promise<T>) => Promise<T>

/** How a script is run. */
export interface RunOptions {
  /** The scripts that the server has been sent. */
  readonly known?: Set<Script>
  readonly limit?: Limit
  /** Whether text in the answer is given as bytes. */
  readonly asBytes?: boolean
}

/** One Redis server, or all of a Cluster: commands within a time limit. */
export class Client {
  readonly kind: 'redis' | 'cluster'
  readonly #redis: Redis | Cluster
  readonly #own: boolean
  readonly #deadlines: Deadlines
  readonly #watchdog: Watchdog
  /** Connections of our own for messages. */
  readonly #subscribers = new Set<Redis>()
  readonly #listeners: [event: string, listener: (...args: unknown[]) => void][] = []
  #refresh: NodeJS.Timeout | undefined
  #lastError: unknown
  #closed = false

  constructor({ redis, timeoutMs }: ClientOptions) {
    this.#own = !isClient(redis)
    this.#deadlines = new Deadlines(timeoutMs, { answered: () => undefined, failed: withoutSecrets })
    this.#redis = openClient(redis)
    this.kind = this.#redis.isCluster ? 'cluster' : 'redis'
    this.#watchdog = new Watchdog(() => this.#connections(), timeoutMs)
    const note = (error: unknown): void => {
      this.#lastError = withoutSecrets(error)
    }
    this.on('error', note)
    if (this.#redis.status === 'wait') this.#redis.connect().catch(note)
    // By a timer of our own: that of ioredis goes on for ever where its client is closed while it refreshes.
    if (this.#own && this.#redis.isCluster) {
      this.#refresh = setInterval(() => this.#refreshSlots(), REFRESH_SLOTS_MS).unref()
    }
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
  on(event: 'ready' | 'close' | 'error' | 'refresh' | '+node', listener: (...args: unknown[]) => void): void {
    this.#redis.on(event, listener)
    this.#listeners.push([event, listener])
  }

  /** Sends one command and gives its answer within a time limit. */
  send<T>(command: (redis: Redis) => Promise<T>, limit: Limit = this.limit): Promise<T> {
    // A Cluster takes the same commands, and sends each where its key is.
    return limit(command(this.#redis as Redis))
  }

  /** On a Cluster, all that is sent meanwhile to one of its servers leaves in one write: it goes to many shards, and each write is a call of the system. */
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
   * Runs a script: by its name where the server has been sent it before, as `known` says, which takes note of it. What is sent first
   * teaches the server, so that scripts are carried out in the order in which they are sent; only where the server has forgotten them
   * since, one is sent again.
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
      // It has forgotten all, or is another one.
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

  /** What the client puts before all names. */
  get ownPrefix(): string {
    return this.#redis.options.keyPrefix ?? ''
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
    const whole = this.ownPrefix + begin
    const pattern = `${whole.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`
    const [next, names] = await this.limit(master.scan(cursor, 'MATCH', pattern, 'COUNT', count))
    const own = names.filter((name) => name.startsWith(whole)).map((name) => name.slice(whole.length))
    return [next, [...new Set(own)]]
  }

  /** A client of our own to one of the servers, for messages. Its owner connects it, and again after it has ended. */
  openSubscriber(master: Redis): Redis {
    const subscriber = openSubscriber(master)
    return subscriber
      .on('connecting', () => this.#subscribers.add(subscriber))
      .on('end', () => this.#subscribers.delete(subscriber))
  }

  /** Ends the connection, unless the client is somebody else's. */
  async close(): Promise<void> {
    if (this.#closed) return
    const wasReady = this.isReady
    this.#closed = true
    clearInterval(this.#refresh)
    this.#watchdog.close()
    for (const [event, listener] of this.#listeners)
      if (event !== 'error' || !this.#own) this.#redis.off(event, listener)
    if (this.#own) {
      const goodbye = delay(QUIT_MS, undefined, { ref: false })
      if (wasReady) await Promise.race([this.#redis.quit(), goodbye]).catch(() => 'gone already')
      this.#redis.disconnect()
    }
    this.#deadlines.close()
  }

  #refreshSlots(): void {
    if (this.isReady) (this.#redis as Cluster).refreshSlotsCache()
  }

  /** Those that may be closed: what somebody gave us stays as it is. */
  #connections(): readonly Redis[] {
    if (!this.#own) return [...this.#subscribers]
    const own = this.#redis.isCluster ? (this.#redis as Cluster).nodes() : [this.#redis as Redis]
    return [...own, ...this.#subscribers]
  }
}

/** What ioredis has and its types do not. `callBuffer` would lose the command's name where the owner of a client has it pipeline by itself. */
type Scripting = Record<
  'eval' | 'evalsha' | 'evalBuffer' | 'evalshaBuffer',
  (script: string, keys: number, ...args: readonly (string | Buffer | number)[]) => Promise<unknown>
>

const FOR_TEXT = { bySource: 'eval', byName: 'evalsha' } as const
const FOR_BYTES = { bySource: 'evalBuffer', byName: 'evalshaBuffer' } as const

function scripting(redis: Redis): Scripting {
  return redis as unknown as Scripting
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
