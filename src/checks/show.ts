import { inspect } from 'node:util'
import { isPlainPrototype } from './built-in.js'
import { instanceOf } from './kind.js'

/** An address with somebody's name or password in it. */
const WITH_PASSWORD = /^(\w+:\/\/).*@/s

/**
 * A wrong option as an error message names it: on one line, short, with its type where the text alone would not tell. Of an instance only
 * the class, since clients and models hold passwords.
 */
export function show(value: unknown): string {
  if (typeof value === 'object' && value !== null && !isSimple(value)) return instanceOf(value)
  const shown = typeof value === 'string' ? value.replace(WITH_PASSWORD, '$1…@') : value
  const text = inspect(shown, { depth: 1, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 8 })
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

function isSimple(value: object): boolean {
  return (
    Array.isArray(value) || isPlainPrototype(Object.getPrototypeOf(value) as object | null) || value instanceof Date
  )
}
