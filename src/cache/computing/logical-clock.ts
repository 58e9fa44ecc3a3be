let lastTime = 0

/** The next number of this process's logical clock. Calls and results are ordered by it, since clocks are too coarse for that. */
export function nextLogicalTime(): number {
  lastTime++
  return lastTime
}
