import { heldBackText, OnceAMinute } from './once-a-minute.js'
import { placeOf, reasonOf } from '../../checks/reason.js'

/** Process warnings about repeated failures: each one at most once a minute, with the number that was held back. */
export class RateLimitedWarnings {
  readonly #limit = new OnceAMinute()

  /** Warns of a failure. `warning` is our own sentence. The reason, taken from `thrown`, is added at its end. `thrown` may be anything. */
  give(code: string, warning: string, thrown: unknown): void {
    const heldBack = this.#limit.take(`${code} ${warning}`)
    if (heldBack === undefined) return
    process.emitWarning(`${warning}: ${reasonOf(thrown)}${placeOf(thrown)}${heldBackText(heldBack)}`, { code })
  }
}
