import { appendFileSync } from 'node:fs'
import { afterEach, beforeEach, expect } from 'vitest'
import { report } from './figures.js'

/** Whether every fault lasts as long as it is meant to: `npm run faults`, whose figures are kept. Else it is shortened. */
export const isMeasured: boolean = process.env['FAULTS'] === 'full'

/** How long a fault lasts, in ms. */
export function lasting(fullMs: number, shortMs: number): number {
  return isMeasured ? fullMs : shortMs
}

/**
 * The most that a time may come to, in ms: what is promised, where it is measured with nothing beside (`npm run faults`). A test run
 * shares its machine, also with itself, so there only four times as much fails: what the code does wrong takes far longer.
 */
export function atMostMs(promisedMs: number): number {
  return isMeasured ? promisedMs : 4 * promisedMs
}

/** Prints the figure of one row of the fault table, and hands it to `npm run faults`, which prints all of them as one table. */
export function row(number: number | string, fault: string, figure: string): void {
  report(`row ${number}, ${fault}: ${figure}`)
  hand({ table: 'faults', number: String(number), what: fault, figure })
}

/** Prints what is measured of a promise that is kept without any fault, and hands it to `npm run faults` for a table of its own. */
export function promised(what: string, figure: string): void {
  report(`${what}: ${figure}`)
  hand({ table: 'promises', number: '', what, figure })
}

function hand(told: object): void {
  const file = process.env['FAULTS_ROWS']
  if (file === undefined) return
  appendFileSync(file, `${JSON.stringify({ ...told, test: expect.getState().currentTestName })}\n`)
}

/** For the top of a test file: each test fails that leaves behind a warning of a leak. Rejections that nobody handles fail the run by themselves. */
export function expectNoLeakWarnings(): void {
  let warnings: string[] = []
  const listen = (warning: Error): void => {
    if (warning.name === 'MaxListenersExceededWarning') warnings.push(String(warning))
  }
  beforeEach(() => {
    warnings = []
    process.on('warning', listen)
  })
  afterEach(() => {
    process.off('warning', listen)
    expect(warnings).toEqual([])
  })
}
