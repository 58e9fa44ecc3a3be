/** What Node's timers take at most; anything longer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Starts a timer; none for a time longer than timers take, which is about 25 days, or for `Infinity`. */
export function startTimer(ms: number, fire: () => void): NodeJS.Timeout | undefined {
  return ms > MAX_TIMER_MS ? undefined : setTimeout(fire, ms)
}
