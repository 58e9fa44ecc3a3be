import { expect } from 'vitest'
import { row } from './fault-row.js'

/** A figure, and what it may be. */
export interface Limited {
  readonly what: string
  readonly figure: number
  readonly most?: number
  readonly least?: number
}

/** Prints one row of `npm run faults`: each figure with its limit, and whether it is kept; the test fails where one is not. */
export function limits(name: string, fault: string, figures: readonly Limited[]): void {
  row(name, fault, figures.map(inWords).join('; '))
  for (const { what, figure, most = Infinity, least = -Infinity } of figures) {
    expect.soft(figure, what).toBeLessThanOrEqual(most)
    expect.soft(figure, what).toBeGreaterThanOrEqual(least)
  }
}

function inWords({ what, figure, most, least }: Limited): string {
  const shown = `${what}: ${rounded(figure)}`
  if (most === undefined && least === undefined) return shown
  const bounds = [
    ...(least === undefined ? [] : [`at least ${rounded(least)}`]),
    ...(most === undefined ? [] : [`at most ${rounded(most)}`]),
  ]
  const isKept = figure <= (most ?? Infinity) && figure >= (least ?? -Infinity)
  return `${shown} (${bounds.join(', ')}: ${isKept ? 'pass' : 'FAIL'})`
}

function rounded(figure: number): string {
  return String(Number(figure.toFixed(Math.abs(figure) < 10 ? 2 : 0)))
}
