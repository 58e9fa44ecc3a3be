import { kindOf } from './kind.js'
import { show } from './show.js'

/** What is no option, as an error message names it: a scalar as it is, of anything else only the kind, since values and keys are made of it. */
export function showScalar(value: unknown): string {
  return /^(?:object|function|symbol)$/.test(typeof value) ? kindOf(value) : show(value)
}
