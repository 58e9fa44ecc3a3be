/** The longest delay of a Node timer. A longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Starts a timer and gives what stops it. Starts none for `Infinity`, or for a time longer than a Node timer allows, about 25 days. It is
 * one of the global timers, since it limits code of the user's own: a test that fakes them decides when both go on.
 */
export function startTimer(ms: number, fire: () => void): () => void {
  if (ms > MAX_TIMER_MS) return () => undefined
  // A test may begin or end faking them meanwhile
  const { setTimeout, clearTimeout } = globalThis
  const timer = setTimeout(fire, ms)
  return () => clearTimeout(timer)
}
