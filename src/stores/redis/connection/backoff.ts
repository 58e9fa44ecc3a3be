/**
 * After how many ms to connect again, for the first attempt, the second and so on. All that lost a server at the same moment come back
 * one after the other, nobody knocks more than twice a second, and a server that is there again is found within a second.
 */
export function backoffMs(attempt: number): number {
  return attempt === 1 ? 500 * Math.random() : 450 + 250 * Math.random()
}
