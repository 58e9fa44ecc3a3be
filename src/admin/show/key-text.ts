import { unescapeSegment } from '../../keys/key.js'
import { visible } from '../../checks/visible.js'

/** A key or a tag as readers see it and can click it: nothing in it is invisible. */
export function keyText(key: string): string {
  const text = visible(key)
  return text.trim() === '' ? text.replace(/\s/g, '␠') : text
}

/** One part of a key as readers see it. */
export function partText(segment: string): string {
  const part = unescapeSegment(segment)
  return part === '' ? '(empty)' : keyText(part)
}

/** A key or a tag for a narrow place: its beginning, and the whole if it was cut. */
export interface ShortName {
  readonly text: string
  readonly whole: string | undefined
}

/** Cuts the text of a key or a tag after `most` characters. */
export function shortName(key: string, most: number): ShortName {
  const whole = keyText(key)
  const text = shortText(whole, most)
  return { text, whole: text === whole ? undefined : whole }
}

/** Cuts a text after `most` characters, and shows that by an ellipsis. */
export function shortText(text: string, most: number): string {
  const characters = Array.from(text)
  return characters.length <= most ? text : `${characters.slice(0, most).join('')}…`
}
