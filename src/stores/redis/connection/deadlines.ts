/** A command was given up on: no answer came within the time limit. It may still be carried out. */
export class DeadlineError extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
    this.name = 'DeadlineError'
  }
}

/** What is told when something waits and nothing at all was answered for some time. */
export interface Silence {
  /** After how many ms. Asked each time. */
  readonly afterMs: () => number
  readonly tell: (silentMs: number) => void
}

/** Who is told how each promise ends. */
export interface Judge {
  readonly answered: () => void
  /** Gives what the caller is told instead of the error. */
  readonly failed: (error: unknown) => unknown
}

interface Waiting {
  readonly sinceMs: number
  readonly giveUp: () => void
}

/** A timer that is later than this was held up by a blocked event loop. */
const LATE_MS = 50
/** What is written after the event loop was blocked has this long to be answered. */
const SPARE_MS = 100

/**
 * Gives up on promises that take longer than a time limit, with one timer for all of them: as the limit is the same for all,
 * they fall due in the order in which they came. Time in which the event loop was blocked is nobody's failure.
 */
export class Deadlines {
  readonly #timeoutMs: number
  readonly #judge: Judge
  readonly #silence: Silence | undefined
  readonly #waiting = new Set<Waiting>()
  #answeredMs = 0
  #timer: NodeJS.Timeout | undefined
  #dueMs = 0
  #spared = false
  #closed = false

  constructor(timeoutMs: number, judge: Judge, silence?: Silence) {
    this.#timeoutMs = timeoutMs
    this.#judge = judge
    this.#silence = silence
  }

  /** Settles as the promise does, or fails with a `DeadlineError` when that takes too long. */
  limit<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => reject(this.#judge.failed(error))
      const waiting = { sinceMs: performance.now(), giveUp: () => fail(new DeadlineError(this.#timeoutMs)) }
      this.#waiting.add(waiting)
      // Whoever comes late finds the connection closed, and needs no timer that would keep the process alive.
      if (this.#timer === undefined && !this.#closed) this.#wakeIn(this.#firstLookMs())
      promise.then(
        (value) => {
          this.#answeredMs = performance.now()
          if (!this.#waiting.delete(waiting)) return
          this.#judge.answered()
          resolve(value)
        },
        (error: unknown) => {
          this.#answeredMs = performance.now()
          if (this.#waiting.delete(waiting)) fail(error)
        },
      )
    })
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { giveUp } of this.#waiting) giveUp()
    this.#waiting.clear()
  }

  #firstLookMs(): number {
    return Math.min(this.#timeoutMs, this.#silence?.afterMs() ?? Infinity)
  }

  #wakeIn(ms: number): void {
    const delayMs = Math.max(1, ms)
    this.#dueMs = performance.now() + delayMs
    this.#timer = setTimeout(this.#wake, delayMs)
  }

  readonly #wake = (): void => {
    const isLate = performance.now() - this.#dueMs > LATE_MS
    // Once: a process whose event loop is always late still notices a server that hangs.
    if (isLate && !this.#spared) {
      this.#spared = true
      this.#wakeIn(SPARE_MS)
    } else {
      this.#spared = false
      // After one more turn of the event loop, in which answers that are already in the socket win.
      setImmediate(this.#check)
    }
  }

  readonly #check = (): void => {
    if (this.#timer === undefined) return
    this.#timer = undefined
    const nowMs = performance.now()
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
