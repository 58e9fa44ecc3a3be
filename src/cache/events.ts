import { EventEmitter } from 'node:events'
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

const NAMES: readonly (keyof CacheEvents)[] = ['hit', 'miss', 'set', 'delete', 'compute', 'error', 'state']

type Listener<E extends keyof CacheEvents> = (event: CacheEvents[E]) => void

/** The listeners of one cache. Nobody has to listen: an `error` without a listener does nothing. */
export class Events {
  readonly #emitter = new EventEmitter().setMaxListeners(0)

  /** @throws {TypeError} when there is no such event. */
  on<E extends keyof CacheEvents>(event: E, listener: Listener<E>): void {
    if (!NAMES.includes(event)) throw new TypeError(`Expected an event of ${NAMES.join(', ')}, got ${show(event)}`)
    this.#emitter.on(event, listener)
  }

  off<E extends keyof CacheEvents>(event: E, listener: Listener<E>): void {
    this.#emitter.off(event, listener)
  }

  /** Calls the listeners. One that throws is reported as a process warning: it is not the caller's failure. */
  emit<E extends keyof CacheEvents>(event: E, detail: CacheEvents[E]): void {
    if (this.#emitter.listenerCount(event) === 0) return
    try {
      this.#emitter.emit(event, detail)
    } catch (error) {
      process.emitWarning(`A listener of the cache event '${event}' threw: ${String(error)}`, {
        code: 'KEYEDCACHE_LISTENER',
        detail: error instanceof Error ? (error.stack ?? '') : '',
      })
    }
  }
}
