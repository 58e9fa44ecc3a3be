import { kindOf } from './kind.js'
import { show } from './show.js'

/**
 * Describes a given key, value or argument in an error message. A scalar is shown; of anything else only the kind, because it may hold a
 * user's data.
 */
export function showScalar(value: unknown): string {
  return /^(?:object|function|symbol)$/.test(typeof value) ? kindOf(value) : show(value)
}
