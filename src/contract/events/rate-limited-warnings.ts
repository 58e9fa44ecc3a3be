import { heldBackText, OnceAMinute } from './once-a-minute.js'
import { placeOf, reasonOf } from '../../checks/reason.js'

/** Process warnings of what goes wrong again and again: the same at most once a minute, with how many there were. */
export class RateLimitedWarnings {
  readonly #limit = new OnceAMinute()

  /** Warns of a failure. `warning` is our own sentence, which ends where the reason follows; `thrown` may be anything. */
  give(code: string, warning: string, thrown: unknown): void {
    const heldBack = this.#limit.take(`${code} ${warning}`)
    if (heldBack === undefined) return
    process.emitWarning(`${warning}: ${reasonOf(thrown)}${placeOf(thrown)}${heldBackText(heldBack)}`, { code })
  }
}
