let lastTime = 0

/** The next number of this process's logical clock. It orders calls and results, because real clocks are too coarse for that. */
export function nextLogicalTime(): number {
  lastTime++
  return lastTime
}
