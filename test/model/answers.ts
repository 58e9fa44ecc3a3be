import { type Call, type State, CALL, EMPTY } from './state.js'
import type { World } from './world.js'

/* What a call finds and gets: the end of `ReadThrough` and of `SingleFlight`. */

/** The call has its value. `warned`: a message says that the copy is old, and is under way. `late`: which calls began after its factory. */
export function answer({ calls }: State, r: number, value: number, warned = false, late = 0): void {
  const { floor, ownFloor } = calls[r]!
  const isOld = value < ownFloor || (value < floor && !warned)
  const isEarly = (late & (1 << r)) !== 0
  calls[r] = { ...EMPTY.call, at: isOld ? CALL.old : isEarly ? CALL.early : CALL.answered }
}

/** The call asks anew, after it waited for a computation `inVain`. */
export function goRound(call: Call, inVain: boolean): void {
  Object.assign(call, { at: CALL.missed, flight: 0, asked: 0, anew: 0, vain: call.vain + (inVain ? 1 : 0) })
}

/** The version that a process finds under a key. An entry that a failed deletion concerns is missing (`FailedDeletions.hides`). */
export function visible(world: World, { stored, processes, calls }: State, r: number): number {
  const { key } = calls[r]!
  const isHidden =
    processes[world.scenario.calls[r]!]!.pending[key] === 1 && world.keeps('a failed deletion hides its keys')
  return isHidden ? 0 : stored[key]!.entry
}

/** Whether a call, and what it computes, takes nothing that is stored. */
export function computesAnyway({ scenario }: World, r: number): boolean {
  return scenario.computing?.includes(r) === true
}

/** Whether two calls are of one process and one key. */
export function isAlike({ scenario }: World, { calls }: State, r: number, other: number): boolean {
  return (
    scenario.calls[r] === scenario.calls[other] && calls[r]!.key === calls[other]!.key && calls[r]!.at !== CALL.idle
  )
}
