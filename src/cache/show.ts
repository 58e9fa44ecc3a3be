import { inspect } from 'node:util'

/** A value as an error message names it: on one line, short, with its type where the text alone would not tell. */
export function show(value: unknown): string {
  const text = inspect(value, { depth: 1, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 8 })
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
