import type { Lifetime } from '../contract/options/option-checks.js'
import type { Entry } from './entry.js'

/** `fresh` within its ttl, `stale` past it: kept for its grace only. What is past its grace is gone from the store. */
export function freshness(entry: Pick<Entry, 'expiresAt'>, nowMs: number): 'fresh' | 'stale' {
  return nowMs < entry.expiresAt ? 'fresh' : 'stale'
}

/** How long a store keeps what is stored now: through its grace, in which a stale value may serve. */
export function keptUntil(nowMs: number, { ttlMs, graceMs }: Lifetime): number {
  return nowMs + ttlMs + graceMs
}

/** Whether a stale value that is still stored may serve: by the grace that it was stored with, or a shorter one of the call. */
export function mayServeStale(entry: Pick<Entry, 'expiresAt' | 'hasGrace'>, graceMs: number, nowMs: number): boolean {
  // Without grace it is on its way out of the store, whose clock is known to within half a round trip.
  return entry.hasGrace && nowMs < entry.expiresAt + graceMs
}
