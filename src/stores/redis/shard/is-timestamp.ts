/** The last moment that a date can be, and the first one below 0. */
const LAST_MS = 8.64e15

/** Whether this can be a moment, in ms since 1970. What stands in Redis is anybody's text. */
export function isTimestamp(ms: number | undefined): ms is number {
  return ms !== undefined && Math.abs(ms) <= LAST_MS
}
