/** A command was given up on: no answer came within the time limit. It may still be carried out. */
export class DeadlineError extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
    this.name = 'DeadlineError'
  }
}

interface Waiting {
  readonly dueMs: number
  readonly giveUp: () => void
}

/**
 * Gives up on promises that take longer than a time limit, with one timer for all of them: as the limit is the same for all,
 * they fall due in the order in which they came.
 */
export class Deadlines {
  readonly #timeoutMs: number
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Settles as the promise does, or rejects with a `DeadlineError` when that takes too long. */
  limit<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = {
        dueMs: performance.now() + this.#timeoutMs,
        giveUp: () => reject(new DeadlineError(this.#timeoutMs)),
      }
      this.#waiting.add(waiting)
      this.#timer ??= setTimeout(this.#judge, this.#timeoutMs)
      promise.then(
        (value) => {
          this.#waiting.delete(waiting)
          resolve(value)
        },
        (error: unknown) => {
          this.#waiting.delete(waiting)
          reject(error)
        },
      )
    })
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const { giveUp } of this.#waiting) giveUp()
    this.#waiting.clear()
  }

  // Judged after one more turn of the event loop: after a long block, answers that are already in the socket win.
  readonly #judge = (): void => {
    setImmediate(() => {
      const nowMs = performance.now()
      for (const waiting of this.#waiting) {
        if (waiting.dueMs > nowMs) break
        this.#waiting.delete(waiting)
        waiting.giveUp()
      }
      const [next] = this.#waiting
      this.#timer = next === undefined ? undefined : setTimeout(this.#judge, Math.max(1, next.dueMs - nowMs))
    })
  }
}
