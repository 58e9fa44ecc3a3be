import { near, type Take, type World } from './world.js'
import { acquire, fill, fillWithNothing, release, renew, skip } from './redis.js'
import { type Call, type State, ALONE, CALL, EMPTY, FLIGHT, TOLD } from './state.js'

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
  Object.assign(call, { at: CALL.reads, key, floor: next.deleted, ownFloor: process.deleted })
  const flight = flightToJoin(world, next, r)
  const at = flight === undefined ? FLIGHT.none : next.flights[flight]!.at
  call.after = at === FLIGHT.none ? 0 : at < FLIGHT.sent ? 1 : 2
  if (world.scenario.refreshing?.includes(r) === true) {
    call.at = CALL.missed
    return
  }
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

/** The steps of all computations (`Computation`). */
export function flightSteps(world: World, state: State, take: Take): void {
  for (const [f, flight] of state.flights.entries()) {
    const { at: call, key } = state.calls[f]!
    const { lease, over, buried } = state.stored[key]!
    const { cut } = state.processes[world.scenario.calls[f]!]!
    const token = f + 1
    const name = `flight ${f}`
    const { at } = flight
    if (at === FLIGHT.none && call !== CALL.gone && lease === token && cut === 0) {
      take(`${name}: RELEASE of what was left behind (HeldLeases)`, (next) => release(next, key, token, TOLD.voided))
    }
    if (at === FLIGHT.asks) {
      if (cut === 1) take(`${name}: ACQUIRE is not answered`, (next) => start(world, next, f, ALONE.unanswered))
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
      if (state.left.failures > 0) take(`${name}: the factory fails, RELEASE`, (next) => fail(next, f, cut === 0))
    }
    if ((at === FLIGHT.runs || at === FLIGHT.has) && flight.alone === 0 && flight.isVoid === 0 && cut === 0) {
      const matters = lease !== token || over === 1 || (buried === 1 && world.scenario.lateTags !== true)
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
      }
      else
        take(`${name} ends`, (next) =>
          end(next, f, world.keeps('a value computed alone is good as of its start') ? 1 : 3),
        )
    }
    if (at === FLIGHT.sent) {
      if (cut === 1) take(`${name}: FILL is not answered`, (next) => end(next, f, 1))
      else take(`${name}: FILL`, (next) => fillLease(world, next, f))
    }
    if (at === FLIGHT.ends || at === FLIGHT.found) {
      take(`${name}: the result arrives (SingleFlight.take)`, (next) => deliver(next, f))
    }
  }
}

/** `ACQUIRE`, and what `Computation.#leadOrFollow` makes of it. */
function ask(world: World, next: State, f: number): void {
  const flight = next.flights[f]!
  const value = world.scenario.refreshing?.includes(f) === true ? 0 : visible(world, next, f)
  if (value !== 0) {
    const good = world.keeps('a value that was acquired is good as of the question') ? 1 : 3
    Object.assign(flight, { at: FLIGHT.found, value, good })
    return
  }
  const leader = acquire(world, next, next.calls[f]!.key, f + 1)
  if (leader === 0) start(world, next, f, 0)
  else if (flight.aside === 1 && leader !== flight.leader) start(world, next, f, ALONE.beside)
  else Object.assign(flight, { at: FLIGHT.follows, leader, told: 0 })
}

/** The factory begins: `Computation.#lead` or `Computation.#alone`. */
function start(world: World, next: State, f: number, alone: number): void {
  Object.assign(next.flights[f]!, { at: FLIGHT.runs, alone, leader: 0, told: 0, aside: 0 })
  earlier(world, next, f)
}

function asks(world: World, next: State, f: number): void {
  next.flights[f]!.at = FLIGHT.asks
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
  flight.aside = world.keeps('who followed one that ended follows no other') ? 1 : 0
  flight.told = 0
  for (const call of waiting(next, f)) call.vain++
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

/** `Lease.renew`, of the heartbeat or since a message came. Who joined later leaves when the lease is lost: `SingleFlight.#wait`. */
function renewLease(world: World, next: State, f: number): void {
  const { key } = next.calls[f]!
  if (!renew(next, key, f + 1, world.scenario.lateTags !== true)) leave(world, next, f)
}

/** The flight is void, as far as its process knows. */
function leave(world: World, next: State, f: number): void {
  next.flights[f]!.told = 0
  Object.assign(next.flights[f]!, { isVoid: 1, joinable: 0 })
  const some = world.keeps('calls from before the factory stay when it becomes void')
  for (const call of waiting(next, f)) {
    if (call !== next.calls[f] && (call.after > 0 || !some)) goRound(call, true)
  }
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
function deliver(next: State, f: number): void {
  const { at, value, good } = next.flights[f]!
  for (const [r, call] of next.calls.entries()) {
    if (call.at !== CALL.waits || call.flight !== f + 1) continue
    if (r === f || call.after < good) answer(next, r, value)
    else goRound(call, at === FLIGHT.ends && call.after < 2)
  }
  next.flights[f] = { ...EMPTY.flight }
}

function goRound(call: Call, inVain: boolean): void {
  Object.assign(call, { at: CALL.missed, flight: 0, vain: call.vain + (inVain ? 1 : 0) })
}

function answer({ calls }: State, r: number, value: number, warned = false): void {
  const { floor, ownFloor } = calls[r]!
  const isOld = value < ownFloor || (value < floor && !warned)
  calls[r] = { ...EMPTY.call, at: isOld ? CALL.old : CALL.answered }
}

/** The version that a process finds under a key. An entry that a failed deletion concerns is missing (`FailedDeletions.hides`). */
function visible(world: World, { stored, processes, calls }: State, r: number): number {
  const { key } = calls[r]!
  const isHidden =
    processes[world.scenario.calls[r]!]!.pending[key] === 1 && world.keeps('a failed deletion hides its keys')
  return isHidden ? 0 : stored[key]!.entry
}

/** The flight that a call may join. */
function flightToJoin(world: World, state: State, r: number): number | undefined {
  const f = state.flights.findIndex(
    ({ joinable }, each) =>
      joinable === 1 && isAlike(world, state, each, r) && state.calls[each]!.key === state.calls[r]!.key,
  )
  return f === -1 ? undefined : f
}

function isAlike({ scenario }: World, { calls }: State, r: number, other: number): boolean {
  return (
    scenario.calls[r] === scenario.calls[other] && calls[r]!.key === calls[other]!.key && calls[r]!.at !== CALL.idle
  )
}

function waiting({ calls }: State, f: number): Call[] {
  return calls.filter(({ at, flight }) => at === CALL.waits && flight === f + 1)
}
