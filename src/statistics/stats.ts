import { hostname } from 'node:os'
import type { CacheEvents } from '../contract/cache-events.js'
import type { Events } from '../contract/events/events.js'
import { childPrefix, groupOf } from '../keys/key-tree.js'
import type { GroupCounters, StatsBatch, StatsCounters, StatsTotals } from '../contract/statistics.js'

/** The most groups counted by name. Later ones are counted as `other`. */
export const MAX_GROUPS = 200
/** How long the counters of a minute are kept. */
export const MINUTES_MS: number = 24 * 60 * 60_000

const MINUTE_MS = 60_000

/** The name of this process for others: `host:pid`. */
export const processName: string = `${hostname()}:${process.pid}`

export function emptyCounters(): StatsCounters {
  return {
    misses: 0,
    stale: 0,
    computations: 0,
    errors: 0,
    savedMs: 0,
    hitsBy: { request: 0, near: 0, store: 0, fallback: 0 },
    groups: new Map(),
    minutes: new Map(),
  }
}

/** Adds `more` to `counters`, within the bounds for groups and minutes. */
export function addCounters(counters: StatsCounters, more: StatsCounters, nowMs: number): void {
  counters.misses += more.misses
  counters.stale += more.stale
  counters.computations += more.computations
  counters.errors += more.errors
  counters.savedMs += more.savedMs
  counters.hitsBy.request += more.hitsBy.request
  counters.hitsBy.near += more.hitsBy.near
  counters.hitsBy.store += more.hitsBy.store
  counters.hitsBy.fallback += more.hitsBy.fallback
  for (const [name, added] of more.groups) {
    const group = groupCounters(counters, name)
    group.calls += added.calls
    group.hits += added.hits
    group.computations += added.computations
    group.computeMs += added.computeMs
    group.savedMs += added.savedMs
  }
  for (const [minuteMs, added] of more.minutes) {
    const minute = minuteCounters(counters, minuteMs)
    minute.calls += added.calls
    minute.hits += added.hits
  }
  for (const minuteMs of counters.minutes.keys()) {
    if (minuteMs < nowMs - MINUTES_MS) counters.minutes.delete(minuteMs)
  }
}

/** Counts what a cache does in this process, by listening to its events. */
export class Stats {
  readonly #now: () => number
  readonly #instance = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`
  readonly #startedAt = Date.now()
  /** All counts since the start, except those in `#current`. */
  readonly #earlier = emptyCounters()
  #current = emptyCounters()
  /** Calls and hits that are not yet added to a minute. */
  #recent = { calls: 0, hits: 0 }
  /** What the keys of the last counted group begin with. The next call is mostly of the same group. */
  #lastBegin: string | undefined
  #lastGroup: GroupCounters | undefined
  #unsent: StatsBatch | undefined
  #batches = 0
  #changed = true

  constructor(events: Events, now: () => number) {
    this.#now = now
    events.on('hit', (event) => this.#hit(event))
    events.on('miss', (event) => this.#miss(event.key))
    events.on('compute', (event) => this.#compute(event))
    events.on('error', () => {
      this.#changed = true
      this.#current.errors++
    })
  }

  /**
   * Sends what was counted until now. A batch that failed is sent first the next time, with its old number. So there are at most two
   * batches to send. What is counted meanwhile waits for the next flush; otherwise a busy process would never stop sending.
   */
  async flush(send: (batch: StatsBatch) => Promise<void>): Promise<void> {
    let sent = 0
    while (sent < 2 && (this.#unsent !== undefined || this.#changed)) {
      this.#unsent ??= this.#nextBatch()
      const batch = this.#unsent
      // eslint-disable-next-line no-await-in-loop
      await send(batch)
      if (this.#unsent === batch) this.#unsent = undefined
      sent++
    }
  }

  /** Adds the calls since the last time to the current minute. Called once a second, so that no call has to read the clock. */
  countMinute(): void {
    const { calls, hits } = this.#recent
    if (calls === 0) return
    const minute = minuteCounters(this.#current, Math.floor(this.#now() / MINUTE_MS) * MINUTE_MS)
    minute.calls += calls
    minute.hits += hits
    this.#recent = { calls: 0, hits: 0 }
  }

  /** Makes the next flush report that this process is alive, even if nothing was counted. */
  touch(): void {
    this.#changed = true
  }

  /** What this cache counted since it was made, with what the `others` of its place in this process did. */
  ownTotals(others: readonly StatsTotals[] = []): StatsTotals {
    this.countMinute()
    const counters = emptyCounters()
    addCounters(counters, this.#earlier, this.#now())
    addCounters(counters, this.#current, this.#now())
    for (const other of others) addCounters(counters, other.counters, this.#now())
    const starts = others.flatMap(({ processes }) => processes.map(({ startedAt }) => startedAt))
    return {
      scope: 'process',
      counters,
      processes: [{ id: processName, startedAt: Math.min(this.#startedAt, ...starts), seenAt: Date.now() }],
    }
  }

  #nextBatch(): StatsBatch {
    this.countMinute()
    const counters = this.#current
    addCounters(this.#earlier, counters, this.#now())
    this.#current = emptyCounters()
    this.#lastBegin = undefined
    this.#changed = false
    this.#batches++
    return {
      process: processName,
      instance: this.#instance,
      startedAt: this.#startedAt,
      number: this.#batches,
      counters,
    }
  }

  #hit({ key, by, stale, savedMs }: CacheEvents['hit']): void {
    const group = this.#call(key)
    group.hits++
    group.savedMs += savedMs
    this.#recent.hits++
    this.#current.hitsBy[by]++
    this.#current.savedMs += savedMs
    if (stale) this.#current.stale++
  }

  #miss(key: string): void {
    this.#call(key)
    this.#current.misses++
  }

  #call(key: string): GroupCounters {
    this.#changed = true
    this.#recent.calls++
    const group = this.#group(key)
    group.calls++
    return group
  }

  #group(key: string): GroupCounters {
    const last = this.#lastBegin
    // Comparing a short copy takes half the time of `startsWith`.
    if (last !== undefined && key.slice(0, last.length) === last) return this.#lastGroup as GroupCounters
    const name = groupOf(key)
    this.#lastGroup = groupCounters(this.#current, name)
    // Keys below `func` are of different groups.
    this.#lastBegin = name === 'func' ? undefined : childPrefix(name)
    return this.#lastGroup
  }

  #compute({ key, computeMs }: CacheEvents['compute']): void {
    this.#changed = true
    this.#current.computations++
    const group = this.#group(key)
    group.computations++
    group.computeMs += computeMs
  }
}

function groupCounters(counters: StatsCounters, name: string): GroupCounters {
  const { groups } = counters
  const known = groups.get(name)
  if (known !== undefined) return known
  if (groups.size >= MAX_GROUPS && name !== 'other') return groupCounters(counters, 'other')
  const group = { calls: 0, hits: 0, computations: 0, computeMs: 0, savedMs: 0 }
  groups.set(name, group)
  return group
}

function minuteCounters(counters: StatsCounters, minuteMs: number): { calls: number; hits: number } {
  const known = counters.minutes.get(minuteMs)
  if (known !== undefined) return known
  const minute = { calls: 0, hits: 0 }
  counters.minutes.set(minuteMs, minute)
  return minute
}
