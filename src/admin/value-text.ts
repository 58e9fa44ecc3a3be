import { inspect } from 'node:util'

/** A value written out for a reader. */
export interface ValueText {
  readonly kind: 'text' | 'JSON' | 'JavaScript value'
  readonly text: string
  /** Characters of the whole text, when it was cut. */
  readonly cutFrom: number | undefined
}

const MAX_CHARACTERS = 64 * 1024

/** Writes a value out: text as it is, what JSON can say as JSON, anything else as Node shows it. Cut at 64 Ki characters. */
export function valueText(value: unknown): ValueText {
  if (typeof value === 'string') return cut('text', value)
  if (isJson(value)) return cut('JSON', JSON.stringify(value, null, 2))
  return cut(
    'JavaScript value',
    inspect(value, { depth: 100, maxArrayLength: 10_000, maxStringLength: MAX_CHARACTERS, breakLength: 100 }),
  )
}

function cut(kind: ValueText['kind'], text: string): ValueText {
  return text.length > MAX_CHARACTERS
    ? { kind, text: text.slice(0, MAX_CHARACTERS), cutFrom: text.length }
    : { kind, text, cutFrom: undefined }
}

function isJson(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isJson)
  if (typeof value !== 'object') return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === null || prototype === Object.prototype) && Object.values(value).every(isJson)
}
