import { realTime } from '../../../checks/real-time.js'
import type { Redis } from 'ioredis'
import type { Outage } from '../../../contract/store.js'
import { Breaker } from './breaker.js'
import type { Client, Limit, RunOptions } from './client.js'
import { Deadlines, LONGEST_WAIT } from './deadlines.js'
import type { Name } from './redis-name.js'
import type { Script } from '../scripts/script.js'
import { withoutSecrets } from './reply-error.js'
import { ServerClock } from './server-clock.js'
import { TIME } from '../scripts/time-script.js'
import { Uplink } from './uplink.js'

/** A command of fewer bytes takes no time that would have to be counted. */
const LIGHT_BYTES = 16_384

/**
 * The connection to the server that keeps one shard: its clock, and whether it answers. It is up from an answered probe until a probe
 * fails, the connection is lost, or the breaker opens. Then all calls fail at once until a probe is answered.
 */
export class Connection {
  readonly clock: ServerClock = new ServerClock()
  readonly #client: Client
  readonly #name: string
  readonly #timeoutMs: number
  readonly #breaker: Breaker
  readonly #uplink: Uplink
  /** How long the first connection is waited for. What arrives before it does not make that longer. */
  readonly #starting: Deadlines<undefined>
  readonly #onOpen: () => void
  /** The scripts that the server of this shard knows. */
  readonly #known = new Set<Script>()
  readonly #running: RunOptions
  readonly #runningForBytes: RunOptions
  readonly #startedMs = realTime.nowMs()
  /** The calls that wait for the first answer. */
  #waiting: (() => void)[] = []
  #everUp = false
  #up = false
  #lastError: unknown
  #probing: Promise<void> | undefined
  #closed = false

  /**
   * `name` is any name of the shard. `onOpen` is called when the breaker finds that the server does not answer, `onOutageEnd` when it
   * answers again, before anybody gets that answer.
   */
  constructor(
    client: Client,
    name: string,
    timeoutMs: number,
    onOpen: () => void,
    onOutageEnd: (outage: Outage) => void,
  ) {
    this.#client = client
    this.#name = name
    this.#timeoutMs = timeoutMs
    this.#onOpen = onOpen
    this.#uplink = new Uplink((LONGEST_WAIT - 1) * timeoutMs)
    this.#starting = new Deadlines(timeoutMs, {
      sent: () => undefined,
      answered: () => undefined,
      failed: withoutSecrets,
    })
    this.#breaker = new Breaker({
      timeoutMs,
      bytesRead: client.bytesReadFrom(name),
      carryMs: () => this.#uplink.carryMs(),
      open: (error) => this.#open(error),
      onOutageEnd,
    })
    this.#running = { known: this.#known, limit: this.#breaker.judge }
    this.#runningForBytes = { ...this.#running, asBytes: true }
    this.#breaker.outages.begin()
  }

  get up(): boolean {
    return this.#up
  }

  /** The present outage of the server: while it is not up, and when a command was not answered in time. */
  get outage(): Outage | undefined {
    return this.#breaker.outages.current
  }

  /**
   * The deadline of a command of so many bytes that is sent now, in ms on the server's clock. After that the caller may have been told that
   * it failed, so the server must not carry it out. That bytes arrive does not make it later, because a write that is late by seconds could
   * replace a newer one.
   */
  deadlineOf(bytes = 0): number {
    const limitMs = this.#timeoutMs + this.#uplink.carryMs(bytes)
    return Math.floor(this.clock.now() - this.clock.uncertaintyMs + limitMs)
  }

  /** Why the server does not answer. */
  get lastError(): unknown {
    return this.#lastError ?? this.#client.lastError
  }

  /**
   * Sends one command and gives its answer within the time limit. Before the first connection is up, it waits for that, within the same
   * limit. Later it fails at once while there is no connection.
   */
  send<T>(command: (redis: Redis) => Promise<T>): Promise<T> {
    const send = (): Promise<T> => this.#client.send(command, this.#breaker.judge)
    return this.#up ? send() : this.#firstConnection().then(send)
  }

  /** As `Client.run`, but waits and fails as `send` does. `bytes`: how many it sends, about, if they may be many. */
  run(script: Script, keys: readonly Name[], args: readonly (string | Buffer | number)[], bytes = 0): Promise<unknown> {
    const options = bytes < LIGHT_BYTES ? this.#running : this.#carrying(bytes)
    const run = (): Promise<unknown> => this.#client.run(script, keys, args, options)
    return this.#up ? run() : this.#firstConnection().then(run)
  }

  /** The same, with text in the answer as bytes. */
  runForBytes(script: Script, keys: readonly Name[], args: readonly (string | Buffer | number)[]): Promise<unknown> {
    const run = (): Promise<unknown> => this.#client.run(script, keys, args, this.#runningForBytes)
    return this.#up ? run() : this.#firstConnection().then(run)
  }

  /** Reads the server's clock. The answer also shows that the server is up. Never rejects. */
  probe(): Promise<void> {
    this.#probing ??= this.#readClock().finally(() => {
      this.#probing = undefined
    })
    return this.#probing
  }

  /** Another server may answer from now on. */
  restart(): void {
    this.clock.restart()
    this.#known.clear()
  }

  /** The connection is gone, or what it leads to is of no use. */
  lose(error: unknown = this.#client.lastError): void {
    // Until then it was there, and would have told of changes.
    if (this.#up) this.#breaker.outages.begin(realTime.nowMs())
    this.#setUp(false, error)
  }

  close(): void {
    this.#closed = true
    this.#up = false
    this.#breaker.close()
    this.#starting.close()
    this.#wake()
  }

  #carrying(bytes: number): RunOptions {
    const limit: Limit = (answer) => {
      this.#uplink.carry(bytes, answer)
      return this.#breaker.judge(answer)
    }
    return { known: this.#known, limit }
  }

  async #readClock(): Promise<void> {
    const sentMs = realTime.nowMs()
    try {
      const answer = await this.#client.run(TIME, [this.#name], [], this.#running)
      const [seconds, microseconds] = answer as [string, string]
      this.clock.add(Number(seconds) * 1000 + Number(microseconds) / 1000, sentMs, realTime.nowMs())
      this.#setUp(true, undefined)
    } catch (error) {
      this.#setUp(false, error)
    }
  }

  #open(error: unknown): void {
    if (!this.#up || this.#closed) return
    this.#setUp(false, error)
    this.#onOpen()
  }

  #setUp(up: boolean, error: unknown): void {
    if (this.#closed) return
    this.#lastError = error
    this.#up = up
    this.#everUp ||= up
    if (!up) {
      this.#breaker.outages.begin()
      return
    }
    this.#breaker.outages.end()
    this.#breaker.reset()
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const go of waiting) go()
  }

  async #firstConnection(): Promise<void> {
    const starting = realTime.nowMs() - this.#startedMs < this.#timeoutMs || this.lastError === undefined
    if (!this.#everUp && !this.#closed && starting) {
      try {
        await this.#starting.limit(new Promise<void>((resolve) => this.#waiting.push(resolve)))
      } catch (error) {
        // Later calls then fail at once instead of waiting in vain.
        this.#lastError ??= error
      }
    }
    if (!this.#up) throw new Error('not connected to Redis', { cause: this.lastError })
  }
}
