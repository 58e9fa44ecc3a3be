import { setTimeout as delay } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import { Deadlines } from './deadlines.js'
import type { Script } from './script.js'
import { ServerClock } from './server-clock.js'

/** What a connection tells its owner. */
export interface ConnectionOptions {
  /** A URL, options for a client of our own, or a client that stays its owner's. */
  readonly redis: string | RedisOptions | Redis
  /** How long one answer may take. */
  readonly timeoutMs: number
  /** Called on each change between answering and not answering. */
  readonly onState: (up: boolean, error: unknown) => void
}

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
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** (attempt - 1), 500) + Math.floor(Math.random() * 100),
} satisfies RedisOptions

const CLOCK_EVERY_MS = 1000
/** How long the server may take to say goodbye. */
const QUIT_MS = 400

/** One Redis server: commands within a time limit, the server's clock, and whether it answers. */
export class Connection {
  readonly clock: ServerClock = new ServerClock()
  readonly #client: Redis
  readonly #own: boolean
  readonly #deadlines: Deadlines
  readonly #timeoutMs: number
  readonly #onState: (up: boolean, error: unknown) => void
  readonly #startedMs = performance.now()
  readonly #tick: NodeJS.Timeout
  /** Those who wait for the first connection. */
  #waiting: (() => void)[] = []
  #everUp = false
  #everReported = false
  #up = false
  #since = new Date()
  #lastError: unknown
  #closed = false

  constructor({ redis, timeoutMs, onState }: ConnectionOptions) {
    this.#own = !isClient(redis)
    this.#timeoutMs = timeoutMs
    this.#onState = onState
    this.#deadlines = new Deadlines(timeoutMs)
    this.#client = openClient(redis)
    this.#client.on('ready', this.#onReady)
    this.#client.on('close', this.#onClose)
    this.#client.on('error', this.#onError)
    if (this.#client.status === 'ready') this.#onReady()
    else if (this.#client.status === 'wait') this.#client.connect().catch(this.#onError)
    this.#tick = setInterval(() => this.#readClock(), CLOCK_EVERY_MS).unref()
  }

  get up(): boolean {
    return this.#up
  }

  /** Since when it answers, or does not. */
  get since(): Date {
    return this.#since
  }

  /**
   * Sends one command and gives its answer within the time limit. Until the first connection stands it waits for it, within the
   * same limit; later it fails at once while there is none.
   */
  async send<T>(command: (client: Redis) => Promise<T>): Promise<T> {
    if (!this.#up) await this.#firstConnection()
    return this.#deadlines.limit(command(this.#client))
  }

  /** Runs a script by its name, and teaches it to a server that does not know it. */
  async run(script: Script, keys: readonly string[], args: readonly (string | Buffer | number)[]): Promise<unknown> {
    try {
      return await this.send((client) => client.evalsha(script.sha1, keys.length, ...keys, ...args))
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return this.send((client) => client.eval(script.source, keys.length, ...keys, ...args))
    }
  }

  /** The same, with text in the answer as bytes. */
  async runForBytes(
    script: Script,
    keys: readonly string[],
    args: readonly (string | Buffer | number)[],
  ): Promise<unknown> {
    try {
      return await this.send((client) => client.callBuffer('evalsha', script.sha1, keys.length, ...keys, ...args))
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return this.send((client) => client.callBuffer('eval', script.source, keys.length, ...keys, ...args))
    }
  }

  /**
   * A step of a walk over all names that begin with these words, as SCAN gives them: some maybe twice. Gives the next cursor, '0' at
   * the end, and what follows the words in each name.
   */
  async scan(begin: string, cursor: string, count: number): Promise<[cursor: string, rest: string[]]> {
    // SCAN knows nothing of a prefix that the client puts before keys.
    const whole = (this.#client.options.keyPrefix ?? '') + begin
    const pattern = `${whole.replaceAll(/[\\*?[\]]/g, String.raw`\$&`)}*`
    const [next, names] = await this.send((client) => client.scan(cursor, 'MATCH', pattern, 'COUNT', count))
    return [next, names.filter((name) => name.startsWith(whole)).map((name) => name.slice(whole.length))]
  }

  /** A client of our own to the same server, for messages. */
  openSubscriber(): Redis {
    // Protocol 2, since ioredis drops the push messages of protocol 3 that tracking needs; what was subscribed is told anew on each ready.
    return this.#client.duplicate({
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
    this.#closed = true
    clearInterval(this.#tick)
    this.#client.off('ready', this.#onReady)
    this.#client.off('close', this.#onClose)
    if (this.#own && this.#up) {
      await Promise.race([this.#client.quit(), delay(QUIT_MS, undefined, { ref: false })]).catch(() => 'gone already')
    }
    if (this.#own) this.#client.disconnect()
    else this.#client.off('error', this.#onError)
    this.#deadlines.close()
    this.#wake()
  }

  readonly #onReady = (): void => {
    this.clock.restart()
    this.#readClock()
  }

  readonly #onClose = (): void => this.#setUp(false, this.#lastError)

  readonly #onError = (error: unknown): void => {
    this.#lastError = error
  }

  /** Each reading of the clock is also the sign that the server answers. */
  #readClock(): void {
    if (this.#client.status !== 'ready' || this.#closed) return
    const sentMs = performance.now()
    this.#deadlines.limit(this.#client.time()).then(
      ([seconds, microseconds]) => {
        this.clock.add(Number(seconds) * 1000 + Number(microseconds) / 1000, sentMs, performance.now())
        this.#setUp(true, undefined)
      },
      (error: unknown) => this.#setUp(false, error),
    )
  }

  #setUp(up: boolean, error: unknown): void {
    if (this.#closed) return
    if (up) this.#wake()
    if (up === this.#up && (up || this.#everReported)) return
    this.#up = up
    this.#everUp ||= up
    this.#everReported = true
    this.#since = new Date()
    this.#onState(up, error)
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  async #firstConnection(): Promise<void> {
    const starting = performance.now() - this.#startedMs < this.#timeoutMs || this.#lastError === undefined
    if (!this.#everUp && !this.#closed && starting) {
      await this.#deadlines.limit(new Promise<void>((resolve) => this.#waiting.push(resolve)))
    }
    if (!this.#up) throw new Error('not connected to Redis', { cause: this.#lastError })
  }
}

/** Whether somebody gave us a client of theirs, be it of another copy of ioredis. */
function isClient(redis: string | RedisOptions | Redis): redis is Redis {
  return typeof redis === 'object' && 'evalsha' in redis && 'status' in redis
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

function openClient(redis: string | RedisOptions | Redis): Redis {
  if (isClient(redis)) return redis
  return typeof redis === 'string'
    ? new Redis(redis, CACHE_CLIENT)
    : new Redis({ ...CACHE_CLIENT, ...(redis as object) })
}
