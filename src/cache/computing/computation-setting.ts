import type { CycleProbes } from './cycle-probes.js'
import type { EntryCodec } from '../../values/entry-codec.js'
import type { Events } from '../../contract/events/events.js'
import type { Fallback } from '../reading/fallback.js'
import type { LeaseEnds } from '../leases/lease-ends.js'
import type { LeaseSetting } from '../leases/lease.js'
import type { Lifetime } from '../../contract/options/option-checks.js'

/** What computations of one cache have in common. */
export interface ComputationSetting extends LeaseSetting {
  /** Identifies the cache, so that its keys are not taken for keys of another cache. */
  readonly cache: object
  readonly codec: EntryCodec
  readonly events: Events
  readonly leaseEnds: LeaseEnds
  readonly cycles: CycleProbes
  readonly fallback: Fallback | undefined
  /** Encodes a computed value. Gives `undefined` when the value cannot be stored. */
  readonly encode: (
    key: string,
    value: unknown,
    life: Lifetime,
    computeMs: number,
    tags: readonly string[],
  ) => Buffer | undefined
}
