/**
 * How many ms to wait before connecting again, for the first attempt, the second and so on. The random part spreads processes that lost a
 * server at the same moment. No process tries more than about twice a second, and a server that is back is found within a second.
 */
export function backoffMs(attempt: number): number {
  return attempt === 1 ? 500 * Math.random() : 450 + 250 * Math.random()
}
