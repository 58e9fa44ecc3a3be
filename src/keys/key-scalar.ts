import { types } from 'node:util'

/** Values that count in a key by their text: `123`, `'123'` and `123n` are the same part. */
export type KeyScalar = string | number | bigint | boolean | null | Date

/**
 * The symbol of a method that gives a name and an id. In keys these two parts stand for the object. Instances of cached objects have the
 * method. The symbol is registered, so two copies of this package share it.
 */
export const keyParts: unique symbol = Symbol.for('keyedcache.keyParts')

/** The text of a scalar. `undefined` for anything else: other types, `NaN`, infinities, invalid dates. Lone surrogates are not checked. */
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
 * The identity that an object gives itself: name and id of a cached object, or the text or finite number that its `toJSON()` gives.
 * `undefined` for all others, and for dates, which are scalars.
 */
export function identityOf(value: object): readonly [name: string, id: KeyScalar] | string | number | undefined {
  const self = value as { [keyParts]?: unknown; toJSON?: unknown }
  if (typeof self[keyParts] === 'function') return self[keyParts]() as readonly [string, KeyScalar]
  if (typeof self.toJSON !== 'function' || types.isDate(value)) return undefined
  const json: unknown = self.toJSON()
  return typeof json === 'string' || Number.isFinite(json) ? (json as string | number) : undefined
}

/** Whether an object is plain: made by `{}` (in any realm) or with a null prototype. */
export function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}
