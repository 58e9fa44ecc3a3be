import { show } from './show.js'

/**
 * Describes in an error message what was given instead of an object. Of text only an address is shown, because other text may be a
 * password.
 */
export function showOther(value: unknown): string {
  return typeof value === 'string' && !value.includes('://') ? 'text' : show(value)
}
