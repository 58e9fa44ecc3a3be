import { callSteps } from './callers.js'
import { departureSteps } from './departures.js'
import { flightSteps } from './flights.js'
import { areAnswered, INVARIANTS } from './invariants.js'
import type { Rule, Violation } from './rules.js'
import type { Scenario } from './scenarios.js'
import { type State, CALL, copyOf, EMPTY, FLIGHT, stateOf, textOf } from './state.js'
import { surroundingSteps } from './surroundings.js'
import type { Take, World } from './world.js'
import { writerSteps } from './writers.js'

/** What was found. */
export interface Explored {
  /** How many different states were seen. */
  readonly states: number
  /** Whether these are all that there are. */
  readonly isComplete: boolean
  /** Of each violation the shortest way to it. */
  readonly violations: ReadonlyMap<Violation, readonly string[]>
}

interface Options {
  /** The rules that are taken out. */
  readonly without?: readonly Rule[]
  /** How many states at most. */
  readonly atMost?: number
  /** Ends at the first violation. */
  readonly first?: boolean
}

/**
 * Visits all states that can be reached, those that are fewer steps away first, and asks of each whether it may be. So the first way to a
 * violation is a shortest one.
 */
export function explore(
  scenario: Scenario,
  { without = [], atMost = Infinity, first = false }: Options = {},
): Explored {
  const world: World = { scenario, keeps: (rule) => !without.includes(rule) }
  const seen = new Map<string, number>()
  const from: number[] = []
  const names: string[] = []
  const violations = new Map<Violation, readonly string[]>()
  // Texts take far less memory than states.
  let frontier: { text: string; number: number }[] = []
  let next: typeof frontier = []

  const trace = (number: number): string[] => (number === -1 ? [] : [...trace(from[number]!), names[number]!])
  const note = (violation: Violation, number: number): void => {
    if (!violations.has(violation)) violations.set(violation, trace(number))
  }
  const reach = (state: State, parent: number, name: string): string => {
    settle(world, state)
    const text = textOf(state)
    if (seen.has(text)) return text
    const number = from.length
    seen.set(text, number)
    from.push(parent)
    names.push(name)
    for (const [violation, holds] of Object.entries(INVARIANTS)) {
      if (holds(world, state)) note(violation as Violation, number)
    }
    next.push({ text, number })
    return text
  }

  const starts = beginnings(world)
  for (const state of starts)
    reach(state, -1, state.stored.map(({ entry }) => (entry > 0 ? 'stored' : 'empty')).join(', '))
  while (next.length > 0) {
    frontier = next
    next = []
    for (const { text, number } of frontier) {
      if (seen.size >= atMost || (first && violations.size > 0))
        return { states: seen.size, isComplete: false, violations }
      const state = stateOf(text, starts[0]!)
      let isLast = true
      const take: Take = (name, change) => {
        const copy = copyOf(state)
        change(copy)
        if (reach(copy, number, name) !== text) isLast = false
      }
      callSteps(world, state, take)
      flightSteps(world, state, take)
      departureSteps(world, state, take)
      writerSteps(world, state, take)
      surroundingSteps(world, state, take)
      if (isLast && !areAnswered(state)) note('a wait for ever', number)
    }
  }
  return { states: seen.size, isComplete: true, violations }
}

/** Nothing stored, or the first version of some keys, with a copy of it in the near tier or without. */
function beginnings({ scenario }: World): State[] {
  const { keys, calls, writers, happens } = scenario
  const processes = 1 + Math.max(...calls, ...writers.map(([process]) => process))
  const none = {
    cuts: 0,
    crashes: 0,
    leaseEnds: 0,
    entryEnds: 0,
    losses: 0,
    evictions: 0,
    lostMessages: 0,
    failures: 0,
    unkept: 0,
  }
  const left = { ...none, signals: 0, timeouts: 0, ...happens }
  const begin = (entries: number[], copies: number[]): State => ({
    source: scenario.aged === true ? 2 : 1,
    deleted: 1,
    accident: 0,
    robbed: 0,
    left,
    stored: entries.map((entry) => ({ ...EMPTY.stored, entry })),
    processes: Array.from({ length: processes }, (_, p) => ({
      cut: 0,
      deleted: 1,
      pending: entries.map(() => 0),
      copies: p === 0 ? copies : entries.map(() => 0),
      news: entries.map(() => 0),
    })),
    calls: calls.map(() => EMPTY.call),
    flights: calls.map(() => EMPTY.flight),
    writers: writers.map(() => EMPTY.writer),
  })
  const empty = Array.from({ length: keys }, () => 0)
  const all = empty.map(() => 1)
  if (scenario.underWay === true) return [leading(copyOf(begin(empty, empty)))]
  return [begin(empty, empty), begin(all, empty), ...(scenario.near === true ? [begin(all, all)] : [])].map(copyOf)
}

/** Call 0 has begun a computation, and its process leads. */
function leading(state: State): State {
  Object.assign(state.calls[0]!, { at: CALL.waits, floor: 1, ownFloor: 1, flight: 1 })
  Object.assign(state.flights[0]!, { at: FLIGHT.runs, joinable: 1 })
  state.stored[0]!.lease = 1
  return state
}

/** Sets to 0 what no step asks any more, so that states which differ in nothing else are one. */
function settle({ scenario }: World, { calls, flights, processes }: State): void {
  for (const [p, { copies, news }] of processes.entries()) {
    for (const key of news.keys()) {
      const isNeeded =
        scenario.near === true &&
        p === 0 &&
        (copies[key]! > 0 || calls.some((call, r) => scenario.calls[r] === 0 && call.key === key && call.keeps === 1))
      if (!isNeeded) news[key] = 0
    }
  }
  for (const flight of flights) {
    const { at } = flight
    if (at === FLIGHT.none || at >= FLIGHT.ends) flight.lost = 0
  }
}
