import { reasonOf } from '../checks/reason.js'
import { realTime } from '../checks/real-time.js'
import type { Store } from '../contract/store.js'
import type { CacheStats } from '../contract/cache.js'
import type { StatsTotals } from '../contract/statistics.js'
import type { Events } from '../contract/events/events.js'
import type { Upkeep } from '../contract/upkeep.js'
import { reportStats } from './stats-report.js'
import { Stats } from './stats.js'

const TICK_MS = 1000
const SEEN_EVERY_TICKS = 10
/** How often counts are sent. */
const FLUSH_EVERY_TICKS: Readonly<Record<Upkeep, number>> = { shared: 1, low: 10 }

/** Sends what this process counts to the store, once a second or less often, and gives what all processes counted. */
export class StatsFlush {
  readonly #stats: Stats
  readonly #store: Store
  readonly #onFailed: (operation: string, key: undefined, error: unknown) => void
  readonly #others: () => StatsTotals[]
  readonly #timer: NodeJS.Timeout
  readonly #flushEveryTicks: number
  #ticks = 0

  /** `others`: what the other caches of the place have counted in this process. */
  constructor(
    events: Events,
    store: Store,
    upkeep: Upkeep,
    onFailed: (operation: string, key: undefined, error: unknown) => void,
    others: () => StatsTotals[] = () => [],
  ) {
    this.#stats = new Stats(events, () => store.now())
    this.#store = store
    this.#flushEveryTicks = FLUSH_EVERY_TICKS[upkeep]
    this.#onFailed = onFailed
    this.#others = others
    this.#timer = realTime.setInterval(() => this.#tick(), TICK_MS).unref()
  }

  /** What all processes counted. If the store does not answer: what this process counted. */
  async read(): Promise<CacheStats> {
    try {
      await this.#flush()
      const [totals, keys] = await Promise.all([this.#store.readStats(), this.#store.count(undefined)])
      return reportStats(totals, this.#store.backend(), keys)
    } catch (error) {
      const backend = this.#store.backend()
      // A store that is known to be down is no new error, because the answer says so. Otherwise whoever polls would add errors.
      if (backend.up) this.#onFailed('stats', undefined, error)
      // The store may not have noticed yet that it is down. Then it is down since now.
      const down = backend.up
        ? { ...backend, up: false, since: new Date(), roundTripMs: null, error: reasonOf(error) }
        : backend
      return reportStats(this.#stats.ownTotals(this.#others()), down, null)
    }
  }

  /** What this cache counted since it was made. */
  ownTotals(): StatsTotals {
    return this.#stats.ownTotals()
  }

  /** Sends what is left, if the store answers. */
  async close(): Promise<void> {
    realTime.clearInterval(this.#timer)
    await this.#send()
  }

  #tick(): void {
    this.#ticks++
    this.#stats.countMinute()
    if (this.#ticks % SEEN_EVERY_TICKS === 0) this.#stats.touch()
    if (this.#ticks % this.#flushEveryTicks === 0) void this.#send()
  }

  /** Sends what was counted, if the store answers. */
  async #send(): Promise<void> {
    if (!this.#store.backend().up) return
    try {
      await this.#flush()
    } catch (error) {
      this.#onFailed('stats', undefined, error)
    }
  }

  async #flush(): Promise<void> {
    await this.#stats.flush((batch) => this.#store.addStats(batch))
  }
}
