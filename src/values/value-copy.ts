import { RecentlySeen } from './recently-seen.js'

const LINK_BYTES = 8
const OBJECT_BYTES = 64
const TEXT_BYTES = 24
const NUMBER_BYTES = 24
const BUFFER_BYTES = 200
/** With more properties than this, the engine gives an object its own table of names. */
const SHAPED_PROPERTIES = 16
const TABLE_ROW_BYTES = 56
/** What the engine's description of a new shape takes: by itself, and for each property. */
const OWN_SHAPE_BYTES = 60
const OWN_SHAPE_ROW_BYTES = 120

const shapes = new RecentlySeen()
const names = new RecentlySeen()

/**
 * A copy of a value that the default serializer has decoded. A change to one does not show in the other. Only for values whose `copyWeight`
 * is finite.
 */
export function copyValue<T>(value: T): T
export function copyValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return copyInside({ ...value })
  if (Array.isArray(value)) return copyItems(value)
  if (prototype === Date.prototype) return new Date((value as Date).getTime())
  if (prototype === Map.prototype)
    return new Map(Array.from(value as Map<unknown, unknown>, ([key, item]) => [copyValue(key), copyValue(item)]))
  if (prototype === Set.prototype) return new Set(Array.from(value as Set<unknown>, copyValue))
  if (prototype === Buffer.prototype) return Buffer.from(new Uint8Array(value as Buffer).buffer)
  return copyInside(Object.assign(Object.create(null) as object, value))
}

/**
 * An estimate of how many bytes of memory a decoded value takes, too high rather than too low. `Infinity` when it holds something that
 * `copyValue` does not copy.
 */
export function copyWeight(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return textWeight(value)
    case 'number':
      return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? LINK_BYTES : NUMBER_BYTES
    case 'bigint':
      return NUMBER_BYTES + value.toString(16).length
    case 'object':
      return value === null ? LINK_BYTES : objectWeight(value)
    case 'boolean':
    case 'undefined':
      return LINK_BYTES
    default:
      return Infinity
  }
}

function copyInside(object: object): object {
  const copy = object as Record<string, unknown>
  for (const name in copy) {
    const value = copy[name]
    if (typeof value === 'object' && value !== null && Object.hasOwn(copy, name)) copy[name] = copyValue(value)
  }
  return copy
}

function copyItems(items: readonly unknown[]): unknown[] {
  const copy = items.slice()
  for (let i = 0; i < copy.length; i++) {
    const value = copy[i]
    if (typeof value === 'object' && value !== null) copy[i] = copyValue(value)
  }
  return copy
}

function objectWeight(value: object): number {
  switch (Object.getPrototypeOf(value)) {
    case Object.prototype:
    case null:
      return propertiesWeight(value as Record<string, unknown>)
    case Array.prototype:
      return sum(value as unknown[], LINK_BYTES)
    case Date.prototype:
      return OBJECT_BYTES + NUMBER_BYTES
    case Map.prototype:
      return (
        sum((value as Map<unknown, unknown>).keys(), TABLE_ROW_BYTES) +
        sum((value as Map<unknown, unknown>).values(), 0)
      )
    case Set.prototype:
      return sum(value as Set<unknown>, TABLE_ROW_BYTES)
    case Buffer.prototype:
      return BUFFER_BYTES + (value as Buffer).length
    default:
      return Infinity
  }
}

function propertiesWeight(object: Record<string, unknown>): number {
  const own = Object.keys(object)
  let bytes = OBJECT_BYTES + shapeWeight(own)
  for (const name of own) bytes += LINK_BYTES + copyWeight(object[name])
  return bytes
}

/** What the names of an object's properties take. Objects of one shape share them. */
function shapeWeight(own: readonly string[]): number {
  const isTable = own.length > SHAPED_PROPERTIES
  if (!isTable && !shapes.isNew(own.join())) return 0
  let bytes = isTable ? 0 : OWN_SHAPE_BYTES
  for (const name of own) {
    bytes += isTable ? TABLE_ROW_BYTES : OWN_SHAPE_ROW_BYTES
    if (isTable || names.isNew(name)) bytes += textWeight(name)
  }
  return bytes
}

function sum(values: Iterable<unknown>, eachBytes: number): number {
  let bytes = OBJECT_BYTES
  for (const value of values) bytes += eachBytes + copyWeight(value)
  return bytes
}

/** What text takes: one byte for each character, or two if not all of them are ASCII. */
export function textWeight(text: string): number {
  const { length } = text
  return TEXT_BYTES + (Buffer.byteLength(text) === length ? length : 2 * length)
}
