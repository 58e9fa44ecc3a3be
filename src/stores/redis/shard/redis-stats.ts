import type { GroupCounters, StatsBatch, StatsCounters, StatsTotals } from '../../../contract/statistics.js'
import { emptyCounters, MAX_GROUPS, MINUTES_MS } from '../../../statistics/stats.js'
import type { Connection } from '../connection/connection.js'
import { isTimestamp } from './is-timestamp.js'
import type { Keyspace } from './keyspace.js'
import { ADD_STATS, READ_STATS } from '../scripts/stats-script.js'
import { splitField, TIERS, TOTALS } from '../scripts/stored-layout.js'

type Fields = Record<string, string>

/** The counters of all processes, kept in three hashes, and the processes seen, in a fourth. */
export class RedisStats {
  readonly #connection: Connection
  readonly #keyspace: Keyspace

  constructor(connection: Connection, keyspace: Keyspace) {
    this.#connection = connection
    this.#keyspace = keyspace
  }

  /** Adds one batch in one script. One that arrives twice counts once. */
  async add({ process, instance, number, startedAt, counters }: StatsBatch, nowMs: number): Promise<void> {
    const { totals, groups, minutes, processes } = this.#keyspace
    await this.#connection.run(
      ADD_STATS,
      [totals, groups, minutes, processes],
      [
        process,
        instance,
        number,
        Math.round(startedAt),
        Math.round(nowMs),
        Math.round(nowMs - MINUTES_MS),
        MAX_GROUPS,
        JSON.stringify({
          totals: totalFields(counters),
          groups: Object.fromEntries(counters.groups),
          minutes: Object.fromEntries(counters.minutes),
        }),
      ],
    )
  }

  async read(): Promise<StatsTotals> {
    const { totals, groups, minutes, processes } = this.#keyspace
    const hashes = (await this.#connection.run(READ_STATS, [totals, groups, minutes, processes], [])) as string[][]
    const [total = {}, byGroup = {}, byMinute = {}, seen = {}] = hashes.map(fieldsOf)
    return { scope: 'fleet', counters: readCounters(total, byGroup, byMinute), processes: readProcesses(seen) }
  }
}

function fieldsOf(hash: readonly string[]): Fields {
  return Object.fromEntries(Array.from({ length: hash.length / 2 }, (_, i) => [hash[2 * i], hash[2 * i + 1]]))
}

function totalFields({ misses, stale, computations, errors, savedMs, hitsBy }: StatsCounters): Record<string, number> {
  const { request, near, store, fallback } = hitsBy
  return { misses, stale, computations, errors, savedMs: Math.round(savedMs), request, near, store, fallback }
}

function readCounters(total: Fields, byGroup: Fields, byMinute: Fields): StatsCounters {
  const counters = emptyCounters()
  for (const name of TOTALS) counters[name] = count(total[name])
  for (const tier of TIERS) counters.hitsBy[tier] = count(total[tier])
  for (const [field, value] of Object.entries(byGroup)) {
    const [counter, group] = splitField(field)
    const known = counters.groups.get(group) ?? { calls: 0, hits: 0, computations: 0, computeMs: 0, savedMs: 0 }
    counters.groups.set(group, known)
    if (Object.hasOwn(known, counter)) known[counter as keyof GroupCounters] = count(value)
  }
  for (const [field, value] of Object.entries(byMinute)) {
    const [counter, minute] = splitField(field)
    const minuteMs = Number(minute)
    if (!isTimestamp(minuteMs)) continue
    const known = counters.minutes.get(minuteMs) ?? { calls: 0, hits: 0 }
    counters.minutes.set(minuteMs, known)
    if (counter === 'calls' || counter === 'hits') known[counter] = count(value)
  }
  return counters
}

function readProcesses(seen: Fields): StatsTotals['processes'] {
  const processes = new Map<string, StatsTotals['processes'][number]>()
  for (const [run, text] of Object.entries(seen)) {
    const [id = ''] = run.split(' ')
    const [startedAt, seenAt] = text.split(' ').map(Number)
    if (!isTimestamp(startedAt) || !isTimestamp(seenAt)) continue
    const known = processes.get(id) ?? { id, startedAt: Infinity, seenAt: 0 }
    processes.set(id, {
      id,
      startedAt: Math.min(known.startedAt, startedAt),
      seenAt: Math.max(known.seenAt, seenAt),
    })
  }
  return [...processes.values()]
}

/** Redis may hold any text. What is not a number counts as 0. */
function count(text: string | undefined): number {
  const value = Number(text)
  return Number.isFinite(value) ? value : 0
}
