import type { Events } from './events.js'

/** The value that answers a call, and where it came from. */
export interface ServedValue<T = unknown> {
  readonly value: T
  /** How long the value took to compute, in ms; 0 when that is not known. */
  readonly computeMs: number
  /** Whether the call waited for a computation, its own or that of another caller. */
  readonly isComputed: boolean
  /** Whether the value is stored. */
  readonly isStored: boolean
  /** Whether other callers may get it too. `false` when a write or delete has voided the computation. */
  readonly isShared: boolean
}

/** The answer to a call from a stored entry. Emits the event `hit`. */
export function hit(
  events: Events,
  key: string,
  value: unknown,
  computeMs: number | undefined = 0,
  by: 'near' | 'store' | 'fallback' = 'store',
  stale = false,
): ServedValue {
  events.emit('hit', { key, by, stale, savedMs: computeMs })
  return { value, computeMs, isComputed: false, isStored: true, isShared: true }
}
