import { CacheTimeoutError } from '../../contract/errors.js'
import { startTimer } from '../../checks/timer.js'

/** How long one caller waits. */
export interface Limits {
  readonly timeoutMs: number | undefined
  /** After this time the caller takes what is stale. */
  readonly softTimeoutMs: number | undefined
  readonly signal: AbortSignal | undefined
}

/** How long one caller waits for a computation that others may wait for too. */
export class CallerDeadline {
  readonly #over: Promise<'soft'> | undefined
  #end: () => void = () => undefined

  constructor(key: string, { timeoutMs, softTimeoutMs, signal }: Limits) {
    if (timeoutMs === undefined && softTimeoutMs === undefined && signal === undefined) return
    this.#over = new Promise((resolve, reject) => {
      const leave = (): void => reject(signal?.reason as Error)
      const hard =
        timeoutMs === undefined ? undefined : startTimer(timeoutMs, () => reject(new CacheTimeoutError(key, timeoutMs)))
      const soft = softTimeoutMs === undefined ? undefined : startTimer(softTimeoutMs, () => resolve('soft'))
      signal?.addEventListener('abort', leave)
      this.#end = () => {
        clearTimeout(hard)
        clearTimeout(soft)
        signal?.removeEventListener('abort', leave)
      }
      if (signal?.aborted) leave()
    })
    this.#over.catch(() => undefined)
  }

  /** Settles as the promise does; `soft` when the caller would rather have what is stale; rejects when it waits no longer. */
  within<T>(promise: Promise<T>): Promise<T | 'soft'> {
    return this.#over === undefined ? promise : Promise.race([promise, this.#over])
  }

  /** Ends timers and listeners. */
  end(): void {
    this.#end()
  }
}
