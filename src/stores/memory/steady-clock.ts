import { realTime } from '../../checks/real-time.js'

/**
 * The time of this process in ms since 1970: the system's when the process began, and steady from then on, even if the system's clock is
 * set. While a test fakes `Date`, the faked time.
 */
export function steadyNow(): number {
  return isFaked(Date.now) ? Date.now() : realTime.originMs + realTime.nowMs()
}

let known: unknown
let knownAsFaked = false

function isFaked(now: () => number): boolean {
  if (now !== known) {
    known = now
    knownAsFaked = !Function.prototype.toString.call(now).includes('[native code]')
  }
  return knownAsFaked
}
