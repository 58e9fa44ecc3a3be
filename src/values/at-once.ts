import { kindOf } from '../checks/kind.js'
import type { Serializer } from './serializer.js'
import { show } from '../checks/show.js'

/** The same serializer, which has no time: a promise in place of bytes or a value is a `TypeError`, and how it ends is nobody's failure. */
export function atOnce(serializer: Serializer): Serializer {
  const { name } = serializer
  function checked<T>(given: T, expected: string): T {
    if (!isThenable(given)) return given
    Promise.resolve(given).catch(() => 'refused already')
    throw new TypeError(`Expected serializer ${show(name)} to ${expected} at once, got ${kindOf(given)}`)
  }
  return {
    name,
    encode: (value) => checked(serializer.encode(value), 'encode'),
    decode: (bytes) => checked(serializer.decode(bytes), 'decode'),
  }
}

function isThenable(given: unknown): boolean {
  return typeof given === 'object' && given !== null && typeof (given as { then?: unknown }).then === 'function'
}
