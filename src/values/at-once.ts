import { kindOf } from '../checks/kind.js'
import { isPromise } from '../checks/on-rejection.js'
import { show } from '../checks/show.js'
import type { Serializer } from './serializer.js'

/**
 * Wraps a serializer so that it keeps its contract. A promise instead of bytes or a value is a `TypeError`. An error of `decode` becomes
 * the cause of another error, because its message may hold a piece of the value.
 */
export function atOnce(serializer: Serializer): Serializer {
  const { name } = serializer
  function checked<T>(given: T, expected: string): T {
    if (!isPromise(given)) return given
    throw new TypeError(`Expected serializer ${show(name)} to ${expected} at once, got ${kindOf(given)}`)
  }
  function decode(bytes: Buffer): unknown {
    try {
      return serializer.decode(bytes)
    } catch (cause) {
      throw new Error(`serializer ${show(name)} could not decode it`, { cause })
    }
  }
  return {
    name,
    encode: (value) => checked(serializer.encode(value), 'encode'),
    decode: (bytes) => checked(decode(bytes), 'decode'),
  }
}
