/**
 * The tags of a tagged tree. The first item of each array is a tag, and says what the items after it are. These numbers are in stored
 * bytes: add to them, never change them.
 */
export const TypeTag = {
  /** The items. */
  array: 0,
  /** Nothing. */
  undefined: 1,
  /** Milliseconds since 1970; `NaN`, itself tagged, for an invalid date. */
  date: 2,
  /** Whether it is negative, and its magnitude in hexadecimal digits. */
  bigint: 3,
  /** Key, value, key, value. */
  map: 4,
  /** The members. */
  set: 5,
  /** Source, flags, `lastIndex`. */
  regExp: 6,
  /** Class, then for each own property: name, whether it is enumerable, value. */
  error: 7,
  /** Number of bytes, to be taken from the binary data. */
  buffer: 8,
  /** Number of bytes, to be taken from the binary data. */
  arrayBuffer: 9,
  /** Class, and number of bytes to be taken from the binary data. */
  typedArray: 10,
  /** The name of a number that JSON does not have: `NaN`, `Infinity`, `-Infinity`. */
  number: 11,
  /** Whether the prototype is null, then name, value, name, value. Most objects have no tag: they are objects in the tree too. */
  object: 12,
} as const

/** The classes of errors that can be stored, by name. */
export const ERROR_CLASSES: ReadonlyMap<string, new (message?: string) => Error> = new Map<
  string,
  new (message?: string) => Error
>([
  ['Error', Error],
  ['EvalError', EvalError],
  ['RangeError', RangeError],
  ['ReferenceError', ReferenceError],
  ['SyntaxError', SyntaxError],
  ['TypeError', TypeError],
  ['URIError', URIError],
  ['AggregateError', AggregateError.bind(undefined, []) as unknown as new () => Error],
])

/** The typed arrays that can be stored, by name. */
export const TYPED_ARRAY_CLASSES: ReadonlyMap<string, new (buffer: ArrayBuffer) => NodeJS.TypedArray> = new Map<
  string,
  new (buffer: ArrayBuffer) => NodeJS.TypedArray
>([
  ['Int8Array', Int8Array],
  ['Uint8Array', Uint8Array],
  ['Uint8ClampedArray', Uint8ClampedArray],
  ['Int16Array', Int16Array],
  ['Uint16Array', Uint16Array],
  ['Int32Array', Int32Array],
  ['Uint32Array', Uint32Array],
  ['Float32Array', Float32Array],
  ['Float64Array', Float64Array],
  ['BigInt64Array', BigInt64Array],
  ['BigUint64Array', BigUint64Array],
  ...newTypedArrays(),
])

/** The typed arrays that not every supported Node has. */
function newTypedArrays(): [string, new (buffer: ArrayBuffer) => NodeJS.TypedArray][] {
  const { Float16Array } = globalThis as { Float16Array?: new (buffer: ArrayBuffer) => NodeJS.TypedArray }
  return Float16Array === undefined ? [] : [['Float16Array', Float16Array]]
}
