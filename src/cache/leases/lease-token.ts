let tokens = 0
const prefix = `${process.pid.toString(36)}${Math.random().toString(36).slice(2)}`

/** The name of a computation, which no other has, in any process. */
export function nextToken(): string {
  tokens++
  return `${prefix}.${tokens.toString(36)}`
}
