/** How deep arrays and objects may be nested in a stored value. */
export const MAX_LEVELS = 100

/**
 * Whether JSON gives a value back as it was: it holds only `null`, booleans, finite numbers, text, arrays and plain objects. `false` for
 * everything else, whether it can be stored or not.
 */
export function isPlain(value: unknown): boolean {
  return isPlainAt(value, 0)
}

function isPlainAt(value: unknown, levels: number): boolean {
  // JSON escapes lone surrogates, which UTF-8 cannot hold.
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || levels === MAX_LEVELS) return false
  return Array.isArray(value) ? isPlainArray(value, levels + 1) : isPlainObject(value, levels + 1)
}

function isPlainArray(array: readonly unknown[], levels: number): boolean {
  if (Object.getPrototypeOf(array) !== Array.prototype) return false
  for (let i = 0; i < array.length; i++) if (!isPlainAt(array[i], levels)) return false
  // A hole reads as `undefined`, which is not plain. So only other properties, beside the items and `length`, can be left.
  return (
    Object.getOwnPropertyNames(array).length === array.length + 1 && Object.getOwnPropertySymbols(array).length === 0
  )
}

function isPlainObject(object: object, levels: number): boolean {
  if (Object.getPrototypeOf(object) !== Object.prototype) return false
  // For a plain object `for in` is several times faster than a list of names. It adds inherited names and leaves out names that are not
  // enumerable. Then the counts differ.
  let count = 0
  for (const name in object) {
    if (name === '__proto__') return false
    if (!isPlainAt((object as Record<string, unknown>)[name], levels)) return false
    count++
  }
  return count === Object.getOwnPropertyNames(object).length && Object.getOwnPropertySymbols(object).length === 0
}
