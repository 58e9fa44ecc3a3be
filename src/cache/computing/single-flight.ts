import type { ComputationSetting } from './computation-setting.js'
import type { ComputationPlan } from './computation-plan.js'
import { CacheTimeoutError } from '../../contract/errors.js'
import { CallerDeadline } from './caller-deadline.js'
import { Flight, type WaitEnd } from './flight.js'
import { waitInFactory } from '../factories/factory-wait.js'
import { isGoodFor, type Result } from './result.js'
import { schemaError, type EntryCodec } from '../../values/entry-codec.js'

/** A call that waits for a computation. */
export interface Call {
  readonly plan: ComputationPlan
  /** The logical time at which it began. */
  readonly at: number
  /** Whether the call wants a value whose factory began after the call. */
  readonly anew: boolean
  readonly deadline: CallerDeadline | undefined
}

/** A value that a call may have. */
export interface Taken {
  readonly value: unknown
  readonly computeMs: number
  /** Whether the value is stored. */
  readonly isStored: boolean
  /** Whether a write or delete came while it was computed, so that no later call may have it. */
  readonly isRefused: boolean
}

const MAX_RESTING = 10_000

/**
 * Runs one computation at a time for each key in this process. All calls that may have its result share it. A result is good as of some
 * logical time: what a call gets was true at some time after it began. So a call that began after that time waits for the next computation.
 */
export class SingleFlight {
  readonly #setting: ComputationSetting
  readonly #codec: EntryCodec
  readonly #flights = new Map<string, Flight>()
  /** Keys that this process does not refresh yet, from when on and until when. Another process refreshes them, or their refresh is paused. */
  readonly #resting = new Map<string, { readonly fromMs: number; readonly untilMs: number }>()

  constructor(setting: ComputationSetting) {
    this.#setting = setting
    this.#codec = setting.codec
    setting.store.onTagRemoved((tag) => {
      for (const { computation } of this.#flights.values()) computation.tagRemoved(tag)
    })
  }

  /**
   * The value for a call; `soft` when its `softTimeout` has passed, `left` when the computation was left to others.
   * @throws what the factory threw, or when the call's deadline has passed.
   */
  async take(call: Call): Promise<Taken | 'soft' | 'left'> {
    const { plan } = call
    let inVain = false
    for (let givenUp = 0; ;) {
      plan.onAsk?.()
      const joined = this.#flightToJoin(plan.key)
      if (joined !== undefined) plan.onFollow?.()
      const own = joined === undefined
      const flight = joined ?? this.#begin(plan)
      if (inVain) flight.computation.followNobody()
      // eslint-disable-next-line no-await-in-loop -- goes round again only with a result that is not for the call
      const result = await this.#wait(flight, call, own ? -Infinity : call.at)
      if (result === 'soft') return result
      if (result === 'voided') {
        inVain = true
        continue
      }
      if (result.kind === 'error') {
        if (own) this.#rest(plan.key, result.pauseMs)
        throw result.error
      }
      // When a computation is given up, the calls that waited for it share one more. If that is given up too, they fail. Otherwise they
      // would wait for one after another.
      if (result.kind === 'given-up' && (own || ++givenUp > 1)) throw givenUpError(plan)
      if (result.kind === 'left' && own) return 'left'
      if (result.kind !== 'value') continue
      if (own) return result
      if (!isGoodFor(result, call)) {
        inVain ||= !result.isFound && !call.anew
        continue
      }
      // eslint-disable-next-line no-await-in-loop
      const taken = await this.#copy(plan.key, result)
      // The schema of this call may refuse a value that was computed for another call. That is a miss, as with a stored value.
      // eslint-disable-next-line no-await-in-loop
      if ((await schemaError(plan.schema, plan.key, taken.value)) === undefined) return taken
    }
  }

  /** Lets no more calls join the running computations of these keys, because a write or delete has voided them. */
  void(concerns: (key: string) => boolean): void {
    for (const key of this.#flights.keys()) if (concerns(key)) this.#flights.delete(key)
  }

  /** Computes in the background, unless a computation is under way, refreshes are paused, or another process computes the key. */
  refresh(plan: ComputationPlan): void {
    if (this.#flightToJoin(plan.key) !== undefined || this.isResting(plan.key)) {
      plan.onFollow?.()
      return
    }
    const flight = this.#begin(plan)
    flight.goOn()
    flight.computation.result.then(
      (result) => {
        if (result.kind === 'left') this.#rest(plan.key, result.restMs)
        if (result.kind === 'given-up') this.#setting.onFailed('refresh', plan.key, givenUpError(plan))
        if (result.kind !== 'error') return
        this.#rest(plan.key, result.pauseMs)
        this.#setting.onFailed('refresh', plan.key, result.error)
      },
      (error: unknown) => this.#setting.onFailed('refresh', plan.key, error),
    )
  }

  #begin(plan: ComputationPlan): Flight {
    const flight = new Flight(this.#setting, plan, (ended) => {
      this.#detach(plan.key, ended)
      plan.onFollow?.()
    })
    this.#flights.set(plan.key, flight)
    return flight
  }

  /** Waits for a flight. A call inside a factory waits no longer than until it is found to be part of a cycle. */
  #wait(flight: Flight, { plan: { key }, deadline }: Call, at: number): Promise<WaitEnd> {
    const wait = waitInFactory(flight.computation, key)
    if (wait === undefined) return flight.wait(at, deadline)
    const inner = new CallerDeadline(key, { outer: deadline })
    wait.onRefused((error) => inner.leave({ by: 'cycle', error }))
    return flight.wait(at, inner).finally(() => {
      wait.end()
      inner.end()
    })
  }

  /** The flight that a call may join. A void computation cannot be joined: its result is only for calls that began before its factory. */
  #flightToJoin(key: string): Flight | undefined {
    const flight = this.#flights.get(key)
    if (flight?.computation.isVoid) this.#detach(key, flight)
    return this.#flights.get(key)
  }

  /** Removes a flight, so that no more calls join it. */
  #detach(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }

  /** A copy of the value, so that no caller sees what another one does to it. A value that cannot be stored cannot be copied either. */
  async #copy(key: string, result: Result & { kind: 'value' }): Promise<Taken> {
    const { value, bytes, computeMs, isStored, isRefused } = result
    const stored = bytes === undefined ? undefined : await this.#codec.decode(key, bytes)
    return { value: stored === undefined ? this.#codec.copy(value) : stored.value, computeMs, isStored, isRefused }
  }

  /** Whether this process does not refresh a key for a while, after a failure or because another process does. */
  isResting(key: string): boolean {
    const rest = this.#resting.get(key)
    if (rest === undefined) return false
    const nowMs = this.#setting.store.now(key)
    // Before it began: the store's clock was set back.
    if (rest.fromMs <= nowMs && nowMs < rest.untilMs) return true
    this.#resting.delete(key)
    return false
  }

  #rest(key: string, restMs: number): void {
    if (restMs <= 0) return
    if (this.#resting.size >= MAX_RESTING) this.#resting.delete(this.#resting.keys().next().value as string)
    const fromMs = this.#setting.store.now(key)
    this.#resting.set(key, { fromMs, untilMs: fromMs + restMs })
  }
}

function givenUpError({ key, maxComputeMs }: ComputationPlan): CacheTimeoutError {
  return new CacheTimeoutError(key, maxComputeMs, 'maxCompute')
}
