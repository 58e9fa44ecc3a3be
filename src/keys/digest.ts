import { hash } from 'node:crypto'
import { toUSVString, types } from 'node:util'
import { identityOf, isPlain, scalarText } from './key-scalar.js'
import { kindOf } from '../checks/kind.js'
import { showScalar } from '../checks/show-scalar.js'

const MAX_DEPTH = 100

/** The first 128 bits of the SHA-256 of a text's UTF-8 bytes, as 22 base64url characters. */
export function digest(text: string): string {
  return hash('sha256', text, 'buffer').toString('base64url', 0, 16)
}

/**
 * The canonical form of a value. Equal content gives equal text and different content different text, in whatever order properties, map
 * entries or set members were added. What JSON can say becomes JSON with sorted names and no spaces. Types stay distinct (`1`, `"1"`,
 * `1n`). Everything else is marked by its type (`Map{…}`, `Date"…"`), and an instance by the name of its class.
 * @throws {TypeError} naming the place, for what cannot be in a key, a cycle, and more than 100 levels.
 */
export function canonicalForm(value: unknown, place: string): string {
  return form(value, place, [])
}

function form(value: unknown, place: string, ancestors: readonly object[]): string {
  if (typeof value === 'string') return quote(value, place)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'object' && value !== null && !types.isDate(value)) return objectForm(value, place, ancestors)
  const text = scalarText(value)
  if (text === undefined) throw contentRefusal(place, value)
  return typeof value === 'object' && value !== null ? `Date"${text}"` : text
}

function objectForm(value: object, place: string, ancestors: readonly object[]): string {
  if (ancestors.includes(value)) throw new TypeError(`Expected ${place} to contain no cycle, got the object around it`)
  if (ancestors.length >= MAX_DEPTH) throw new TypeError(`Expected ${place} to be at most ${MAX_DEPTH} levels deep`)
  const identity = identityOf(value)
  if (Array.isArray(identity)) return identityForm(identity, place)
  if (identity !== undefined) return form(identity, place, ancestors)

  const inside = [...ancestors, value]
  const inner = (content: unknown, step: string): string => form(content, place + step, inside)
  const properties = (names: readonly string[]): string => {
    const sorted = names.toSorted()
    return `{${sorted.map((name) => `${quote(name, place)}:${inner(Reflect.get(value, name), `.${name}`)}`).join()}}`
  }
  const extra = (names: readonly string[]): string => (names.length === 0 ? '' : properties(names))

  if (Array.isArray(value)) {
    const items = Array.from(value, (item, i) => inner(item, `[${i}]`))
    return `[${items.join()}]${extra(Object.keys(value).slice(value.length))}`
  }
  if (isPlain(value)) return properties(Object.keys(value))
  if (types.isMap(value)) {
    const entries = Array.from(value, ([key, item]) => `${inner(key, ' (a key)')}:${inner(item, ' (a value)')}`)
    return `Map{${entries.toSorted().join()}}${extra(Object.keys(value))}`
  }
  if (types.isSet(value)) {
    const members = Array.from(value, (member) => inner(member, ' (a member)'))
    return `Set[${members.toSorted().join()}]${extra(Object.keys(value))}`
  }
  if (ArrayBuffer.isView(value)) {
    return bytesForm(value, Buffer.from(value.buffer, value.byteOffset, value.byteLength))
  }
  if (types.isAnyArrayBuffer(value)) return bytesForm(value, Buffer.from(value))
  const names = Object.keys(value)
  if (types.isRegExp(value)) return `RegExp[${quote(value.source, place)},"${value.flags}"]${extra(names)}`
  if (types.isNativeError(value)) {
    const hidden = ['cause', 'errors'].filter((name) => Object.hasOwn(value, name) && !names.includes(name))
    return `Error[${quote(value.name, place)},${quote(value.message, place)}]${extra([...names, ...hidden])}`
  }
  if (names.length === 0 || hidesContent(value)) throw contentRefusal(place, value)
  return quote(className(value), place) + properties(names)
}

function className(value: object): string {
  const name: unknown = value.constructor?.name
  return typeof name === 'string' ? name : ''
}

function identityForm(identity: readonly unknown[], place: string): string {
  const [name, id] = identity
  const text = scalarText(id)
  if (typeof name !== 'string') throw contentRefusal(`the name of ${place}`, name)
  if (text === undefined) throw contentRefusal(`the id of ${place}`, id)
  return `(${quote(name, place)},${quote(text, place)})`
}

/** A `Buffer` counts as a `Uint8Array`. Typed arrays of another kind differ, even with the same bytes. */
function bytesForm(value: object, bytes: Buffer): string {
  return `${Object.prototype.toString.call(value).slice(8, -1)}"${bytes.toString('base64')}"`
}

/** Whether the content of an object cannot be read. Properties added to it would be taken for all of its content. */
function hidesContent(value: object): boolean {
  return (
    types.isBoxedPrimitive(value) ||
    types.isPromise(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    Object.prototype.toString.call(value) === '[object WeakRef]' ||
    types.isGeneratorObject(value)
  )
}

function quote(text: string, place: string): string {
  if (toUSVString(text) !== text) throw contentRefusal(place, text)
  return JSON.stringify(text)
}

/** The error for a value that cannot be a part of a key. A scalar is shown. */
export function refusal(place: string, value: unknown): TypeError {
  return new TypeError(`Expected ${place} to be ${expected(value)}, got ${showScalar(value)}`)
}

/** The error for a value that cannot be in a key, inside an object or among arguments. Nothing of it is shown. */
export function contentRefusal(place: string, value: unknown): TypeError {
  const kind = typeof value === 'string' ? 'text with one' : kindOf(value)
  return new TypeError(`Expected ${place} to be ${expected(value)}, got ${kind}`)
}

function expected(value: unknown): string {
  if (typeof value === 'string') return 'text without lone surrogates'
  if (types.isPromise(value)) return 'a settled value (is an `await` missing?)'
  return 'text, a finite number, a bigint, a boolean, null, a valid date, or an object with visible content'
}
