import type { Lifetime } from '../contract/options/option-checks.js'
import type { Entry } from './entry.js'

/** `fresh` within its ttl, then `stale`. A stale entry is kept only for its grace. After that it is gone from the store. */
export function freshness(entry: Pick<Entry, 'expiresAt'>, nowMs: number): 'fresh' | 'stale' {
  return nowMs < entry.expiresAt ? 'fresh' : 'stale'
}

/** Until when a store keeps what is stored now: to the end of its grace, in which the stale value may be served. */
export function keptUntil(nowMs: number, { ttlMs, graceMs }: Lifetime): number {
  return nowMs + ttlMs + graceMs
}

/**
 * Whether a stale value that is still stored may be served. The store keeps it for its own grace; `graceMs`, that of the call, may be
 * shorter.
 */
export function mayServeStale(entry: Pick<Entry, 'expiresAt' | 'hasGrace'>, graceMs: number, nowMs: number): boolean {
  // An entry without grace is about to leave the store. It is seen only because the store's clock is known to within half a round trip.
  return entry.hasGrace && nowMs < entry.expiresAt + graceMs
}
