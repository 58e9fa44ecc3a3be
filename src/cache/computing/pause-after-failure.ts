import type { ComputationPlan } from './computation-plan.js'

const MIN_PAUSE_MS = 1000
const MAX_PAUSE_MS = 30_000

/**
 * How long a stale value serves after a failure before the next attempt, in ms: as the option `retryAfter` says, else a tenth of its ttl, but
 * 1 to 30 seconds.
 */
export function pauseAfterFailure({ retryAfterMs, life: { ttlMs } }: ComputationPlan): number {
  return retryAfterMs ?? Math.min(Math.max(ttlMs / 10, MIN_PAUSE_MS), MAX_PAUSE_MS)
}
