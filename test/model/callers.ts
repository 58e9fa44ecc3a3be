import { answer, computesAnyway, isAlike, visible } from './answers.js'
import { asks } from './flights.js'
import { near, type Take, type World } from './world.js'
import { type State, CALL, EMPTY, FLIGHT } from './state.js'

/* What the callers of `getOrSet` do, each step by the part of `src/cache` that does it. */

/** The steps of all calls. */
export function callSteps(world: World, state: State, take: Take): void {
  for (const [r, { at }] of state.calls.entries()) {
    const process = state.processes[world.scenario.calls[r]!]!
    const name = `call ${r}`
    if (at === CALL.idle && mayBegin(world, state, r)) {
      for (let k = 0; k < world.scenario.keys; k++)
        take(`${name} begins with key ${k}`, (next) => begin(world, next, r, k))
    }
    if (at === CALL.reads) {
      if (process.cut === 1) take(`${name}: GET is not answered`, (next) => miss(next, r))
      else take(`${name}: GET`, (next) => read(world, next, r))
    }
    if (at === CALL.hears) take(`${name}: the reply arrives (Reader)`, (next) => hear(world, next, r))
    if (at === CALL.missed) {
      const flight = world.keeps('calls of one process share a computation') ? flightToJoin(world, state, r) : undefined
      if (flight === undefined)
        take(`${name} begins a computation (SingleFlight.#begin)`, (next) => beginFlight(world, next, r))
      else
        take(`${name} joins flight ${flight} (SingleFlight.#flightToJoin)`, (next) =>
          joinFlight(world, next, r, flight),
        )
    }
  }
}

/** Calls of one process are alike, so they begin in order. */
function mayBegin({ scenario }: World, { calls }: State, r: number): boolean {
  return !calls.some((each, other) => other < r && scenario.calls[other] === scenario.calls[r] && each.at === CALL.idle)
}

/** `ReadThrough.one`: a call begins, and looks in the near tier. */
function begin(world: World, next: State, r: number, key: number): void {
  const call = next.calls[r]!
  const process = next.processes[world.scenario.calls[r]!]!
  const at = world.scenario.refresh === true || computesAnyway(world, r) ? CALL.missed : CALL.reads
  Object.assign(call, { at, key, floor: next.deleted, ownFloor: process.deleted })
  const flight = flightToJoin(world, next, r)
  const on = flight === undefined ? FLIGHT.none : next.flights[flight]!.at
  call.after = on === FLIGHT.none ? 0 : on < FLIGHT.sent ? 1 : 2
  if (!near(world, r)) return
  const copy = process.copies[key]!
  if (copy === 0) call.keeps = 1 - process.cut
  else answer(next, r, copy, process.news[key] === 1)
}

function read(world: World, next: State, r: number): void {
  const call = next.calls[r]!
  const value = visible(world, next, r)
  if (value === 0) miss(next, r)
  else if (near(world, r)) Object.assign(call, { at: CALL.hears, value })
  else answer(next, r, value)
}

/** `NearTier.end`, then the answer. */
function hear(world: World, next: State, r: number): void {
  const { key, value, keeps } = next.calls[r]!
  if (keeps === 1) next.processes[world.scenario.calls[r]!]!.copies[key] = value
  answer(next, r, value)
}

function miss({ calls }: State, r: number): void {
  Object.assign(calls[r]!, { at: CALL.missed, keeps: 0, value: 0 })
}

function join({ calls }: State, r: number, flight: number): void {
  Object.assign(calls[r]!, { at: CALL.waits, flight: flight + 1 })
}

function joinFlight(world: World, next: State, r: number, f: number): void {
  join(next, r, f)
  if (next.calls[r]!.vain === 0 || !world.keeps('nor does the computation that it joins')) return
  const flight = next.flights[f]!
  if (flight.at === FLIGHT.follows) asks(world, next, f)
  if (flight.at === FLIGHT.asks) Object.assign(flight, { aside: 1, leader: 0, told: 0 })
}

function beginFlight(world: World, next: State, r: number): void {
  const { vain } = next.calls[r]!
  const aside = vain > 0 && world.keeps('who waited in vain follows nobody') ? 1 : 0
  next.flights[r] = { ...EMPTY.flight, at: FLIGHT.asks, joinable: 1, aside }
  join(next, r, r)
  asks(world, next, r)
}

/** The flight that a call may join. */
function flightToJoin(world: World, state: State, r: number): number | undefined {
  const f = state.flights.findIndex(
    ({ joinable }, each) =>
      joinable === 1 && isAlike(world, state, each, r) && state.calls[each]!.key === state.calls[r]!.key,
  )
  return f === -1 ? undefined : f
}
