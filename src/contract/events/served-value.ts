import type { Events } from './events.js'

/** A value that a call is answered with, and where it came from. */
export interface ServedValue<T = unknown> {
  readonly value: T
  /** What the value took to compute, 0 when that is not known. */
  readonly computeMs: number
  /** Whether the call waited for a computation, its own or another's. */
  readonly isComputed: boolean
  /** Whether an entry holds it. */
  readonly isStored: boolean
  /** Whether others than the call that began its computation may have it: not where a write or delete has voided that. */
  readonly isShared: boolean
}

/** The answer to a call that an entry holds. Emits the event `hit`. */
export function hit(
  events: Events,
  key: string,
  value: unknown,
  computeMs: number | undefined = 0,
  by: 'near' | 'store' = 'store',
  stale = false,
): ServedValue {
  events.emit('hit', { key, by, stale, savedMs: computeMs })
  return { value, computeMs, isComputed: false, isStored: true, isShared: true }
}
