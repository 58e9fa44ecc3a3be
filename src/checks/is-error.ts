import { types } from 'node:util'

/**
 * Whether something is an error. `instanceof` alone does not know those of another realm: in Jest, tests run in a `vm` context, and what
 * Node itself throws is from outside of it.
 */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value) || value instanceof DOMException
}
