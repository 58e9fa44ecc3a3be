import type { Entry } from './entry.js'

/**
 * Decides at random whether an entry is refreshed before its ttl has passed. The chance grows with the time it took to compute, and with
 * `beta`.
 * XFetch (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, 2015).
 */
export function isEarly(
  { computeMs = 0, expiresAt }: Pick<Entry, 'computeMs' | 'expiresAt'>,
  beta: number,
  nowMs: number,
): boolean {
  return nowMs - beta * computeMs * Math.log(1 - Math.random()) >= expiresAt
}
