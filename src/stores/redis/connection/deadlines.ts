import { realTime } from '../../../checks/real-time.js'

/** No answer to a command came within the time limit. The server may still carry it out. */
export class DeadlineError extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
    this.name = 'DeadlineError'
  }
}

/** The report that something waits, and nothing at all was answered for some time. */
export interface Silence {
  /** After how many ms without an answer. Called each time. */
  readonly afterMs: () => number
  readonly tell: (silentMs: number) => void
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
  readonly giveUp: () => void
}

/** If a timer is later than this, the event loop was blocked. */
const LATE_MS = 50
/** After the event loop was blocked, answers get this much more time. */
const SPARE_MS = 100

/**
 * Gives up on promises that take longer than a time limit. One timer serves all of them: the limit is the same for all, so they fall due in
 * the order in which they came. Time in which the event loop was blocked does not count against the server.
 */
export class Deadlines<Sent> {
  readonly #timeoutMs: number
  readonly #judge: Judge<Sent>
  readonly #silence: Silence | undefined
  readonly #waiting = new Set<Waiting>()
  #answeredMs = 0
  #timer: NodeJS.Timeout | undefined
  #dueMs = 0
  #spared = false
  #closed = false

  constructor(timeoutMs: number, judge: Judge<Sent>, silence?: Silence) {
    this.#timeoutMs = timeoutMs
    this.#judge = judge
    this.#silence = silence
  }

  /** When the last answer came, on this process's monotonic clock; 0 before the first one. */
  get answeredMs(): number {
    return this.#answeredMs
  }

  /** Settles as the promise does, or fails with a `DeadlineError` when that takes too long. */
  limit<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const sent = this.#judge.sent()
      const fail = (error: unknown): void => reject(this.#judge.failed(error, sent))
      const waiting = { sinceMs: realTime.nowMs(), giveUp: () => fail(new DeadlineError(this.#timeoutMs)) }
      this.#waiting.add(waiting)
      // After `close` no timer is needed, because the connection is closed. It would only keep the process alive.
      if (this.#timer === undefined && !this.#closed) this.#wakeIn(this.#firstLookMs())
      promise.then(
        (value) => {
          this.#answeredMs = realTime.nowMs()
          if (!this.#waiting.delete(waiting)) return
          this.#judge.answered(sent)
          resolve(value)
        },
        (error: unknown) => {
          this.#answeredMs = realTime.nowMs()
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

  #firstLookMs(): number {
    return Math.min(this.#timeoutMs, this.#silence?.afterMs() ?? Infinity)
  }

  #wakeIn(ms: number): void {
    const delayMs = Math.max(1, ms)
    this.#dueMs = realTime.nowMs() + delayMs
    this.#timer = realTime.setTimeout(this.#wake, delayMs)
  }

  readonly #wake = (): void => {
    const isLate = realTime.nowMs() - this.#dueMs > LATE_MS
    // Only once, so that a process whose event loop is always late still notices a server that hangs.
    if (isLate && !this.#spared) {
      this.#spared = true
      this.#wakeIn(SPARE_MS)
    } else {
      this.#spared = false
      // One more turn of the event loop, so that answers that are already in the socket still count.
      realTime.setImmediate(this.#check)
    }
  }

  readonly #check = (): void => {
    if (this.#timer === undefined) return
    this.#timer = undefined
    const nowMs = realTime.nowMs()
    const [oldest] = this.#waiting
    if (oldest === undefined) return
    const quietMs = this.#silence?.afterMs() ?? Infinity
    const silentMs = nowMs - Math.max(oldest.sinceMs, this.#answeredMs)
    if (silentMs >= quietMs) this.#silence?.tell(silentMs)
    for (const waiting of this.#waiting) {
      if (waiting.sinceMs + this.#timeoutMs > nowMs) break
      this.#waiting.delete(waiting)
      waiting.giveUp()
    }
    const [next] = this.#waiting
    if (next === undefined || this.#timer !== undefined) return
    const dueInMs = next.sinceMs + this.#timeoutMs - nowMs
    this.#wakeIn(silentMs < quietMs ? Math.min(dueInMs, quietMs - silentMs) : dueInMs)
  }
}
