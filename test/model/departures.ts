import { goRound } from './answers.js'
import { release } from './redis.js'
import { type State, CALL, EMPTY, FLIGHT, TOLD, UNWANTED } from './state.js'
import { type Take, waiting, type World } from './world.js'

/* How callers go before they have an answer, and what becomes of a computation for which nobody waits any more: `Flight`. */

/** The steps of all callers that leave, and of what they leave behind. */
export function departureSteps(world: World, state: State, take: Take): void {
  for (const [r, { at }] of state.calls.entries()) {
    const name = `call ${r}`
    if (at === CALL.waits && state.left.signals > 0) {
      take(`${name} leaves by its signal (Flight.#leave)`, (next) => depart(world, next, r, 'signals'))
    }
    if (at === CALL.waits && state.left.timeouts > 0) {
      take(`${name} leaves by its timeout (Flight.#leave)`, (next) => depart(world, next, r, 'timeouts'))
    }
  }
  for (const [f, { at, unwanted }] of state.flights.entries()) {
    const { cut } = state.processes[world.scenario.calls[f]!]!
    const name = `flight ${f}`
    if (unwanted === UNWANTED.asks) {
      if (cut === 1) take(`${name}: HGET is not answered`, (next) => abandonLater(world, next, f))
      else take(`${name}: HGET, is it followed (Computation.isFollowed)`, (next) => hearFollowed(world, next, f))
    }
    if (unwanted === UNWANTED.unfollowed) {
      take(`${name}: the reply to HGET arrives (Computation.abandon)`, (next) => abandonLater(world, next, f))
    }
    if (unwanted === UNWANTED.abandoned && (at === FLIGHT.runs || at === FLIGHT.has)) {
      take(`${name}: the factory heeds its signal, RELEASE`, (next) => endAbandoned(next, f, cut === 0))
    }
  }
}

/** `Flight.#leave`: a caller goes before it has an answer. */
function depart(world: World, next: State, r: number, by: 'signals' | 'timeouts'): void {
  const { flight, key } = next.calls[r]!
  next.left[by]--
  next.calls[r] = { ...EMPTY.call, key, at: CALL.answered }
  const left = next.flights[flight - 1]!
  // What is abandoned already cannot be kept any more.
  if (by === 'timeouts' && left.unwanted !== UNWANTED.abandoned) left.kept = 1
  abandonUnwanted(world, next, flight - 1)
}

/** `Flight.#abandonUnwanted`. */
export function abandonUnwanted(world: World, next: State, f: number): void {
  const flight = next.flights[f]!
  if (flight.at === FLIGHT.none || flight.at >= FLIGHT.sent || waiting(next, f).length > 0) return
  if (flight.kept === 1 && world.keeps('a timeout abandons nothing')) return
  const leads = flight.at >= FLIGHT.runs && flight.alone === 0 && flight.isVoid === 0
  if (leads) flight.unwanted = UNWANTED.asks
  else abandon(next, f)
}

/** `Computation.isFollowed`. */
function hearFollowed(world: World, next: State, f: number): void {
  const { key } = next.calls[f]!
  const { lease, followed } = next.stored[key]!
  const flight = next.flights[f]!
  const isFollowed = lease === f + 1 && followed === 1
  const deserts = next.flights.some(({ at, leader, told }) => at === FLIGHT.follows && leader === f + 1 && told === 0)
  if (isFollowed && world.keeps('a computation that is followed is not abandoned')) flight.unwanted = 0
  else Object.assign(flight, { unwanted: UNWANTED.unfollowed, deserts: deserts ? 1 : 0 })
}

/** `Computation.abandon`, unless a call has joined meanwhile, or has joined and left by its timeout. */
function abandonLater(world: World, next: State, f: number): void {
  const isJoined =
    waiting(next, f).length > 0 && world.keeps('who joins while the store is asked keeps the computation')
  const isKept = next.flights[f]!.kept === 1 && world.keeps('a timeout abandons nothing')
  if (isJoined || isKept) Object.assign(next.flights[f]!, { unwanted: 0, deserts: 0 })
  else abandon(next, f)
}

/** `Computation.abandon`. Calls may still join, and wait until it has ended. */
function abandon(next: State, f: number): void {
  const flight = next.flights[f]!
  if (waiting(next, f).length > 0) flight.deserts = 1
  if (flight.at === FLIGHT.follows) next.flights[f] = { ...EMPTY.flight }
  else flight.unwanted = UNWANTED.abandoned
}

/** The factory of a computation that was abandoned throws, as its signal has aborted: `Computation.#leave`. */
function endAbandoned(next: State, f: number, answers: boolean): void {
  const { alone } = next.flights[f]!
  if (alone === 0 && answers) release(next, next.calls[f]!.key, f + 1, TOLD.voided)
  for (const call of waiting(next, f)) goRound(call, false)
  next.flights[f] = { ...EMPTY.flight }
}
