import { masked, withoutUsers } from './masked.js'
import { visible } from './visible.js'

const MOST_CHARACTERS = 200

/** Somebody's text as a line of a log may hold it: at most 200 characters, no secret of an address, and no control character. */
export function oneLine(text: string): string {
  return shortened(visible(masked(text)))
}

/** A key, tag or name as errors and warnings name it: in quotes, on one line, at most 200 characters of it, and without the user of an address. */
export function quoted(name: string): string {
  return JSON.stringify(shortened(visible(withoutUsers(name))))
}

function shortened(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`
}
