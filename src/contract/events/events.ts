import { RateLimitedWarnings } from './rate-limited-warnings.js'
import { onRejection } from '../../checks/on-rejection.js'
import { show } from '../../checks/show.js'
import type { CacheEvents } from '../cache-events.js'

type Listener<E extends keyof CacheEvents> = (event: CacheEvents[E]) => void

/**
 * The listeners of one cache. Nobody has to listen: an `error` without a listener does nothing. (An `EventEmitter` would throw it, and
 * takes twice as long to tell of a hit.)
 */
export class Events {
  readonly #warnings = new RateLimitedWarnings()
  /** A list is never changed: whoever is being told goes by the one that he began with. */
  readonly #listeners: { [E in keyof CacheEvents]: readonly Listener<E>[] } = {
    hit: [],
    miss: [],
    set: [],
    delete: [],
    compute: [],
    error: [],
    state: [],
  }

  /** @throws {TypeError} when there is no such event. */
  on<E extends keyof CacheEvents>(event: E, listener: Listener<E>): void {
    if (!Object.hasOwn(this.#listeners, event)) {
      const names = Object.keys(this.#listeners).join(', ')
      throw new TypeError(`Expected an event of ${names}, got ${show(event)}`)
    }
    this.#set(event, [...this.#listeners[event], listener])
  }

  /** Takes away the listener that was added last, if it was added more than once. */
  off<E extends keyof CacheEvents>(event: E, listener: Listener<E>): void {
    if (!Object.hasOwn(this.#listeners, event)) return
    const listeners = this.#listeners[event]
    const last = listeners.lastIndexOf(listener)
    if (last !== -1) this.#set(event, listeners.toSpliced(last, 1))
  }

  /** Calls the listeners. One that throws or rejects is reported as a process warning: it is not the caller's failure, nor that of the others. */
  emit<E extends keyof CacheEvents>(event: E, detail: CacheEvents[E]): void {
    for (const listener of this.#listeners[event]) {
      try {
        // Mostly nothing: a hit is told of in no more than the call takes.
        const given = listener(detail) as unknown
        if (given !== undefined) onRejection(given, (thrown) => this.#failed(event, thrown))
      } catch (thrown) {
        this.#failed(event, thrown)
      }
    }
  }

  #failed(event: keyof CacheEvents, thrown: unknown): void {
    this.#warnings.give('KEYEDCACHE_LISTENER', `A listener of the cache event '${event}' failed`, thrown)
  }

  #set<E extends keyof CacheEvents>(event: E, listeners: readonly Listener<E>[]): void {
    const all: Partial<Record<E, readonly Listener<E>[]>> = this.#listeners
    all[event] = listeners
  }
}
