import type { CallerDeadline, Departure } from './caller-deadline.js'
import { Computation } from './computation.js'
import type { ComputationSetting } from './computation-setting.js'
import type { ComputationPlan } from './computation-plan.js'
import type { Result } from './result.js'

/** What ended the wait of a call. `voided`: the computation has become void, and its result is not for this call. */
export type WaitEnd = Result | 'voided' | 'soft'

/** A call that waits. What it waits for is kept nowhere else, so nothing of a call is left when it leaves. */
interface Waiting {
  /** The logical time at which the call began; `-Infinity` for the call that began the flight, which has the result in any case. */
  readonly at: number
  readonly resolve: (end: WaitEnd) => void
  readonly reject: (error: unknown) => void
  /** Ends the listening to the call's deadline. */
  stop: () => void
}

/** A computation of this process, and the calls that wait for it. */
export class Flight {
  readonly computation: Computation
  readonly #waiting = new Set<Waiting>()
  /** Whether it is to go on although nobody waits: it is a refresh in the background, or a call has left it by a timeout. */
  #goesOn = false
  #ended = false

  constructor(setting: ComputationSetting, plan: ComputationPlan, onEnd: (flight: Flight) => void) {
    const end = (settle: (waiting: Waiting) => void): void => {
      onEnd(this)
      this.#end(settle)
    }
    this.computation = new Computation(setting, plan, (startedAt) => this.#voided(startedAt))
    this.computation.result.then(
      (result) => end(({ resolve }) => resolve(result)),
      (error: unknown) => end(({ reject }) => reject(error)),
    )
  }

  /** Lets the computation end even if nobody waits for it. */
  goOn(): void {
    this.#goesOn = true
  }

  /**
   * Waits for the result. A call that joined leaves when the computation becomes void, unless it began before the factory did: whatever
   * voided the computation, the factory has read what was there after that call began.
   * @throws when the call's deadline has passed.
   */
  wait(at: number, deadline: CallerDeadline | undefined): Promise<WaitEnd> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { at, resolve, reject, stop: () => undefined }
      this.#waiting.add(waiting)
      if (deadline !== undefined) waiting.stop = deadline.onDeparture((departure) => this.#leave(waiting, departure))
    })
  }

  #leave(waiting: Waiting, departure: Departure): void {
    this.#waiting.delete(waiting)
    // What the call has no time to wait for is still worth storing.
    if (departure.by === 'timeout' || departure.by === 'soft') this.#goesOn = true
    if (departure.by === 'soft') waiting.resolve('soft')
    else waiting.reject(departure.error)
    void this.#abandonUnwanted()
  }

  #voided(startedAt: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.at <= startedAt) continue
      this.#waiting.delete(waiting)
      waiting.stop()
      waiting.resolve('voided')
    }
    void this.#abandonUnwanted()
  }

  #end(settle: (waiting: Waiting) => void): void {
    this.#ended = true
    for (const waiting of this.#waiting) {
      waiting.stop()
      settle(waiting)
    }
    this.#waiting.clear()
  }

  get #isUnwanted(): boolean {
    return this.#waiting.size === 0 && !this.#goesOn && !this.#ended
  }

  /**
   * Abandons the computation if nobody wants its result: no call of this process, and no process that follows it. Calls that come later wait
   * until it has ended, because one computation runs at a time, also where a factory does not heed its signal.
   */
  async #abandonUnwanted(): Promise<void> {
    if (!this.#isUnwanted || (await this.computation.isFollowed())) return
    // A call may have joined while the store was asked.
    if (this.#isUnwanted) this.computation.abandon()
  }
}
