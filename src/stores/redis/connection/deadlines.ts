import { realTime } from '../../../checks/real-time.js'
import { isAnswer } from '../reasons/reply-error.js'

/** No answer to a command came within the time limit. The server may still carry it out. */
export class DeadlineError extends Error {
  constructor(limitMs: number) {
    super(`no answer within ${Math.round(limitMs)} ms`)
    this.name = 'DeadlineError'
  }
}

/** What tells a slow server from a silent one. */
export interface Signs {
  /** A number that grows with every byte that arrives from the server. */
  readonly bytesRead: () => number
  /** How long all that is on its way to the server takes to get there, in ms. */
  readonly carryMs: () => number
  /** Called when something has waited for the whole time limit, and nothing at all has arrived for as long. */
  readonly onSilence: (silentMs: number) => void
}

/** The callbacks for how each promise ends. */
export interface Judge<Sent> {
  /** Called when a promise begins to wait. `answered` and `failed` get what it gives. */
  readonly sent: () => Sent
  readonly answered: (sent: Sent) => void
  /** Gives the error that the caller gets instead. */
  readonly failed: (error: unknown, sent: Sent) => unknown
}

interface Waiting {
  readonly sinceMs: number
  readonly carryMs: number
  readonly giveUp: () => void
}

/** However slowly bytes arrive, a promise waits for this many times the time limit at most. */
export const LONGEST_WAIT = 8
/** The part of the time limit after which it is looked again whether bytes have arrived. */
const LOOK_SHARE = 0.1
/** If a timer is later than this, the event loop was blocked. */
const LATE_MS = 50
/** After the event loop was blocked, answers get this much more time. */
const SPARE_MS = 100

/**
 * Gives up on promises when the server has been silent for a time limit. The time of each begins anew with every answer to another one and
 * with every byte that arrives, up to eight times the limit. One timer serves all of them. Time in which the event loop was blocked does not
 * count against the server.
 */
export class Deadlines<Sent> {
  readonly #timeoutMs: number
  readonly #judge: Judge<Sent>
  readonly #signs: Signs | undefined
  readonly #waiting = new Set<Waiting>()
  #aliveMs = 0
  #bytesRead = 0
  #timer: NodeJS.Timeout | undefined
  #dueMs = 0
  #spared = false
  #closed = false

  /** Without `signs`, the limit is the same whatever arrives. */
  constructor(timeoutMs: number, judge: Judge<Sent>, signs?: Signs) {
    this.#timeoutMs = timeoutMs
    this.#judge = judge
    this.#signs = signs
  }

  /** When the last answer or byte came, as far as was looked, on this process's monotonic clock; 0 before the first one. */
  get aliveMs(): number {
    return this.#aliveMs
  }

  /** Settles as the promise does, or fails with a `DeadlineError` when that takes too long. */
  limit<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const sent = this.#judge.sent()
      const fail = (error: unknown): void => reject(this.#judge.failed(error, sent))
      const waiting: Waiting = {
        sinceMs: realTime.nowMs(),
        carryMs: this.#signs?.carryMs() ?? 0,
        giveUp: () => fail(new DeadlineError(this.#dueMsOf(waiting) - waiting.sinceMs)),
      }
      this.#waiting.add(waiting)
      // After `close` no timer is needed, because the connection is closed. It would only keep the process alive.
      if (this.#timer === undefined && !this.#closed) this.#begin()
      promise.then(
        (value) => {
          this.#aliveMs = realTime.nowMs()
          if (!this.#waiting.delete(waiting)) return
          this.#judge.answered(sent)
          resolve(value)
        },
        (error: unknown) => {
          // What ioredis itself gave up on is no sign of the server.
          if (isAnswer(error)) this.#aliveMs = realTime.nowMs()
          if (this.#waiting.delete(waiting)) fail(error)
        },
      )
    })
  }

  close(): void {
    this.#closed = true
    realTime.clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { giveUp } of this.#waiting) giveUp()
    this.#waiting.clear()
  }

  #begin(): void {
    this.#bytesRead = this.#signs?.bytesRead() ?? 0
    this.#wakeIn(this.#lookEveryMs)
  }

  get #lookEveryMs(): number {
    return this.#signs === undefined ? this.#timeoutMs : LOOK_SHARE * this.#timeoutMs
  }

  /** When somebody is given up on. */
  #dueMsOf({ sinceMs, carryMs }: Waiting): number {
    if (this.#signs === undefined) return sinceMs + this.#timeoutMs
    const beganMs = Math.max(sinceMs, this.#aliveMs) + carryMs
    return Math.min(beganMs, sinceMs + (LONGEST_WAIT - 1) * this.#timeoutMs) + this.#timeoutMs
  }

  #wakeIn(ms: number): void {
    const delayMs = Math.max(1, ms)
    this.#dueMs = realTime.nowMs() + delayMs
    this.#timer = realTime.setTimeout(this.#wake, delayMs)
  }

  readonly #wake = (): void => {
    const nowMs = realTime.nowMs()
    const [oldest] = this.#waiting
    // A late look does no harm. Only those who would be given up on are spared.
    const isLate = nowMs - this.#dueMs > LATE_MS && oldest !== undefined && this.#dueMsOf(oldest) <= nowMs
    // Only once, so that a process whose event loop is always late still notices a server that hangs.
    if (isLate && !this.#spared) {
      this.#spared = true
      this.#wakeIn(SPARE_MS)
    } else {
      this.#spared = false
      // One more turn of the event loop, so that what is already in the socket still counts.
      realTime.setImmediate(this.#check)
    }
  }

  readonly #check = (): void => {
    if (this.#timer === undefined) return
    this.#timer = undefined
    const nowMs = realTime.nowMs()
    this.#look(nowMs)
    for (const waiting of this.#waiting) {
      // Redis answers in order, so nobody behind can have been answered.
      if (this.#dueMsOf(waiting) > nowMs) break
      const silentMs = nowMs - Math.max(waiting.sinceMs, this.#aliveMs)
      if (silentMs >= this.#timeoutMs) this.#signs?.onSilence(silentMs)
      this.#waiting.delete(waiting)
      waiting.giveUp()
    }
    const [next] = this.#waiting
    if (next === undefined || this.#timer !== undefined) return
    this.#wakeIn(Math.min(this.#dueMsOf(next) - nowMs, this.#lookEveryMs))
  }

  #look(nowMs: number): void {
    const bytesRead = this.#signs?.bytesRead() ?? 0
    // A new connection counts from 0, and is not a sign that the server answers.
    if (bytesRead > this.#bytesRead) this.#aliveMs = nowMs
    this.#bytesRead = bytesRead
  }
}
