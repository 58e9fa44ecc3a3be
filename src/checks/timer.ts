/** The longest delay of a Node timer. A longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Starts a timer. Starts none for `Infinity`, or for a time longer than a Node timer allows, about 25 days. */
export function startTimer(ms: number, fire: () => void): NodeJS.Timeout | undefined {
  return ms > MAX_TIMER_MS ? undefined : setTimeout(fire, ms)
}
