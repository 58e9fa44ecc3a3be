import type { Factory } from '../../contract/factory.js'
import type { Member } from '../factories/batch-factory.js'
import type { ComputationSetting } from './computation-setting.js'
import type { ComputationPlan } from './computation-plan.js'
import { isEarly } from '../../values/early-refresh.js'
import { type ServedValue, hit } from '../../contract/events/served-value.js'
import { CallerDeadline } from './caller-deadline.js'
import type { Reading } from '../reading/reader.js'
import type { SingleFlight } from './single-flight.js'
import { schemaError, type KnownValue } from '../../values/entry-codec.js'
import type { CallOptions } from '../../contract/options/call-options.js'
import { mayServeStale } from '../../values/freshness.js'

/** A call to be answered. */
export interface Call {
  readonly key: string
  readonly factory: Factory<unknown>
  readonly callOptions: CallOptions
  /** The logical time at which it began. */
  readonly at: number
  /** When its caller leaves; `undefined` where it has no limit. */
  readonly deadline: CallerDeadline | undefined
  /** Set for a key of `getOrSetMany`. */
  readonly many?: Membership
}

/** The part that one key of `getOrSetMany` has in the shared factories. */
interface Membership {
  readonly foreground: Member<unknown>
  readonly background: Member<unknown>
  /** Whether a refresh was begun. If so, the refresh itself says whether the key is computed in the background. */
  refreshes: boolean
  /** The same of a computation that the call waits for. It goes on when the call leaves. */
  computes: boolean
}

/**
 * Answers a call after its key was read: with the fresh value, with the stale value while a new one is computed, or with a computed value.
 */
export class ServeOrCompute {
  readonly #setting: ComputationSetting
  readonly #flights: SingleFlight

  constructor(setting: ComputationSetting, flights: SingleFlight) {
    this.#setting = setting
    this.#flights = flights
  }

  /** The answer to a call, given what was read. A value that is found at once is given as itself, not as a promise. */
  to(call: Call, reading: Reading): ServedValue | Promise<ServedValue> {
    const { key, callOptions } = call
    const { stored } = reading
    if (stored === undefined || callOptions.schema === undefined) return this.#judged(call, reading, stored)
    return schemaError(callOptions.schema, key, stored.value).then((error) =>
      this.#judged(call, reading, error === undefined ? stored : undefined),
    )
  }

  #judged(
    call: Call,
    { bytes, answered }: Reading,
    stored: KnownValue | undefined,
  ): ServedValue | Promise<ServedValue> {
    const { key, factory, callOptions, many } = call
    const { codec, store } = this.#setting
    const refreshes =
      stored !== undefined && callOptions.beta > 0 && isEarly(stored.entry, callOptions.beta, store.now(key))
    const by = answered ? 'store' : 'fallback'
    if (stored?.state === 'fresh' && !refreshes) return this.#hitStored(key, stored, by)
    // Written field by field, because copies by `...` took 4 KB more for each miss.
    const plan: ComputationPlan = {
      key,
      factory,
      life: callOptions.life,
      tags: callOptions.tags,
      maxComputeMs: callOptions.maxComputeMs,
      retryAfterMs: callOptions.retryAfterMs,
      schema: callOptions.schema,
      seen: callOptions.refresh ? 'any' : bytes,
      stale: undefined,
      manner: answered && !codec.mustStay(key, bytes) ? 'wait' : 'alone',
      onAsk: many?.foreground.ask,
      onFollow: many?.foreground.stay,
    }
    if (stored?.state !== 'fresh') return this.#without(plan, call, stored, by)
    this.#refresh(plan, stored, many)
    return this.#hitStored(key, stored, by)
  }

  /** Answers when no fresh value is stored: with the stale value, or with a computed one. */
  async #without(
    plan: ComputationPlan,
    { key, callOptions, at, deadline, many }: Call,
    stored: KnownValue | undefined,
    by: 'store' | 'fallback',
  ): Promise<ServedValue> {
    const { events, store } = this.#setting
    const serves = stored !== undefined && mayServeStale(stored.entry, callOptions.graceMs, store.now(key))
    const usable = serves ? stored : undefined
    // What the fallback knows is served only if it cannot be computed.
    const servesAtOnce = by === 'store' ? callOptions.softTimeoutMs === undefined : this.#flights.isResting(key)
    if (usable !== undefined && servesAtOnce) {
      this.#refresh(plan, usable, many)
      return this.#hitStored(key, usable, by)
    }
    const { softTimeoutMs } = callOptions
    const soft =
      usable === undefined || softTimeoutMs === undefined
        ? undefined
        : new CallerDeadline(key, { softTimeoutMs, outer: deadline })
    const planned = usable === undefined ? plan : { ...plan, stale: usable }
    try {
      // If the caller left by its signal while the store was asked, nothing is computed for it.
      callOptions.signal?.throwIfAborted()
      if (many !== undefined) many.computes = true
      const anew = callOptions.refresh
      const taken = await this.#flights.take({ plan: planned, at, anew, deadline: soft ?? deadline })
      if (typeof taken === 'object') {
        events.emit('miss', { key })
        const { value, computeMs, isStored, isRefused } = taken
        return { value, computeMs, isComputed: true, isStored, isShared: !isRefused }
      }
    } catch (error) {
      if (usable === undefined || deadline?.departure !== undefined) {
        events.emit('miss', { key })
        throw error
      }
      this.#setting.onFailed('refresh', key, error)
    } finally {
      soft?.end()
    }
    return this.#hitStored(key, usable as KnownValue, by)
  }

  #refresh(plan: ComputationPlan, stale: KnownValue, many: Membership | undefined): void {
    if (many !== undefined) many.refreshes = true
    this.#flights.refresh({
      ...plan,
      stale,
      manner: 'leave',
      ...(many === undefined ? {} : planOf(many.background)),
    })
  }

  #hitStored(key: string, { value, entry, state }: KnownValue, by: 'store' | 'fallback'): ServedValue {
    return hit(this.#setting.events, key, value, entry.computeMs, by, state === 'stale')
  }
}

/** The parts of a plan that a member of a batch has. */
function planOf({ factory, ask, stay }: Member<unknown>): Pick<ComputationPlan, 'factory' | 'onAsk' | 'onFollow'> {
  return { factory, onAsk: ask, onFollow: stay }
}
