import type { BackendStats, CacheStats } from '../contract/cache.js'
import type { StatsTotals } from '../contract/statistics.js'

/** Builds the result of `stats()` from the counters and the state of the store. */
export function reportStats(
  { scope, counters, processes }: StatsTotals,
  backend: BackendStats,
  keys: number | null,
): CacheStats {
  const { misses, stale, computations, errors, savedMs, hitsBy, groups, minutes } = counters
  const hits = hitsBy.request + hitsBy.near + hitsBy.store + hitsBy.fallback
  const calls = hits + misses
  return {
    calls,
    hits,
    misses,
    hitRate: calls === 0 ? null : hits / calls,
    stale,
    computations,
    errors,
    savedMs,
    keys,
    hitsBy: { ...hitsBy },
    backend,
    scope,
    processes: processes
      .map(({ id, startedAt, seenAt }) => ({ id, startedAt: new Date(startedAt), seenAt: new Date(seenAt) }))
      .toSorted((a, b) => a.id.localeCompare(b.id)),
    groups: Array.from(groups, ([group, counted]) => ({ group, ...counted })).toSorted((a, b) => b.calls - a.calls),
    minutes: Array.from(minutes, ([minuteMs, counted]) => ({ minute: new Date(minuteMs), ...counted })).toSorted(
      (a, b) => a.minute.getTime() - b.minute.getTime(),
    ),
  }
}
