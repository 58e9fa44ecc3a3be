import { segments } from '../cache/key.js'
import { partText } from './key-text.js'

/** One step on the way from all keys to a key. */
export interface Step {
  readonly name: string
  readonly href: string
}

/** The steps down to a key, each with a link made of its own key. */
export function keyPath(key: string | undefined, href: (key: string) => string): Step[] {
  if (key === undefined) return []
  const parts = segments(key)
  return parts.map((part, index) => ({
    name: partText(part),
    href: href(parts.slice(0, index + 1).join('::')),
  }))
}

/** The key above a key; `undefined` at the top. */
export function groupOf(key: string): string | undefined {
  return segments(key).slice(0, -1).join('::') || undefined
}
