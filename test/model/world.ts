import type { Rule } from './rules.js'
import type { Scenario } from './scenarios.js'
import { type Call, type State, CALL } from './state.js'

/** What does not change while a scenario is explored. */
export interface World {
  readonly scenario: Scenario
  /** Whether a rule is kept. */
  readonly keeps: (rule: Rule) => boolean
}

/** One step that is possible: its name, and what it changes. The state that it gets is its own. */
export type Take = (name: string, change: (next: State) => void) => void

/** Whether the process of a call has the near tier. */
export function near({ scenario }: World, r: number): boolean {
  return scenario.near === true && scenario.calls[r] === 0
}

/** `NearTier.forget`, also of the reads of a key that are under way. */
export function forget({ scenario }: World, { processes, calls }: State, process: number, key: number): void {
  processes[process]!.copies[key] = 0
  for (const [r, call] of calls.entries()) if (scenario.calls[r] === process && call.key === key) call.keeps = 0
}

/** The calls that wait for a flight. */
export function waiting({ calls }: State, f: number): Call[] {
  return calls.filter(({ at, flight }) => at === CALL.waits && flight === f + 1)
}
