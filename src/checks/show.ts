import { inspect, types } from 'node:util'
import { classOf, isPlainPrototype } from './built-in.js'
import { kindOf } from './kind.js'
import { masked } from './masked.js'
import { oneLine } from './one-line.js'
import { visible } from './visible.js'

const MOST_NAMES = 8
const MOST_CHARACTERS = 80

/**
 * Describes a wrong option in an error message, on one line and short. Text is shown without secrets, an object by the names of its
 * properties, an instance by its class, because their values may be passwords.
 */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return showText(value)
    case 'function':
      return showFunction(value)
    case 'symbol':
      return 'a symbol'
    case 'object':
      return value === null ? 'null' : showObject(value)
    default:
      return inspect(value)
  }
}

function showText(text: string): string {
  const shown = masked(text)
  return visible(inspect(shown.length <= MOST_CHARACTERS ? shown : `${shown.slice(0, MOST_CHARACTERS)}…`))
}

/** As Node shows a function, but without its properties. */
function showFunction(fn: object): string {
  const { name } = fn as { name: unknown }
  const kind = /^class\b/.test(Function.prototype.toString.call(fn)) ? 'class ' : `${classOf(fn) || 'Function'}: `
  return `[${kind}${typeof name === 'string' && name !== '' ? oneLine(name) : '(anonymous)'}]`
}

function showObject(value: object): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[ ${listed(value, showPart)} ]`
  if (types.isDate(value) && !Number.isNaN(Date.prototype.getTime.call(value)))
    return Date.prototype.toISOString.call(value)
  if (!isPlainPrototype(Object.getPrototypeOf(value) as object | null)) return kindOf(value)
  const names = Object.keys(value)
  return names.length === 0 ? '{}' : `{ ${listed(names, oneLine)} }`
}

/** An item of a list. Of an object only the kind is shown. */
function showPart(value: unknown): string {
  return typeof value === 'object' && value !== null ? kindOf(value) : show(value)
}

function listed<T>(all: readonly T[], shown: (each: T) => string): string {
  const first = all.slice(0, MOST_NAMES).map(shown)
  return (all.length > MOST_NAMES ? [...first, '…'] : first).join(', ')
}
