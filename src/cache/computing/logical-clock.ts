let moments = 0

/**
 * The next moment of this process: a number above all given before. Calls and results are ordered by it, where clocks are too coarse.
 */
export function nextLogicalTime(): number {
  moments++
  return moments
}
