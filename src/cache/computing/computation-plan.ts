import type { FactoryPlan } from '../factories/factory-run.js'
import type { KnownValue } from '../../values/entry-codec.js'

/** What to compute, and how. */
export interface ComputationPlan extends FactoryPlan {
  /** The bytes that the caller read and could not use. `any`: compute, whatever is stored. */
  readonly seen: Buffer | 'any' | undefined
  /** The stale value that the result will replace. Callers may get it until then. */
  readonly stale: KnownValue | undefined
  /** The pause after a failure; `undefined`: it depends on the ttl. */
  readonly retryAfterMs: number | undefined
  /**
   * When another process computes the key: `wait` for it, or `leave` it to that process. `alone`: compute without a lease and store
   * nothing, because the store did not answer or its entry must stay.
   */
  readonly manner: 'wait' | 'leave' | 'alone'
  /** Called when it is asked, maybe again, whether somebody else computes the key. */
  readonly onAsk?: (() => void) | undefined
  /** Called when somebody else computes the key, or nobody does. */
  readonly onFollow?: (() => void) | undefined
}
