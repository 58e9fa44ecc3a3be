import { setTimeout as delay } from 'node:timers/promises'
import type { KeyedCache } from '../../src/contract/cache.js'
import { CacheNotRespondingError } from '../../src/contract/errors.js'
import { until } from './until.js'

const CALLERS = 16
const PAUSE_MS = 2
const NOTHING = { calls: 0, hits: 0, misses: 0, failedWrites: 0, failedDeletes: 0, slowestMs: 0 }

/** What is stored under a key: its own name, and a number that grows with each write. */
interface Stored {
  readonly key: string
  readonly version: number
}

/** How the calls ended. */
export interface LoadFigures {
  readonly calls: number
  readonly hits: number
  readonly misses: number
  readonly failedWrites: number
  readonly failedDeletes: number
  readonly slowestMs: number
}

/** Figures as a table has them. */
export function inWords({ calls, failedWrites, failedDeletes, slowestMs }: LoadFigures): string {
  return `of ${calls} calls ${failedWrites} sets and ${failedDeletes} deletes were refused, the slowest took ${slowestMs.toFixed(0)} ms`
}

/**
 * Readers, writers, deletes and computations on some keys of caches that share them, again and again, until it is stopped. Every value
 * is checked: it must be one that was written for its key, and, except while Redis may lose writes, not older than the last write or
 * delete that had resolved when the call began.
 */
export class Load {
  readonly keys: readonly string[]
  readonly #caches: readonly KeyedCache[]
  readonly #seed: number
  /** Of each key, the version that is true. */
  readonly #truth = new Map<string, number>()
  /** Of each key, the version that a read must not be older than. */
  readonly #floor = new Map<string, number>()
  readonly #writing = new Set<string>()
  readonly #wrong: unknown[] = []
  readonly #running: Promise<unknown>
  #figures = { ...NOTHING }
  #calls = 0
  #mayLose = false
  /** Counts how often writes may have been lost. */
  #era = 0
  #stopped = false

  constructor(caches: readonly KeyedCache[], keys: readonly string[], seed: number) {
    this.#caches = caches
    this.keys = keys
    this.#seed = seed
    process.on('unhandledRejection', this.#onUnhandled)
    this.#running = Promise.all(Array.from({ length: CALLERS }, (_, caller) => this.#call(caller)))
  }

  /** From here on Redis may lose what it had acknowledged. */
  mayLose(): void {
    this.#mayLose = true
    this.#era += 1
    this.#floor.clear()
  }

  /** From here on it may not. */
  mayNotLose(): void {
    this.#mayLose = false
    this.#era += 1
  }

  /** How the calls ended since this was asked last. */
  takeFigures(): LoadFigures {
    const figures = this.#figures
    this.#figures = { ...NOTHING }
    return figures
  }

  /** Resolves after that many calls more. */
  async callsMore(count: number): Promise<void> {
    const wanted = this.#calls + count
    await until(() => this.#calls >= wanted, `the load has made ${count} calls`)
  }

  /** Ends it. Gives what was wrong: values, errors that no caller should see, rejections that nobody handled. */
  async stop(): Promise<unknown[]> {
    this.#stopped = true
    await this.#running
    process.off('unhandledRejection', this.#onUnhandled)
    return this.#wrong
  }

  readonly #onUnhandled = (error: unknown): void => {
    this.#wrong.push(new Error('nobody handled a rejection', { cause: error }))
  }

  async #call(caller: number): Promise<void> {
    let state = this.#seed + caller
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    while (!this.#stopped) {
      const cache = this.#caches[random(this.#caches.length)] as KeyedCache
      const key = this.keys[random(this.keys.length)] as string
      const beganMs = performance.now()
      try {
        // eslint-disable-next-line no-await-in-loop -- each caller makes one call after the other
        await this.#one(random(10), cache, key)
      } catch (error) {
        this.#wrong.push(error)
      }
      this.#calls += 1
      this.#figures.calls += 1
      this.#figures.slowestMs = Math.max(this.#figures.slowestMs, performance.now() - beganMs)
      // eslint-disable-next-line no-await-in-loop -- so that a call that fails at once does not keep the others from their turn
      await delay(PAUSE_MS)
    }
  }

  async #one(which: number, cache: KeyedCache, key: string): Promise<void> {
    if (which >= 8 && this.#writing.has(key)) return
    const floor = this.#floor.get(key) ?? 0
    const era = this.#era
    if (which < 5) this.#judge(key, await cache.get<Stored | undefined>(key, { default: undefined }), floor, era)
    else if (which < 8) this.#judge(key, await cache.getOrSet(key, () => this.#compute(key)), floor, era)
    else await this.#write(which === 8 ? 'set' : 'delete', cache, key)
  }

  /** One write of a key at a time: what is true then is what the last one that resolved had written. */
  async #write(how: 'set' | 'delete', cache: KeyedCache, key: string): Promise<void> {
    const version = (this.#truth.get(key) ?? 0) + 1
    const era = this.#era
    this.#writing.add(key)
    this.#truth.set(key, version)
    try {
      if (how === 'delete') await cache.delete(key)
      else if (!(await cache.set(key, this.#current(key)))) {
        this.#figures.failedWrites += 1
        return
      }
      if (!this.#mayLose && era === this.#era) this.#floor.set(key, version)
    } catch (error) {
      if (!(error instanceof CacheNotRespondingError)) throw error
      this.#figures.failedDeletes += 1
    } finally {
      this.#writing.delete(key)
    }
  }

  async #compute(key: string): Promise<Stored> {
    const current = this.#current(key)
    await delay(PAUSE_MS)
    return current
  }

  #current(key: string): Stored {
    return { key, version: this.#truth.get(key) ?? 0 }
  }

  #judge(key: string, value: Stored | undefined, floor: number, era: number): void {
    if (value === undefined) {
      this.#figures.misses += 1
      return
    }
    this.#figures.hits += 1
    const oldest = era === this.#era ? floor : 0
    const newest = this.#truth.get(key) ?? 0
    if (value.key === key && value.version >= oldest && value.version <= newest) return
    this.#wrong.push(new Error(`${key} gave ${JSON.stringify(value)}, and not a version from ${oldest} to ${newest}`))
  }
}
