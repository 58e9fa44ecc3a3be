import { type Flight, type State, CALL, FLIGHT, UNWANTED, WRITER } from './state.js'
import type { Violation } from './rules.js'
import type { World } from './world.js'

/** Of each violation, whether a state shows it. `a wait for ever` is seen where nothing can happen any more, and a call has no answer. */
export const INVARIANTS = {
  'an old read': hasOldRead,
  'a refresh from before the call': refreshesEarly,
  'two computations at once': computesTwice,
  'old stays': keepsOld,
  'a wait for a third computation': waitsForThird,
  'a wait for a lease without need': waitsForLease,
  'somebody is left alone': desertsSomebody,
  'something newer is removed': removesNewer,
  'a timeout spoils the value': spoilsKept,
} as const satisfies Record<Exclude<Violation, 'a wait for ever'>, (world: World, state: State) => boolean>

/** A read that began after a deletion had ended gives what was there before. */
function hasOldRead(_: World, { calls }: State): boolean {
  return calls.some(({ at }) => at === CALL.old)
}

/** A call with `refresh: true` has a value whose factory began before the call did. */
function refreshesEarly(_: World, { calls }: State): boolean {
  return calls.some(({ at }) => at === CALL.early)
}

/**
 * Two factories of one key run, and nothing has happened that lets the second one run. In one process that holds also for those that run
 * without a lease.
 */
function computesTwice({ scenario }: World, { calls, flights }: State): boolean {
  const runs = (f: number): boolean => isRunning(flights[f]!) && flights[f]!.lost === 0
  return flights.some((_, one) =>
    flights.some(
      (__, other) =>
        one < other &&
        runs(one) &&
        runs(other) &&
        calls[one]!.key === calls[other]!.key &&
        (scenario.calls[one] === scenario.calls[other] || (flights[one]!.alone === 0 && flights[other]!.alone === 0)),
    ),
  )
}

/** When all deletions have ended, something from before them is there. A copy may be, as long as its message is under way. */
function keepsOld({ scenario }: World, { deleted, writers, processes, stored }: State): boolean {
  if (writers.some(({ at }) => at === WRITER.first || at === WRITER.second)) return false
  if (processes.some(({ pending }) => pending.includes(1))) return false
  const told = Math.max(deleted, ...processes.map((each) => each.deleted))
  return Array.from({ length: scenario.keys }).some(
    (_, key) =>
      isOld(stored[key]!.entry, told) ||
      processes.some(({ copies, news }) => news[key] === 0 && isOld(copies[key]!, told)),
  )
}

function isOld(version: number, told: number): boolean {
  return version > 0 && version < told
}

/** A call that has waited for two computations waits for another. */
function waitsForThird(_: World, { calls, flights }: State): boolean {
  return calls.some(({ at, vain, flight }) => {
    const on = at === CALL.waits ? flights[flight - 1]!.at : FLIGHT.none
    return vain > 1 && (on === FLIGHT.follows || on === FLIGHT.runs || on === FLIGHT.has)
  })
}

/** A computation follows one that has ended, was not told so, and nothing has happened that could explain it. */
function waitsForLease(_: World, { accident, calls, flights, stored }: State): boolean {
  return flights.some(({ at, told, leader }, f) => {
    return accident === 0 && at === FLIGHT.follows && told === 0 && stored[calls[f]!.key]!.lease !== leader
  })
}

/** A value that cannot be kept has removed one that is newer. */
function removesNewer(_: World, { robbed }: State): boolean {
  return robbed === 1
}

/** A computation has been abandoned although a call waited for it, or another process followed it when that was asked. */
function desertsSomebody(_: World, { flights }: State): boolean {
  return flights.some(({ unwanted, deserts }) => unwanted === UNWANTED.abandoned && deserts === 1)
}

/** A computation has been abandoned that a call has left by its timeout. */
function spoilsKept(_: World, { flights }: State): boolean {
  return flights.some(({ unwanted, kept }) => unwanted === UNWANTED.abandoned && kept === 1)
}

/** Whether all calls that have begun have an answer. */
export function areAnswered({ calls }: State): boolean {
  return calls.every(({ at }) => at === CALL.idle || at >= CALL.answered)
}

function isRunning({ at }: Flight): boolean {
  return at === FLIGHT.runs || at === FLIGHT.has
}
