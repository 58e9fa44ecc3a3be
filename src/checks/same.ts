/** Gives what it is given. */
export function same<T>(value: T): T {
  return value
}
