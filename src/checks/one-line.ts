import { masked } from './masked.js'
import { visible } from './visible.js'

const MOST_CHARACTERS = 200

/** Somebody's text as a line of a log may hold it: at most 200 characters, no secret of an address, and no control character. */
export function oneLine(text: string): string {
  return shortened(visible(masked(text)))
}

/** A key, tag or name as errors and warnings name it: in quotes, on one line, and at most 200 characters of it. */
export function quoted(name: string): string {
  return JSON.stringify(shortened(visible(name)))
}

function shortened(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`
}
