import type { Stored } from '../../values/entry-codec.js'

/** How a computation ended. */
export type Result =
  | {
      readonly kind: 'value'
      readonly value: unknown
      readonly computeMs: number
      /** The encoded value, where it can be encoded. */
      readonly bytes: Buffer | undefined
      /** Whether an entry holds it. */
      readonly isStored: boolean
      /** The value is good for calls that began up to this logical time. */
      readonly asOf: number
      /** When its factory began here; -1 when another process computed it. */
      readonly startedAt: number
      /** Whether others than the call that began it may have it. */
      readonly shared: boolean
    }
  | { readonly kind: 'error'; readonly error: unknown; readonly pauseMs: number }
  /** `maxCompute` has passed. */
  | { readonly kind: 'given-up' }
  /** Left to others, or nobody wants it any more; not to be tried again for this long. */
  | { readonly kind: 'left'; readonly restMs: number }

/** The result that another process has stored, good for calls that began up to this moment. */
export function resultOf({ value, bytes, entry }: Stored, asOf: number): Result {
  return {
    kind: 'value',
    value,
    computeMs: entry.computeMs ?? 0,
    bytes,
    isStored: true,
    asOf,
    startedAt: -1,
    shared: true,
  }
}

/**
 * Whether a call that has joined may have a value: it was true at some time after the call began, and where the call wants it `anew`, its
 * factory began after it.
 */
export function isGoodFor(
  { asOf, startedAt, shared }: Result & { kind: 'value' },
  { at, anew }: { readonly at: number; readonly anew: boolean },
): boolean {
  return shared && asOf >= at && (!anew || startedAt >= at)
}
