import { segments } from '../../keys/key.js'
import { partText, shortText } from './key-text.js'

/** One step on the way from all keys to a key. */
export interface Step {
  readonly name: string
  /** `undefined` where steps are left out. */
  readonly href: string | undefined
}

const NAME_CHARACTERS = 24
const FIRST_STEPS = 2
const LAST_STEPS = 3

/** The steps down to a key, each with a link to its own key. If there are many, only the first and the last ones. */
export function keyPath(key: string | undefined, href: (key: string) => string): Step[] {
  if (key === undefined) return []
  const parts = segments(key)
  const steps = parts.map((part, index) => ({
    name: shortText(partText(part), NAME_CHARACTERS),
    href: href(parts.slice(0, index + 1).join('::')),
  }))
  if (steps.length <= FIRST_STEPS + LAST_STEPS + 1) return steps
  return [...steps.slice(0, FIRST_STEPS), { name: '…', href: undefined }, ...steps.slice(-LAST_STEPS)]
}

/** The key above a key; `undefined` at the top. */
export function groupOf(key: string): string | undefined {
  return segments(key).slice(0, -1).join('::') || undefined
}
