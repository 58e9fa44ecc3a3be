import { toUSVString } from 'node:util'
import { canonicalForm, contentRefusal, digest, refusal } from './digest.js'
import { isSimpleSegment, isWrittenSegment, segmentOf } from './key-segment.js'
import { identityOf, isPlain, type KeyScalar, scalarText } from './key-scalar.js'
import { showScalar } from '../checks/show-scalar.js'

export { keyParts, type KeyScalar } from './key-scalar.js'
export { unescapeSegment } from './key-segment.js'

/** One part of a key. An object stands for its pairs, for the identity that it gives itself, or for a digest of its content. */
export type KeyPart = KeyScalar | object

/** Names and values. The key sorts them by name: `{ b: 2, a: 1 }` is `a::1::b::2`. */
export type KeyPairs = {
  /** Each value by its name. */
  readonly [name: string]: KeyPart
}

/** Where a value is kept: a list of parts, pairs, or a whole key as text, already joined with `::`. */
export type Key = string | KeyPairs | readonly KeyPart[]

const SEPARATOR = '::'
const MAX_PARTS = 32
const COLON = 58

/**
 * Joins parts into a key: `cacheKey('product', 123)` is `product::123`. Lists whose parts differ as text never make the same key.
 * @throws {TypeError} naming the position, for a part that cannot be in a key, no parts at all, or more than 32.
 */
export function cacheKey(...parts: KeyPart[]): string {
  return join(parts)
}

/** Appends parts to a key. @throws {TypeError} as `cacheKey` does; the limit of 32 parts counts those of the parent too. */
export function cacheKeyUnder(parent: Key, ...parts: KeyPart[]): string {
  const key = toKey(parent) + SEPARATOR + join(parts)
  limit(countSegments(key))
  return key
}

/**
 * The full key for a key that a user gives. Text is a whole key: segments that `cacheKey` can have written stay unchanged, and any other
 * segment is escaped.
 * @throws {TypeError} when it is not a key.
 */
export function toKey(key: Key): string {
  if (typeof key === 'string') return isSimpleKey(key) ? key : wholeKey(key)
  if (Array.isArray(key)) return join(key as readonly KeyPart[])
  if (typeof key === 'object' && key !== null) return join([key])
  throw new TypeError(`Expected the key to be text, an array of parts or an object of pairs, got ${showScalar(key)}`)
}

/**
 * The full keys for an array of keys that a user gives.
 * @throws {TypeError} when it is not an array, or naming the item that is not a key.
 */
export function toKeys(keys: readonly Key[]): string[] {
  if (!Array.isArray(keys)) throw new TypeError(`Expected the keys to be an array, got ${showScalar(keys)}`)
  return keys.map((key, i) => {
    try {
      return toKey(key as Key)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      throw new TypeError(`Key ${i + 1} of ${keys.length}: ${error.message}`, { cause: error })
    }
  })
}

/**
 * The key of a call below a parent: `func::<name>::<argument>::…`. Arguments keep their type: text has JSON quotes, bigints end in `n`.
 * Trailing `undefined` is dropped. Objects follow the rules for keys. A plain object stands for its pairs if these cannot be confused with
 * other arguments: it has at most 8 names, all identifiers, and no object comes after it. Otherwise it is a digest.
 * @throws {TypeError} for arguments that cannot be in a key, and for a key of more than 32 parts.
 */
export function argumentsKey(parent: string, args: readonly unknown[]): string {
  let count = args.length
  while (count > 0 && args[count - 1] === undefined) count--
  let key = parent
  for (let i = 0; i < count; i++) {
    const place = `argument ${i + 1} of ${parent}`
    const arg = args[i]
    if (isOptions(arg) && !args.slice(i + 1).some((later) => typeof later === 'object' && later !== null)) {
      for (const option of Object.keys(arg).toSorted()) {
        key += SEPARATOR + segmentOf(option, place) + SEPARATOR + optionValue(arg[option], `${place}.${option}`)
      }
    } else key += SEPARATOR + argument(arg, place)
  }
  limit(countSegments(key))
  return key
}

/** The segments of a full key, escaped as they stand in it. */
export function segments(key: string): string[] {
  return key.split(SEPARATOR)
}

/** Whether a full key lies below another, at any depth. No key is below itself. */
export function isUnder(key: string, parent: string): boolean {
  const end = parent.length
  return (
    key.length > end + 2 && key.charCodeAt(end) === COLON && key.charCodeAt(end + 1) === COLON && key.startsWith(parent)
  )
}

/** The bounds of the keys below a key: all `k` with `from <= k < to` in the order of `compareKeys`. */
export function childRange(key: string): { from: string; to: string } {
  return { from: `${key}::`, to: `${key}:;` }
}

/** Compares in the order of UTF-8 bytes, which is Redis's: negative, 0 or positive. */
export function compareKeys(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return byteRank(x) - byteRank(y)
  }
  return a.length - b.length
}

/** Puts code units in the order of their code points: surrogates come after U+FFFF. */
function byteRank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

function join(parts: readonly unknown[]): string {
  if (parts.length === 0) throw new TypeError('Expected a key of at least one part, got none')
  let key = ''
  let spread = false
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]
    let text: string
    if (typeof part === 'string') text = segmentOf(part, i + 1)
    else if (typeof part === 'number' && Number.isFinite(part)) text = String(part)
    else {
      spread = true
      text = partSegments(part, `part ${i + 1} of the key`)
    }
    key = i === 0 ? text : key + SEPARATOR + text
  }
  limit(spread ? countSegments(key) : parts.length)
  return key
}

/** The joined segments of any part. Pairs and cached objects give several. */
function partSegments(part: unknown, place: string): string {
  if (!isPairs(part)) return valueSegments(part, place)
  const names = Object.keys(part)
  if (names.length === 0) throw emptyObject(place)
  const pairs = names.toSorted().map((name) => {
    const pairPlace = `\`${name}\` in ${place}`
    return segmentOf(name, pairPlace) + SEPARATOR + valueSegments(part[name], pairPlace)
  })
  return pairs.join(SEPARATOR)
}

function isPairs(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && isPlain(value) && identityOf(value) === undefined
}

/** The same for a value that does not stand for pairs: a plain object becomes a digest here. */
function valueSegments(value: unknown, place: string): string {
  const text = scalarText(value)
  if (text !== undefined) return segmentOf(text, place)
  if (typeof value !== 'object' || value === null) throw refusal(place, value)
  const identity = identityOf(value)
  if (Array.isArray(identity)) {
    const [name, id] = identity as readonly unknown[]
    const idText = scalarText(id)
    if (typeof name !== 'string') throw refusal(`the name of ${place}`, name)
    if (idText === undefined) throw refusal(`the id of ${place}`, id)
    return segmentOf(name, place) + SEPARATOR + segmentOf(idText, place)
  }
  if (identity !== undefined) return segmentOf(String(identity), place)
  if (isPlain(value) && Object.keys(value).length === 0) throw emptyObject(place)
  return `#${digest(canonicalForm(value, place))}`
}

function argument(value: unknown, place: string): string {
  if (typeof value === 'string') {
    if (toUSVString(value) !== value) throw contentRefusal(place, value)
    return segmentOf(JSON.stringify(value), place)
  }
  if (typeof value === 'bigint') return segmentOf(`${value}n`, place)
  if (typeof value === 'number' || value === undefined) return String(value)
  return isPairs(value) ? `#${digest(canonicalForm(value, place))}` : valueSegments(value, place)
}

/** Text in a pair has no quotes, unless it could be confused with another type. */
function optionValue(value: unknown, place: string): string {
  const bare = typeof value === 'string' && !/^[-+\d"]|\p{Surrogate}/u.test(value) && !NOT_A_NAME.has(value)
  return bare ? segmentOf(value, place) : argument(value, place)
}

const NOT_A_NAME = new Set(['true', 'false', 'null', 'undefined', 'NaN', 'Infinity'])

function isOptions(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isPairs(value)) return false
  const names = Object.keys(value)
  return (
    names.length > 0 &&
    names.length <= 8 &&
    names.every((name) => /^[a-z_$][\w$]*$/i.test(name) && !NOT_A_NAME.has(name))
  )
}

/** Whether a whole key is surely as `join` would write it. `false`: it needs a closer look. */
function isSimpleKey(key: string): boolean {
  let start = 0
  for (let parts = 1; parts <= MAX_PARTS; parts++) {
    const end = key.indexOf(SEPARATOR, start)
    if (!isSimpleSegment(key, start, end === -1 ? key.length : end)) return false
    if (end === -1) return true
    start = end + SEPARATOR.length
  }
  return false
}

function wholeKey(key: string): string {
  if (key === '') throw new TypeError("Expected the key to be text that is not empty, got ''")
  const parts = key.split(SEPARATOR)
  limit(parts.length)
  return parts.map((part) => (isWrittenSegment(part) ? part : segmentOf(part, 'the key'))).join(SEPARATOR)
}

function countSegments(key: string): number {
  let count = 1
  for (let at = key.indexOf(SEPARATOR); at !== -1; at = key.indexOf(SEPARATOR, at + 2)) count++
  return count
}

function limit(parts: number): void {
  if (parts > MAX_PARTS) throw new TypeError(`Expected a key of at most ${MAX_PARTS} parts, got ${parts}`)
}

function emptyObject(place: string): TypeError {
  return new TypeError(`Expected ${place} to have at least one property, got {}`)
}
