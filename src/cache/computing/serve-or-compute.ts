import type { Factory } from '../../contract/cache.js'
import type { ComputationPlan, ComputationSetting } from './computation.js'
import { isEarly } from '../../values/early-refresh.js'
import { type ServedValue, hit } from '../../contract/events/served-value.js'
import { CallerDeadline } from './caller-deadline.js'
import type { Reading } from '../reading/reader.js'
import type { SingleFlight } from './single-flight.js'
import { schemaError, type Stored } from '../../values/entry-codec.js'
import type { CallOptions } from '../../contract/options/call-options.js'
import { mayServeStale } from '../../values/freshness.js'

/** A call to be answered. */
export interface Call {
  readonly key: string
  readonly factory: Factory<unknown>
  readonly callOptions: CallOptions
  /** The logical time at which it began. */
  readonly at: number
  /** Where it is one of many. */
  readonly many?: Membership
}

/** What a key of `getOrSetMany` has of the factory that it shares. */
interface Membership {
  readonly foreground: { readonly factory: Factory<unknown>; readonly stay: () => void }
  readonly background: { readonly factory: Factory<unknown>; readonly stay: () => void }
  /** Whether a refresh was begun, which will say itself whether the key is computed in the background. */
  refreshes: boolean
}

/** Answers calls where their key was read: with what is fresh, with what is stale while it is computed anew, or with what is computed. */
export class ServeOrCompute {
  readonly #setting: ComputationSetting
  readonly #flights: SingleFlight

  constructor(setting: ComputationSetting, flights: SingleFlight) {
    this.#setting = setting
    this.#flights = flights
  }

  /** The answer to a call, given what was read. What is found at once is given at once, not as a promise. */
  to(call: Call, reading: Reading): ServedValue | Promise<ServedValue> {
    const { key, callOptions } = call
    const { stored } = reading
    if (stored === undefined || callOptions.schema === undefined) return this.#judged(call, reading, stored)
    return schemaError(callOptions.schema, key, stored.value).then((error) =>
      this.#judged(call, reading, error === undefined ? stored : undefined),
    )
  }

  #judged(call: Call, { bytes, answered }: Reading, stored: Stored | undefined): ServedValue | Promise<ServedValue> {
    const { key, factory, callOptions, at, many } = call
    const { codec, store } = this.#setting
    const refreshes =
      stored !== undefined && callOptions.beta > 0 && isEarly(stored.entry, callOptions.beta, store.now(key))
    if (stored?.state === 'fresh' && !refreshes) return this.#hitStored(key, stored, false)
    // Field by field: copies by `...` took 4 KB more for each miss.
    const plan: ComputationPlan = {
      key,
      factory,
      life: callOptions.life,
      tags: callOptions.tags,
      maxComputeMs: callOptions.maxComputeMs,
      schema: callOptions.schema,
      seen: callOptions.refresh ? 'any' : bytes,
      stale: undefined,
      manner: answered && !codec.mustStay(key, bytes) ? 'wait' : 'alone',
      onFollow: many?.foreground.stay,
    }
    if (stored?.state !== 'fresh') return this.#without(plan, callOptions, stored, at, many)
    this.#refresh(plan, stored, many)
    return this.#hitStored(key, stored, false)
  }

  /** Answers where nothing fresh is stored: with what is stale, or with what is computed. */
  async #without(
    plan: ComputationPlan,
    callOptions: CallOptions,
    stored: Stored | undefined,
    at: number,
    many: Membership | undefined,
  ): Promise<ServedValue> {
    const { key } = plan
    const { events, store } = this.#setting
    const serves = stored !== undefined && mayServeStale(stored.entry, callOptions.graceMs, store.now(key))
    const usable = serves ? stored : undefined
    if (usable !== undefined && callOptions.softTimeoutMs === undefined) {
      this.#refresh(plan, usable, many)
      return this.#hitStored(key, usable, true)
    }
    const deadline = new CallerDeadline(key, {
      timeoutMs: callOptions.timeoutMs,
      softTimeoutMs: usable === undefined ? undefined : callOptions.softTimeoutMs,
      signal: callOptions.signal,
    })
    const planned = usable === undefined ? plan : { ...plan, stale: usable }
    try {
      // Who has left while the store was asked wants nothing computed.
      callOptions.signal?.throwIfAborted()
      const taken = await this.#flights.take({ plan: planned, at, anew: callOptions.refresh, deadline })
      if (typeof taken === 'object') {
        events.emit('miss', { key })
        const { value, computeMs, isStored, shared } = taken
        return { value, computeMs, isComputed: true, isStored, isShared: shared }
      }
    } catch (error) {
      if (usable === undefined || callOptions.signal?.aborted) {
        events.emit('miss', { key })
        throw error
      }
      this.#setting.onFailed('refresh', key, error)
    } finally {
      deadline.end()
    }
    return this.#hitStored(key, usable as Stored, true)
  }

  #refresh(plan: ComputationPlan, stale: Stored, many: Membership | undefined): void {
    if (many !== undefined) many.refreshes = true
    this.#flights.refresh({
      ...plan,
      stale,
      manner: 'leave',
      ...(many === undefined ? {} : { factory: many.background.factory, onFollow: many.background.stay }),
    })
  }

  #hitStored(key: string, { value, entry: { computeMs } }: Stored, stale: boolean): ServedValue {
    return hit(this.#setting.events, key, value, computeMs, 'store', stale)
  }
}
