import type { Entry } from './entry.js'

/** `fresh` within its ttl, `stale` past it: kept for its grace only. What is past its grace is gone from the store. */
export function freshness(entry: Pick<Entry, 'expiresAt'>, nowMs: number): 'fresh' | 'stale' {
  return nowMs < entry.expiresAt ? 'fresh' : 'stale'
}
