/** The middle one of an odd number of figures. */
export function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN
}

/** Prints what a test has measured. */
export function report(figure: string): void {
  // oxlint-disable-next-line no-console -- figures are for who reads the test run
  console.log(figure)
}
