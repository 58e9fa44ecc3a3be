import { answer, computesAnyway, goRound, isAlike, visible } from './answers.js'
import { abandonUnwanted } from './departures.js'
import { type Take, waiting, type World } from './world.js'
import { acquire, fill, fillWithNothing, release, renew, skip } from './redis.js'
import { type State, ALONE, CALL, EMPTY, FLIGHT, TOLD, UNWANTED } from './state.js'

/* What the computations of a process do, each step by the part of `src/cache` that does it. */

/** The steps of all computations (`Computation`). */
export function flightSteps(world: World, state: State, take: Take): void {
  for (const [f, flight] of state.flights.entries()) {
    const { at: call, key } = state.calls[f]!
    const { lease, over, buried, unknown } = state.stored[key]!
    const { cut } = state.processes[world.scenario.calls[f]!]!
    const token = f + 1
    const name = `flight ${f}`
    const { at } = flight
    if (at === FLIGHT.none && call !== CALL.gone && lease === token && cut === 0) {
      take(`${name}: RELEASE of what was left behind (HeldLeases)`, (next) => release(next, key, token, TOLD.voided))
    }
    if (at === FLIGHT.asks) {
      if (cut === 1) take(`${name}: ACQUIRE is not answered`, (next) => goAlone(world, next, f))
      else take(`${name}: ACQUIRE`, (next) => ask(world, next, f))
    }
    if (at === FLIGHT.follows) {
      if (flight.told !== 0) take(`${name} hears of the end (LeaseEnd.tell)`, (next) => hearEnd(world, next, f))
      else if (cut === 1 || over === 1 || lease !== flight.leader) {
        take(`${name} looks again (LeaseEnds.waitMs): ACQUIRE`, (next) => lookAgain(world, next, f, cut === 0))
      }
    }
    if (at === FLIGHT.runs) {
      take(`${name}: the factory reads the source`, (next) => {
        Object.assign(next.flights[f]!, { at: FLIGHT.has, value: next.source })
      })
      if (state.left.failures > 0 && flight.unwanted !== UNWANTED.abandoned)
        take(`${name}: the factory fails, RELEASE`, (next) => fail(next, f, cut === 0))
    }
    if ((at === FLIGHT.runs || at === FLIGHT.has) && flight.alone === 0 && flight.isVoid === 0 && cut === 0) {
      const matters = lease !== token || over === 1 || (buried + unknown > 0 && world.scenario.lateTags !== true)
      if (matters) take(`${name}: RENEW`, (next) => renewLease(world, next, f))
    }
    if ((at === FLIGHT.runs || at === FLIGHT.has) && flight.told !== 0) {
      take(`${name} hears that what it computes is void (LeaseEnd.onVoided)`, (next) => leave(world, next, f))
    }
    if (at === FLIGHT.has) {
      if (flight.alone === 0) {
        take(`${name} sends FILL`, (next) => send(next, f, 0))
        if (state.left.unkept > 0) {
          take(`${name} sends FILL of nothing (Lease.fillWithNothing)`, (next) => send(next, f, 1))
          if (cut === 0) take(`${name} skips: RELEASE`, (next) => skipLease(world, next, f))
        }
      } else
        take(`${name} ends`, (next) =>
          end(next, f, world.keeps('a value computed alone is good as of its start') ? 1 : 3),
        )
    }
    if (at === FLIGHT.sent) {
      if (cut === 1) take(`${name}: FILL is not answered`, (next) => end(next, f, 1))
      else take(`${name}: FILL`, (next) => fillLease(world, next, f))
    }
    if (at === FLIGHT.ends || at === FLIGHT.found) {
      take(`${name}: the result arrives (SingleFlight.take)`, (next) => deliver(world, next, f))
    }
  }
}

/** `ACQUIRE`, and what `Computation.#leadOrFollow` makes of it. */
function ask(world: World, next: State, f: number): void {
  const flight = next.flights[f]!
  if (flight.unwanted === UNWANTED.abandoned) {
    // What it leads is released at once, as something left behind.
    if (visible(world, next, f) === 0) acquire(world, next, next.calls[f]!.key, f + 1)
    endUnwanted(next, f)
    return
  }
  const value = visible(world, next, f)
  const { stamp, late } = next.stored[next.calls[f]!.key]!
  const isTaken = world.scenario.refresh !== true || (flight.seen > 0 && flight.seen !== stamp + 1)
  if (value !== 0 && isTaken && !computesAnyway(world, f)) {
    flight.late = late
    const good = world.keeps('a value that was acquired is good as of the question') ? 1 : 3
    Object.assign(flight, { at: FLIGHT.found, value, good })
    return
  }
  const leader = acquire(world, next, next.calls[f]!.key, f + 1)
  if (leader === 0) start(world, next, f, 0)
  else if (flight.aside === 1 && leader !== flight.leader) start(world, next, f, ALONE.beside)
  else follow(world, next, f, leader)
}

/** `Following.follow`. */
function follow(world: World, next: State, f: number, leader: number): void {
  const flight = next.flights[f]!
  const isSecond =
    (flight.leader !== 0 && flight.leader !== leader) ||
    !world.keeps('a refresh does not take what the first leader stores')
  if (world.scenario.refresh === true && flight.seen === 0 && isSecond) {
    flight.seen = next.stored[next.calls[f]!.key]!.stamp + 1
    const joinsLate = world.keeps('who joins a refresh that follows waits for another')
    for (const call of waiting(next, f)) call.anew = call.asked > 1 || !joinsLate ? 1 : 0
  }
  Object.assign(flight, { at: FLIGHT.follows, leader, told: 0 })
}

/** `ACQUIRE` was not answered. */
function goAlone(world: World, next: State, f: number): void {
  if (next.flights[f]!.unwanted === UNWANTED.abandoned) endUnwanted(next, f)
  else start(world, next, f, ALONE.unanswered)
}

/** It was abandoned before it began. */
function endUnwanted(next: State, f: number): void {
  for (const call of waiting(next, f)) goRound(call, false)
  next.flights[f] = { ...EMPTY.flight }
}

/** The factory begins: `Computation.#lead` or `Computation.#alone`. */
function start(world: World, next: State, f: number, alone: number): void {
  const idle = next.calls.map(({ at }, r) => (at === CALL.idle ? 1 << r : 0)).reduce((mask, bit) => mask | bit, 0)
  const late = world.scenario.refresh === true ? idle : 0
  Object.assign(next.flights[f]!, { at: FLIGHT.runs, alone, leader: 0, told: 0, aside: 0, late })
  earlier(world, next, f)
}

/** `Computation.#acquire` is sent. */
export function asks(world: World, next: State, f: number): void {
  next.flights[f]!.at = FLIGHT.asks
  if (world.scenario.refresh === true) for (const call of waiting(next, f)) call.asked = Math.min(2, call.asked + 1)
  earlier(world, next, f)
}

/** All that have begun are from before what this flight does now. */
function earlier(world: World, next: State, f: number): void {
  const { joinable } = next.flights[f]!
  for (const [r, call] of next.calls.entries()) {
    if (isAlike(world, next, r, f) && (call.flight === f + 1 || (call.flight === 0 && joinable === 1))) call.after = 0
  }
}

function hearEnd(world: World, next: State, f: number): void {
  const flight = next.flights[f]!
  const isTooEarly = world.scenario.refresh === true && flight.seen === 0 && flight.told === TOLD.filled
  flight.aside = !isTooEarly && world.keeps('who followed one that ended follows no other') ? 1 : 0
  if (flight.told !== TOLD.filled) flight.seen = 0
  flight.told = 0
  for (const call of waiting(next, f)) Object.assign(call, { vain: call.vain + (isTooEarly ? 0 : 1) })
  asks(world, next, f)
}

/** No message has come, so the store is asked again. */
function lookAgain(world: World, next: State, f: number, answers: boolean): void {
  asks(world, next, f)
  if (answers) ask(world, next, f)
  else start(world, next, f, ALONE.unanswered)
}

/** A factory that throws. All that wait get the error. */
function fail(next: State, f: number, answers: boolean): void {
  next.left.failures--
  if (answers) release(next, next.calls[f]!.key, f + 1, TOLD.nothing)
  next.flights[f] = { ...EMPTY.flight }
  for (const call of waiting(next, f)) Object.assign(call, { ...EMPTY.call, at: CALL.answered })
}

/** `Lease.renew`, of the heartbeat or since a message came. Who joined later leaves when the lease is lost: `Flight.#voided`. */
function renewLease(world: World, next: State, f: number): void {
  const { key } = next.calls[f]!
  if (!renew(world, next, key, f + 1, world.scenario.lateTags !== true)) leave(world, next, f)
}

/** The flight is void, as far as its process knows. */
function leave(world: World, next: State, f: number): void {
  next.flights[f]!.told = 0
  Object.assign(next.flights[f]!, { isVoid: 1, joinable: 0 })
  const some = world.keeps('calls from before the factory stay when it becomes void')
  for (const call of waiting(next, f)) {
    if (call !== next.calls[f] && (call.after > 0 || !some)) goRound(call, true)
  }
  abandonUnwanted(world, next, f)
}

function send(next: State, f: number, unkept: number): void {
  next.left.unkept -= unkept
  Object.assign(next.flights[f]!, { at: FLIGHT.sent, unkept })
}

/** After `skip()`. */
function skipLease(world: World, next: State, f: number): void {
  next.left.unkept--
  end(next, f, skip(world, next, next.calls[f]!.key, f + 1) ? 2 : 1)
}

/** `FILL`, and as of when its value is good: `Computation.#keep`. */
function fillLease(world: World, next: State, f: number): void {
  const { key } = next.calls[f]!
  const { value, unkept } = next.flights[f]!
  const held = (unkept === 1 ? fillWithNothing : fill)(world, next, key, f + 1, value)
  if (held) end(next, f, world.keeps('a stored value is good as of its sending') ? 2 : 3)
  else if (!world.keeps('a refused value is good as of its start')) end(next, f, 3)
  else end(next, f, world.keeps('calls from before the factory stay when it becomes void') ? 1 : 0)
}

function end(next: State, f: number, good: number): void {
  Object.assign(next.flights[f]!, { at: FLIGHT.ends, good })
}

/** `SingleFlight.take`: who may have the result has it, the others go round again. */
function deliver(world: World, next: State, f: number): void {
  const { at, value, good, late } = next.flights[f]!
  const isRefresh = world.scenario.refresh === true
  for (const [r, call] of next.calls.entries()) {
    if (call.at !== CALL.waits || call.flight !== f + 1) continue
    const isAnew = !isRefresh || (at === FLIGHT.found ? call.anew === 1 : call.after === 0)
    if (r === f || (call.after < good && isAnew)) answer(next, r, value, false, late)
    else goRound(call, at === FLIGHT.ends && call.after < 2 && !isRefresh)
  }
  next.flights[f] = { ...EMPTY.flight }
}
