/** The latest time that a `Date` can hold. The earliest is the same below 0. */
const LAST_MS = 8.64e15

/** Whether this can be a time, in ms since 1970. Redis may hold any text. */
export function isTimestamp(ms: number | undefined): ms is number {
  return ms !== undefined && Math.abs(ms) <= LAST_MS
}
