/** The counters of one group of keys. */
export interface GroupCounters {
  calls: number
  hits: number
  computations: number
  computeMs: number
  savedMs: number
}

/** The counters in all, by group and by minute. */
export interface StatsCounters {
  misses: number
  stale: number
  computations: number
  errors: number
  savedMs: number
  hitsBy: { request: number; near: number; store: number; fallback: number }
  groups: Map<string, GroupCounters>
  /** By the start of the minute, in ms since 1970. */
  minutes: Map<number, { calls: number; hits: number }>
}

/** What one process counted since its last batch. The store knows a batch by its `number`, so a batch that arrives twice counts once. */
export interface StatsBatch {
  /** `host:pid` */
  process: string
  /** Identifies this run of the process. An earlier run may have had the same `process`. */
  instance: string
  /** ms since 1970. */
  startedAt: number
  number: number
  counters: StatsCounters
}

/** The sums over all processes that share a store. */
export interface StatsTotals {
  scope: 'process' | 'fleet'
  counters: StatsCounters
  processes: { id: string; startedAt: number; seenAt: number }[]
}
