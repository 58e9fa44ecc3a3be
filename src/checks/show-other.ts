import { show } from './show.js'

/** What stands in the place of an object, as an error message names it: of text only an address, since other text may be a password. */
export function showOther(value: unknown): string {
  return typeof value === 'string' && !value.includes('://') ? 'text' : show(value)
}
