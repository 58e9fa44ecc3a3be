import { isError } from '../../../checks/is-error.js'
import { realTime } from '../../../checks/real-time.js'
import type { Redis } from 'ioredis'
import type { Outage } from '../../../contract/store.js'
import { Breaker } from './breaker.js'
import { ChangedAnswer } from '../reasons/changed-answer.js'
import { Deadlines, LONGEST_WAIT } from './deadlines.js'
import type { Client, Limit, RunOptions } from './client.js'
import { LateAnswer } from '../reasons/late-answer.js'
import { reasonOf } from '../../../checks/reason.js'
import type { Name } from './redis-name.js'
import { withoutSecrets } from '../reasons/reply-error.js'
import type { Script } from '../scripts/script.js'
import { ServerClock } from './server-clock.js'
import { TIME } from '../scripts/time-script.js'
import { Uplink } from './uplink.js'

/** A command of fewer bytes takes no time that would have to be counted. */
const LIGHT_BYTES = 16_384

/** A clock that was read this long ago is read again where what it says is surprising. */
const CLOCK_DOUBTED_MS = 500

/** How long an answer may take that is measured, to say how far away the server is. */
const MEASURED_MS = 1000

/**
 * The connection to the server that keeps one shard: its clock, and whether it answers. It is up from an answered probe until a probe
 * fails, the connection is lost, or the breaker opens. Then all calls fail at once until a probe is answered.
 */
export class Connection {
  readonly clock: ServerClock = new ServerClock()
  readonly #client: Client
  readonly #names: readonly Name[]
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
  #explaining: Promise<unknown> | undefined
  #closed = false

  /**
   * `names` are some names of the shard, which must be on one server. `onOpen` is called when the breaker finds that the server does not
   * answer, `onOutageEnd` when it answers again, before anybody gets that answer.
   */
  constructor(
    client: Client,
    names: readonly Name[],
    timeoutMs: number,
    onOpen: () => void,
    onOutageEnd: (outage: Outage) => void,
  ) {
    this.#client = client
    this.#names = names
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
      bytesRead: client.bytesReadFrom(String(names[0])),
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

  /**
   * Reads the server's clock. The answer also shows that the server is up. It counts for `others` too, those that are up of the same server.
   * A failure does not, because it may be of one slot: each of them is probed then. Never rejects.
   */
  probe(others: readonly Connection[] = []): Promise<void> {
    this.#probing ??= this.#readClock(others).finally(() => {
      this.#probing = undefined
    })
    return this.#probing
  }

  /**
   * Reads the server's clock again, unless that was done a moment ago. To be called where the clock matters and may have been set: until it
   * is read, all that is fresh would count as gone, or nothing could be written.
   */
  doubtClock(): void {
    if (this.#up && this.clock.ageMs > CLOCK_DOUBTED_MS) void this.probe()
  }

  /** Another server may answer from now on. */
  restart(): void {
    this.clock.restart()
    this.#known.clear()
  }

  /** The server cannot be used: because of `error`, or else because the connection is gone. */
  lose(error?: unknown): void {
    // Until then it was there, and would have told of changes.
    if (this.#up) this.#breaker.outages.begin(realTime.nowMs())
    this.#setUp(false, error)
  }

  /** Why the server did not answer: the error, or a better one. A server that is only far away does answer, but too late. */
  explain(failure: unknown): Promise<unknown> {
    this.#explaining ??= this.#measured(failure).finally(() => {
      this.#explaining = undefined
    })
    return this.#explaining
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

  async #readClock(others: readonly Connection[]): Promise<void> {
    const sentMs = realTime.nowMs()
    try {
      const serverMs = await this.#serverTime(this.#breaker.judge)
      const answeredMs = realTime.nowMs()
      for (const each of [this, ...others.filter(({ up }) => up)]) {
        each.clock.add(serverMs, sentMs, answeredMs)
        each.#setUp(true, undefined)
      }
    } catch (error) {
      this.#setUp(false, error)
      for (const other of others) void other.probe()
      void this.explain(error).then((better) => {
        if (!this.#up && this.#lastError === error) this.#lastError = better
      })
    }
  }

  /** The server's clock, in ms since 1970. */
  async #serverTime(limit: Limit): Promise<number> {
    const reply = await this.#client.run(TIME, this.#names, [], { known: this.#known, limit })
    const [seconds, microseconds] = Array.isArray(reply) ? (reply as unknown[]) : []
    const timeMs = Number(seconds) * 1000 + Number(microseconds) / 1000
    if (Number.isNaN(timeMs)) throw new ChangedAnswer('EVAL')
    return timeMs
  }

  /** Never rejects. */
  async #measured(error: unknown): Promise<unknown> {
    if (!isError(error) || error.name !== 'DeadlineError') return error
    const sentMs = realTime.nowMs()
    const patient = new Deadlines(Math.max(MEASURED_MS, 2 * this.#timeoutMs), {
      sent: () => undefined,
      answered: () => undefined,
      failed: (failure) => failure,
    })
    try {
      await this.#serverTime((answer) => patient.limit(answer))
    } catch {
      return error
    } finally {
      patient.close()
    }
    const tookMs = Math.round(realTime.nowMs() - sentMs)
    return tookMs > this.#timeoutMs ? new LateAnswer(tookMs, this.#timeoutMs, error) : error
  }

  #open(error: unknown): void {
    if (!this.#up || this.#closed) return
    this.#setUp(false, withoutSecrets(error))
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
        if (this.lastError === undefined) this.#lastError = error
      }
    }
    if (this.#up) return
    const { lastError } = this
    const reason = lastError === undefined ? '' : `: ${reasonOf(lastError)}`
    throw new Error(`not connected to Redis${reason}`, { cause: lastError })
  }
}
