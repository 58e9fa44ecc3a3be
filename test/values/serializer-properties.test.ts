import * as fc from 'fast-check'
import { deepStrictEqual } from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { defaultSerializer } from '../../src/values/serializer.js'
import { sized } from '../support/size.js'

const { encode, decode } = defaultSerializer

const text = fc.oneof(
  { arbitrary: fc.string({ unit: 'binary', maxLength: 8 }), weight: 8 },
  { arbitrary: fc.string({ maxLength: 40 }), weight: 2 },
  {
    arbitrary: fc.array(fc.integer({ min: 0xd7fe, max: 0xe001 })).map((units) => String.fromCharCode(...units)),
    weight: 1,
  },
  { arbitrary: fc.string({ unit: 'binary', minLength: 60, maxLength: 80 }), weight: 1 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 70 }).map((tail) => `\ufeff${tail}`), weight: 1 },
)
const name = fc
  .oneof(
    { arbitrary: text, weight: 3 },
    fc.constantFrom('constructor', 'toJSON', 'hasOwnProperty', 'then', 'length', '0', ''),
  )
  .filter((candidate) => candidate !== '__proto__')
const number = fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger()).map((n) => (n === 0 ? 0 : n))
const bytes = fc.uint8Array({ maxLength: 24 })
const words = bytes.map((content) => content.slice(0, content.length - (content.length % 8)).buffer)
const typedArray = fc
  .tuple(
    fc.constantFrom(
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    ),
    words,
  )
  .map(([Class, buffer]) => new Class(buffer))
const regExp = fc
  .tuple(fc.constantFrom('a', '[a-z]\\/', '(?<x>ž)|😀', ''), fc.constantFrom('', 'g', 'dgimsuy', 'v'), fc.nat())
  .map(([source, flags, lastIndex]) => Object.assign(new RegExp(source, flags), { lastIndex }))

const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.oneof(
      fc.constantFrom(null, undefined, NaN, Infinity, -Infinity, true, false),
      number,
      text,
      fc.bigInt(),
      fc.date({ noInvalidDate: true }),
      regExp,
      bytes.map((content) => Buffer.from(content)),
      words,
      typedArray,
    ),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(name, tie('value'), { maxKeys: 5 }),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 4 }).map((members) => new Set(members)),
    fc
      .tuple(
        fc.constantFrom(Error, RangeError, TypeError),
        text,
        fc.option(tie('value')),
        fc.dictionary(fc.constantFrom('code', 'status'), tie('value')),
      )
      .map(([Class, message, cause, properties]) =>
        Object.assign(cause === null ? new Class(message) : new Class(message, { cause }), properties),
      ),
    fc
      .tuple(fc.array(tie('value'), { maxLength: 3 }), text)
      .map(([errors, message]) => new AggregateError(errors, message)),
  ),
}))

/** Everything that `inspect` sees: classes, order, prototypes, stacks, causes. */
function picture(value: unknown): string {
  return inspect(value, { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity })
}

/** Changes all that can be changed of a value, in place, and gives how many changes that were. */
function spoil(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  if (value instanceof ArrayBuffer) return new Uint8Array(value).fill(0x55).length
  if (ArrayBuffer.isView(value))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).fill(0x55).length
  let changes = 1
  if (value instanceof Map) for (const [key, item] of value) changes += spoil(key) + spoil(item)
  if (value instanceof Map) value.set('added', 1)
  if (value instanceof Set) for (const item of value) changes += spoil(item)
  if (value instanceof Set) value.add('added')
  if (value instanceof Date) value.setTime(1)
  if (value instanceof RegExp) value.lastIndex++
  for (const item of Object.values(value)) changes += spoil(item)
  if (value instanceof Error) changes += spoil(value.cause)
  Object.assign(value, { added: 1 })
  return changes
}

const seed = randomInt(2 ** 31)
const RUNS = sized(10_000)

it(`${RUNS} random values come back equal, and share nothing with each other or their bytes (seed ${seed})`, () => {
  let changes = 0
  fc.assert(
    fc.property(anyValue, (value) => {
      const encoded = Buffer.from(encode(value))
      const before = Buffer.from(encoded)
      const expected = picture(value)

      const first = decode(encoded)
      deepStrictEqual(first, value)
      expect(picture(first)).toBe(expected)

      changes += spoil(first)
      expect(encoded.equals(before)).toBe(true)
      const second = decode(encoded)
      encoded.fill(0xff)
      deepStrictEqual(second, value)
      expect(picture(second)).toBe(expected)
    }),
    { numRuns: RUNS, seed },
  )
  expect(changes).toBeGreaterThan(RUNS)
}, 120_000)

it(`${RUNS} encoded values with bytes changed decode to something or throw an Error, and nothing else happens (seed ${seed})`, () => {
  let decoded = 0
  let refused = 0
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(anyValue, fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
      const encoded = Buffer.from(encode(value))
      for (const [at, byte] of changes) encoded[at % encoded.length] = byte
      try {
        decode(encoded)
        decoded++
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        refused++
      }
    }),
    { numRuns: RUNS, seed },
  )
  expect(Math.min(decoded, refused)).toBeGreaterThan(RUNS / 100)
  expect(Object.keys(Object.prototype)).toEqual([])
}, 120_000)
