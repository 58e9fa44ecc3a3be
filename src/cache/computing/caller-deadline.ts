import { CacheTimeoutError } from '../../contract/errors.js'
import { startTimer } from '../../checks/timer.js'

/** How long one caller waits. */
export interface Limits {
  readonly timeoutMs: number | undefined
  /** After this time the caller takes the stale value. */
  readonly softTimeoutMs: number | undefined
  readonly signal: AbortSignal | undefined
}

/** Ends the wait of one caller for a computation. Other callers may go on waiting for it. */
export class CallerDeadline {
  readonly #over: Promise<'soft'> | undefined
  #end: () => void = () => undefined

  constructor(key: string, { timeoutMs, softTimeoutMs, signal }: Limits) {
    if (timeoutMs === undefined && softTimeoutMs === undefined && signal === undefined) return
    this.#over = new Promise((resolve, reject) => {
      const leave = (): void => reject(signal?.reason as Error)
      const stopHard =
        timeoutMs === undefined ? undefined : startTimer(timeoutMs, () => reject(new CacheTimeoutError(key, timeoutMs)))
      const stopSoft = softTimeoutMs === undefined ? undefined : startTimer(softTimeoutMs, () => resolve('soft'))
      signal?.addEventListener('abort', leave)
      this.#end = () => {
        stopHard?.()
        stopSoft?.()
        signal?.removeEventListener('abort', leave)
      }
      if (signal?.aborted) leave()
    })
    this.#over.catch(() => undefined)
  }

  /**
   * Settles as the promise does. Gives `soft` when the soft timeout passes first. Rejects when the timeout passes first or the signal
   * aborts.
   */
  within<T>(promise: Promise<T>): Promise<T | 'soft'> {
    return this.#over === undefined ? promise : Promise.race([promise, this.#over])
  }

  /** Ends timers and listeners. */
  end(): void {
    this.#end()
  }
}
