import type { KeyedCache } from '../../index.js'

/** One thing that the cache did. */
export interface Happening {
  readonly at: Date
  readonly what: string
  readonly key: string
}

const KEPT = 15

const ANSWERED_BY = {
  request: 'hit: the request’s own Map',
  near: 'hit: this process’s copy',
  store: 'hit: the store',
  fallback: 'hit: what this process kept while Redis was away',
} as const

/** Listens to a cache, and remembers the last things it did in this process. */
export class Recent {
  readonly #happenings: Happening[] = []
  readonly #stop: () => void

  constructor(cache: KeyedCache) {
    const listeners = {
      hit: (event: { key: string; by: keyof typeof ANSWERED_BY }) => this.#add(ANSWERED_BY[event.by], event.key),
      miss: (event: { key: string }) => this.#add('miss', event.key),
      compute: (event: { key: string; computeMs: number }) =>
        this.#add(`computed in ${event.computeMs.toFixed(1)} ms`, event.key),
      delete: (event: { key: string | undefined; count: number }) =>
        this.#add(`deleted (${event.count} found)`, event.key ?? 'everything'),
    }
    cache.on('hit', listeners.hit).on('miss', listeners.miss)
    cache.on('compute', listeners.compute).on('delete', listeners.delete)
    this.#stop = () => {
      cache.off('hit', listeners.hit).off('miss', listeners.miss)
      cache.off('compute', listeners.compute).off('delete', listeners.delete)
    }
  }

  /** The latest first. */
  list(): Happening[] {
    return this.#happenings.toReversed()
  }

  /** Stops listening. */
  stop(): void {
    this.#stop()
  }

  #add(what: string, key: string): void {
    this.#happenings.push({ at: new Date(), what, key })
    if (this.#happenings.length > KEPT) this.#happenings.shift()
  }
}
