import { unescapeSegment } from '../cache/key.js'
import { visible } from './format.js'

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
