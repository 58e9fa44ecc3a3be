import { masked, withoutUsers } from './masked.js'
import { visible } from './visible.js'

const MOST_CHARACTERS = 200

/** Makes any text fit for a line of a log: at most 200 characters, no secrets, and no control characters. */
export function oneLine(text: string): string {
  return shortened(visible(masked(text)))
}

/**
 * A key, tag or name for errors and warnings: in quotes, on one line, at most 200 characters of it, and without the user and password of an
 * address.
 */
export function quoted(name: string): string {
  return JSON.stringify(shortened(visible(withoutUsers(name))))
}

function shortened(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`
}
