import { RateLimitedWarnings } from './rate-limited-warnings.js'
import { onRejection } from '../../checks/on-rejection.js'
import { show } from '../../checks/show.js'
import type { CacheEvents } from '../cache-events.js'

type Listener<E extends keyof CacheEvents> = (event: CacheEvents[E]) => void

/**
 * The listeners of one cache. An `error` event without a listener does nothing. (An `EventEmitter` would throw it, and takes twice as long
 * to emit a hit.)
 */
export class Events {
  readonly #warnings = new RateLimitedWarnings()
  /** The arrays are replaced and never changed, because `emit` may be in the middle of one. */
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

  /** Removes a listener. If it was added more than once, only the last one is removed. */
  off<E extends keyof CacheEvents>(event: E, listener: Listener<E>): void {
    if (!Object.hasOwn(this.#listeners, event)) return
    const listeners = this.#listeners[event]
    const last = listeners.lastIndexOf(listener)
    if (last !== -1) this.#set(event, listeners.toSpliced(last, 1))
  }

  /** Calls the listeners. What one throws or rejects with becomes a process warning. The caller and the other listeners go on. */
  emit<E extends keyof CacheEvents>(event: E, detail: CacheEvents[E]): void {
    for (const listener of this.#listeners[event]) {
      try {
        // Most listeners return `undefined`. Then no closure is made, so that a hit costs no more than the call.
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
