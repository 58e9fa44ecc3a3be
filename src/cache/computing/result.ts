import type { Stored } from '../../values/entry-codec.js'

/** How a computation ended. */
export type Result =
  | {
      readonly kind: 'value'
      readonly value: unknown
      readonly computeMs: number
      /** The encoded entry; `undefined` when the value was not encoded. */
      readonly bytes: Buffer | undefined
      /** Whether the value is stored. */
      readonly isStored: boolean
      /** The value is good for calls that began up to this logical time. */
      readonly asOf: number
      /** A logical time after which the factory began; -1 when none is known, because another process computed the value. */
      readonly startedAt: number
      /** Whether another process computed the value. */
      readonly isFound: boolean
      /** Whether a write or delete came while it was computed. Then no call that began after the factory may have the value. */
      readonly isRefused: boolean
    }
  | { readonly kind: 'error'; readonly error: unknown; readonly pauseMs: number }
  /** `maxCompute` has passed. */
  | { readonly kind: 'given-up' }
  /** Left to another process, or nobody wants the result any more. This process does not try again for `restMs`. */
  | { readonly kind: 'left'; readonly restMs: number }

/** The result that another process has stored. It is good for calls that began up to `asOf`. Its factory began after `startedAt`. */
export function resultOf({ value, bytes, entry }: Stored, asOf: number, startedAt: number): Result {
  return {
    kind: 'value',
    value,
    computeMs: entry.computeMs ?? 0,
    bytes,
    isStored: true,
    asOf,
    startedAt,
    isFound: true,
    isRefused: false,
  }
}

/** The result of a factory that ran without a lease. Nothing is stored. */
export function resultAlone(value: unknown, computeMs: number, startedAt: number, asOf: number): Result {
  return {
    kind: 'value',
    value,
    computeMs,
    bytes: undefined,
    isStored: false,
    asOf,
    startedAt,
    isFound: false,
    isRefused: false,
  }
}

/**
 * Whether a call that joined a computation may have its value. The value must have been true at some time after the call began. If the call
 * wants it `anew`, the factory must also have begun after the call.
 */
export function isGoodFor(
  { asOf, startedAt }: Result & { kind: 'value' },
  { at, anew }: { readonly at: number; readonly anew: boolean },
): boolean {
  return asOf >= at && (!anew || startedAt >= at)
}
