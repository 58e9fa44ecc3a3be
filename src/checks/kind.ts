import { types } from 'node:util'
import { classOf, isPlainPrototype } from './built-in.js'
import { oneLine } from './one-line.js'

/** The kind of a value, for an error message. Shows nothing of its content, which may be private. */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case 'object':
      return value === null ? 'null' : kindOfAnyObject(value)
    case 'undefined':
      return 'undefined'
    case 'string':
      return 'text'
    case 'number':
      return Number.isFinite(value) ? 'a number' : String(value)
    default:
      return `a ${typeof value}`
  }
}

/** Looking at an object may run its own code: a proxy may throw. */
function kindOfAnyObject(value: object): string {
  try {
    return kindOfObject(value)
  } catch {
    return 'an object'
  }
}

function kindOfObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (types.isPromise(value)) return 'a promise'
  if (types.isDate(value) && Number.isNaN(Date.prototype.getTime.call(value))) return 'an invalid date'
  if (isPlainPrototype(Object.getPrototypeOf(value) as object | null)) return 'an object'
  return instanceOf(value)
}

/** The kind of an object, named by its class. */
export function instanceOf(value: object): string {
  return `an instance of ${oneLine(classOf(value)) || 'a class'}`
}
