import { Computation, type ComputationPlan, type ComputationSetting } from './computation.js'
import { CacheTimeoutError } from '../../contract/errors.js'
import type { CallerDeadline } from './caller-deadline.js'
import { isGoodFor, type Result } from './result.js'
import { schemaError, type EntryCodec } from '../../values/entry-codec.js'

interface Flight {
  readonly computation: Computation
  ended: boolean
  /** How many wait for it; one more for a flight in the background. */
  wanted: number
}

/** A call that waits for a computation. */
export interface Call {
  readonly plan: ComputationPlan
  /** The logical time at which it began. */
  readonly at: number
  /** Whether it wants a value whose factory began after it. */
  readonly anew: boolean
  readonly deadline: CallerDeadline
}

/** A value that a call may have. */
export interface Taken {
  readonly value: unknown
  readonly computeMs: number
  /** Whether an entry holds it. */
  readonly isStored: boolean
  /** Whether others may have it too. */
  readonly shared: boolean
}

const MAX_RESTING = 10_000

/**
 * One computation at a time for each key in this process, whose result all calls share that may have it. A result is good as of
 * some logical time; a call that began later goes round again. (As of: what a call gets was true at some time after it began.)
 */
export class SingleFlight {
  readonly #setting: ComputationSetting
  readonly #codec: EntryCodec
  readonly #flights = new Map<string, Flight>()
  /** Keys whose refresh is left to others or paused, and until when. */
  readonly #resting = new Map<string, number>()

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
    const { plan, deadline } = call
    for (let givenUp = 0; ;) {
      const joined = this.#flightToJoin(plan.key)
      if (joined !== undefined) plan.onFollow?.()
      const own = joined === undefined
      const flight = joined ?? this.#begin(plan)
      // eslint-disable-next-line no-await-in-loop -- goes round again only with a result that is not for the call
      const result = await this.#wait(flight, plan.key, deadline, own)
      if (result === 'soft') return result
      if (result === 'voided') continue
      if (result.kind === 'error') throw result.error
      // Of many who wait in vain one takes over, and the others do not queue behind each other.
      if (result.kind === 'given-up' && (own || ++givenUp > 1)) throw givenUpError(plan)
      if (result.kind === 'left' && own) return 'left'
      if (result.kind !== 'value') continue
      if (own) return result
      // eslint-disable-next-line no-await-in-loop
      const taken = isGoodFor(result, call) ? await this.#copy(plan.key, result) : undefined
      // What was computed for others, its schema may refuse: a miss, as if it were stored.
      // eslint-disable-next-line no-await-in-loop
      if (taken !== undefined && (await schemaError(plan.schema, plan.key, taken.value)) === undefined) return taken
    }
  }

  /** Lets no call join the computations of these keys that are under way: a write or delete has voided them. */
  void(concerns: (key: string) => boolean): void {
    for (const key of this.#flights.keys()) if (concerns(key)) this.#flights.delete(key)
  }

  /** Computes in the background, unless that is under way, paused, or another process does it. */
  refresh(plan: ComputationPlan): void {
    if (this.#flightToJoin(plan.key) !== undefined || this.#isResting(plan.key)) {
      plan.onFollow?.()
      return
    }
    const flight = this.#begin(plan)
    flight.wanted++
    flight.computation.result.then(
      (result) => {
        plan.onFollow?.()
        if (result.kind === 'left') this.#rest(plan.key, result.restMs)
        if (result.kind === 'given-up') this.#setting.onFailed('refresh', plan.key, givenUpError(plan))
        if (result.kind !== 'error') return
        this.#rest(plan.key, result.pauseMs)
        this.#setting.onFailed('refresh', plan.key, result.error)
      },
      (error: unknown) => {
        plan.onFollow?.()
        this.#setting.onFailed('refresh', plan.key, error)
      },
    )
  }

  #begin(plan: ComputationPlan): Flight {
    const flight = { computation: new Computation(this.#setting, plan), ended: false, wanted: 0 }
    this.#flights.set(plan.key, flight)
    const end = (): void => {
      flight.ended = true
      this.#detach(plan.key, flight)
    }
    flight.computation.result.then(end, end)
    return flight
  }

  /** Whoever has joined leaves when the computation becomes void; the one who began it has the result all the same. */
  async #wait(
    flight: Flight,
    key: string,
    deadline: CallerDeadline,
    own: boolean,
  ): Promise<Result | 'soft' | 'voided'> {
    const { computation } = flight
    flight.wanted++
    let leaves = true
    try {
      const ended = own ? computation.result : Promise.race([computation.result, computation.voided])
      const result = await deadline.within<Result | 'voided'>(ended)
      // One who has taken the stale value still wants the fresh one to come.
      leaves = result !== 'soft'
      return result
    } finally {
      if (leaves) flight.wanted--
      if (flight.wanted === 0 && !flight.ended) {
        this.#detach(key, flight)
        flight.computation.abandon()
      }
    }
  }

  /** The flight that a call may join: not one that lost its lease, whose result is for those that wait already. */
  #flightToJoin(key: string): Flight | undefined {
    const flight = this.#flights.get(key)
    if (flight?.computation.isVoid) this.#detach(key, flight)
    return this.#flights.get(key)
  }

  /** Lets nobody join a flight any more. */
  #detach(key: string, flight: Flight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }

  /** What one caller does to its value is not to be seen by another. What cannot be stored cannot be copied either. */
  async #copy(key: string, result: Result & { kind: 'value' }): Promise<Taken> {
    const { value, bytes, computeMs, isStored, shared } = result
    const stored = bytes === undefined ? undefined : await this.#codec.decode(key, bytes)
    return { value: stored === undefined ? this.#codec.copy(value) : stored.value, computeMs, isStored, shared }
  }

  #isResting(key: string): boolean {
    const untilMs = this.#resting.get(key)
    if (untilMs === undefined) return false
    if (untilMs > performance.now()) return true
    this.#resting.delete(key)
    return false
  }

  #rest(key: string, restMs: number): void {
    if (restMs <= 0) return
    if (this.#resting.size >= MAX_RESTING) this.#resting.delete(this.#resting.keys().next().value as string)
    this.#resting.set(key, performance.now() + restMs)
  }
}

function givenUpError({ key, maxComputeMs }: ComputationPlan): CacheTimeoutError {
  return new CacheTimeoutError(key, maxComputeMs, 'maxCompute')
}
