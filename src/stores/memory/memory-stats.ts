import { addCounters, emptyCounters } from '../../statistics/stats.js'
import type { StatsBatch, StatsTotals } from '../../contract/statistics.js'

/** What this process counted, for the embedded store. */
export class MemoryStats {
  readonly #counters = emptyCounters()
  #processes: StatsTotals['processes'] = []
  /** The last batch number of each run of a process. */
  readonly #batches = new Map<string, number>()

  /** Adds a batch. One that arrives twice counts once. */
  add({ process, instance, number, startedAt, counters }: StatsBatch, now: number): void {
    if (number <= (this.#batches.get(instance) ?? 0)) return
    this.#batches.set(instance, number)
    addCounters(this.#counters, counters, now)
    this.#processes = [{ id: process, startedAt, seenAt: Date.now() }]
  }

  read(): StatsTotals {
    return { scope: 'process', counters: this.#counters, processes: this.#processes }
  }
}
