/** The counters of one group of keys. */
export interface GroupCounters {
  calls: number
  hits: number
  computations: number
  computeMs: number
  savedMs: number
}

/** What was counted, by kind, by group and by minute. */
export interface StatsCounters {
  misses: number
  stale: number
  computations: number
  errors: number
  savedMs: number
  hitsBy: { request: number; near: number; store: number }
  groups: Map<string, GroupCounters>
  /** By the start of the minute, in ms since 1970. */
  minutes: Map<number, { calls: number; hits: number }>
}

/** What one process counted since its last batch. `number` counts its batches, so that one which arrives twice counts once. */
export interface StatsBatch {
  /** `host:pid` */
  process: string
  /** Tells this run of the process from an earlier one of the same name. */
  instance: string
  /** ms since 1970. */
  startedAt: number
  number: number
  counters: StatsCounters
}

/** What all processes counted that share a store. */
export interface StatsTotals {
  scope: 'process' | 'fleet'
  counters: StatsCounters
  processes: { id: string; startedAt: number; seenAt: number }[]
}
