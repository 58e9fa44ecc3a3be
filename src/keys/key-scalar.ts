import { types } from 'node:util'

/** What counts in a key by its text: `123`, `'123'` and `123n` are the same part. */
export type KeyScalar = string | number | bigint | boolean | null | Date

/**
 * An object with a method under this symbol, which gives a name and an id, counts in keys as these two parts.
 * Instances of cached objects have it. The symbol is registered, so two copies of this package share it.
 */
export const keyParts: unique symbol = Symbol.for('keyedcache.keyParts')

/** The text of a scalar; `undefined` for what is none: other types, `NaN`, infinities, invalid dates. Surrogates are not looked at. */
export function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined
  if (typeof value === 'bigint' || typeof value === 'boolean' || value === null) return String(value)
  return types.isDate(value) ? isoText(value) : undefined
}

function isoText(date: Date): string | undefined {
  return Number.isNaN(Date.prototype.getTime.call(date)) ? undefined : Date.prototype.toISOString.call(date)
}

/**
 * What an object counts as by what it says of itself: name and id of a cached object, or the text or finite number
 * that its `toJSON()` gives. `undefined` for all others, and for dates, which are scalars.
 */
export function identityOf(value: object): readonly [name: string, id: KeyScalar] | string | number | undefined {
  const self = value as { [keyParts]?: unknown; toJSON?: unknown }
  if (typeof self[keyParts] === 'function') return self[keyParts]() as readonly [string, KeyScalar]
  if (typeof self.toJSON !== 'function' || types.isDate(value)) return undefined
  const json: unknown = self.toJSON()
  return typeof json === 'string' || Number.isFinite(json) ? (json as string | number) : undefined
}

/** Whether an object is nothing but its properties: made by `{}` (in any realm) or with a null prototype. */
export function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}
