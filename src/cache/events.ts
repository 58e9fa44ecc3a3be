import { callHook } from './call-hook.js'
import { Complaints } from './complaints.js'
import { show } from './show.js'

/** What a cache reports as it happens, to listeners added by `on`. */
export interface CacheEvents {
  /** A call was answered from a stored entry. `savedMs`: what the value took to compute. */
  hit: { key: string; by: 'request' | 'near' | 'store'; stale: boolean; savedMs: number }
  /** A call found nothing. */
  miss: { key: string }
  /** `set` was called; `stored` says whether the value is there now. */
  set: { key: string; stored: boolean }
  /**
   * A key was deleted, with `children` all keys below it too; `key: undefined` stands for all keys, or those that carry `tag`.
   * `count`: how many were there.
   */
  delete: { key: string | undefined; children: boolean; tag: string | undefined; count: number }
  /** A factory has ended with a value; `stored` says whether it was kept. */
  compute: { key: string; computeMs: number; stored: boolean }
  /** Something failed that callers were not told of, or not only they. */
  error: { operation: string; key: string | undefined; error: unknown }
  /** The backend went up or down. */
  state: { up: boolean; since: Date; error: unknown }
}

type Listener<E extends keyof CacheEvents> = (event: CacheEvents[E]) => void

/**
 * The listeners of one cache. Nobody has to listen: an `error` without a listener does nothing. (An `EventEmitter` would throw it, and
 * takes twice as long to tell of a hit.)
 */
export class Events {
  readonly #complaints = new Complaints()
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
    const listeners = this.#listeners[event]
    const last = listeners?.lastIndexOf(listener) ?? -1
    if (last !== -1) this.#set(event, listeners.toSpliced(last, 1))
  }

  /** Calls the listeners. One that throws or rejects is reported as a process warning: it is not the caller's failure, nor that of the others. */
  emit<E extends keyof CacheEvents>(event: E, detail: CacheEvents[E]): void {
    for (const listener of this.#listeners[event]) {
      callHook(
        () => listener(detail),
        (thrown) =>
          this.#complaints.warn('KEYEDCACHE_LISTENER', `A listener of the cache event '${event}' failed`, thrown),
      )
    }
  }

  #set<E extends keyof CacheEvents>(event: E, listeners: readonly Listener<E>[]): void {
    const all: Partial<Record<E, readonly Listener<E>[]>> = this.#listeners
    all[event] = listeners
  }
}
