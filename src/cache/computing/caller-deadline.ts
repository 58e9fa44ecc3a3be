import { onAbort } from '../../checks/on-abort.js'
import { startTimer } from '../../checks/timer.js'
import { CacheTimeoutError } from '../../contract/errors.js'

/** How long one caller waits. */
export interface Limits {
  readonly timeoutMs?: number | undefined
  /** After this time the caller takes the stale value. */
  readonly softTimeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** The deadline of the call that this wait is a part of. When its caller leaves, this wait ends too. */
  readonly outer?: CallerDeadline | undefined
}

/** How a caller leaves before it has its answer: with the stale value, or with an error. */
export type Departure =
  | { readonly by: 'soft' }
  | { readonly by: 'timeout' | 'signal' | 'cycle'; readonly error: unknown }

/** Ends the wait of one caller. Other callers may go on waiting for the same computation. */
export class CallerDeadline {
  #departure: Departure | undefined
  readonly #listeners = new Set<(departure: Departure) => void>()
  readonly #stops: (() => void)[] = []

  constructor(key: string, { timeoutMs, softTimeoutMs, signal, outer }: Limits) {
    const leave = (departure: Departure): void => this.leave(departure)
    if (timeoutMs !== undefined) {
      this.#stops.push(
        startTimer(timeoutMs, () => leave({ by: 'timeout', error: new CacheTimeoutError(key, timeoutMs) })),
      )
    }
    if (softTimeoutMs !== undefined) this.#stops.push(startTimer(softTimeoutMs, () => leave({ by: 'soft' })))
    if (signal !== undefined) {
      this.#stops.push(onAbort(signal, () => leave({ by: 'signal', error: signal.reason as unknown })))
    }
    if (outer !== undefined) this.#stops.push(outer.onDeparture(leave))
  }

  /** How the caller has left; `undefined` if it has not. */
  get departure(): Departure | undefined {
    return this.#departure
  }

  /** Calls the listener when the caller leaves; at once if it has left. Gives what ends that. */
  onDeparture(listener: (departure: Departure) => void): () => void {
    if (this.#departure !== undefined) listener(this.#departure)
    else this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Settles as the promise does, and rejects when the caller leaves first. Ends the deadline. The promise is of this call alone. */
  within<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.onDeparture((departure) => {
        if (departure.by !== 'soft') reject(departure.error)
      })
      promise.then(resolve, reject)
    }).finally(() => this.end())
  }

  /** Ends timers and listeners. */
  end(): void {
    for (const stop of this.#stops) stop()
    this.#listeners.clear()
  }

  /** Makes the caller leave, unless it has left. */
  leave(departure: Departure): void {
    if (this.#departure !== undefined) return
    this.#departure = departure
    for (const listener of this.#listeners) listener(departure)
    this.end()
  }
}
