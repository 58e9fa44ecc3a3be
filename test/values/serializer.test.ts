import { deepStrictEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { defaultSerializer } from '../../src/values/serializer.js'

const { encode, decode } = defaultSerializer
const roundTrip = (value: unknown): unknown => decode(encode(value))

/** An array nested so deep that the innermost is at that level. */
function nested(levels: number): unknown {
  let value: unknown = []
  for (let i = 1; i < levels; i++) value = [value]
  return value
}

/** An array whose second place is a hole. */
function holey(length: number): unknown[] {
  return without(
    Array.from({ length }, () => 0),
    1,
  )
}

function without<T extends object>(value: T, name: keyof T): T {
  delete value[name]
  return value
}

function thrownBy(act: () => unknown): unknown {
  try {
    act()
  } catch (thrown) {
    return thrown
  }
  throw new Error('Nothing was thrown')
}

const LONG = 'x'.repeat(100)

describe('values come back as they went in', () => {
  const values: Record<string, unknown> = {
    null: null,
    undefined: undefined,
    'an object with undefined': { a: undefined, b: [undefined] },
    'NaN and infinities': [NaN, Infinity, -Infinity],
    'integers around the limits': [
      127,
      128,
      255,
      256,
      65535,
      65536,
      2 ** 31,
      2 ** 32,
      2 ** 53,
      -1,
      -32,
      -33,
      -129,
      -(2 ** 31) - 1,
    ],
    fractions: [0.1, -0.1, Number.MIN_VALUE, Number.MAX_VALUE, 1e21],
    'bigints of any size': [0n, 1n, -1n, 2n ** 63n, -(2n ** 64n), 7n ** 2000n, -(7n ** 2000n)],
    text: ['', 'a', 'ž', '€', '😀', '\0', LONG, 'ž'.repeat(100), '😀'.repeat(20_000)],
    'text cut within an emoji': ['\ud83d', 'x\ude00', '\udc00\ud800', `${LONG}\ud83d`, ['\ud83d', undefined]],
    'names cut within an emoji': { 'x\ud83d': 1, nested: Object.assign(Object.create(null), { '\ude00': [1n] }) },
    'an expression, an error and a map of such text': [
      new RegExp('\ud83d'),
      Object.assign(new Error('\ud83d'), { 'code\ud83d': '\ude00' }),
      new Map([['\ud83d', new Set(['\ude00'])]]),
    ],
    'text that begins with a byte order mark': ['\ufeff', `\ufeff${LONG}`, `\ufeff\ufeff${LONG}`],
    'names that begin with a byte order mark': { [`\ufeff${LONG}`]: 1, [`\ufeff\ufeff${LONG}`]: 2 },
    'names that mean something elsewhere': {
      constructor: 1,
      toJSON: 2,
      hasOwnProperty: 3,
      valueOf: 4,
      __proto_: 5,
      length: 6,
      '': 7,
    },
    'an object without prototype': Object.assign(Object.create(null), { a: { b: 1 } }),
    'an object of 70,000 names': Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`n${i}`, i])),
    'an array of 70,000 items': Array.from({ length: 70_000 }, (_, i) => i),
    dates: [0, 1, -1, 1.5e12 + 1, -1.5e12 - 1, 8.64e15, -8.64e15].map((ms) => new Date(ms)),
    'regular expressions': [
      /a\/b\n[/]/dgimsuy,
      new RegExp('\\p{L}', 'v'),
      new RegExp(''),
      Object.assign(/x/g, { lastIndex: 3 }),
    ],
    'a map of maps': new Map<unknown, unknown>([
      [new Map([[{ a: 1 }, [2]]]), new Map()],
      [undefined, NaN],
      [NaN, 1n],
    ]),
    'a set of sets': new Set<unknown>([new Set([1, '1']), new Set(), undefined, [1]]),
    'a buffer': Buffer.from('bytes'),
    'an empty buffer, and others beside it': [
      Buffer.alloc(0),
      Buffer.from([1]),
      Buffer.alloc(100_000, 7),
      Buffer.from([2]),
    ],
    'an ArrayBuffer': new Uint8Array([1, 2, 3]).buffer,
    'a part of a larger ArrayBuffer': new Uint16Array(new Uint16Array([1, 2, 3, 4]).buffer, 2, 2),
    'each typed array': [
      new Int8Array([-1]),
      new Uint8Array([255]),
      new Uint8ClampedArray([255]),
      new Int16Array([-1]),
      new Uint16Array([65535]),
      new Int32Array([-1]),
      new Uint32Array([2 ** 32 - 1]),
      new Float32Array([0.5, -0, NaN]),
      new Float64Array([0.1]),
      new BigInt64Array([-1n]),
      new BigUint64Array([2n ** 64n - 1n]),
    ],
    'an array of 100 levels': nested(100),
    'the same object twice': [{ a: 1 }, { a: 1 }],
  }

  it.each(Object.entries(values))('%s', (_, value) => {
    deepStrictEqual(roundTrip(value), value)
  })

  it('an invalid date', () => {
    expect((roundTrip([new Date(NaN)]) as [Date])[0].getTime()).toBeNaN()
  })

  it('-0 comes back as 0', () => {
    expect([roundTrip(-0), roundTrip([new Date(), -0])]).toEqual([0, [expect.any(Date), 0]])
  })

  it('a Buffer stays a Buffer and a Uint8Array stays a Uint8Array', () => {
    const [buffer, bytes] = roundTrip([Buffer.from('a'), new Uint8Array(1)]) as [object, object]
    expect([buffer.constructor, bytes.constructor]).toEqual([Buffer, Uint8Array])
  })

  it('the order of names, of map entries and of set members is kept', () => {
    const value = roundTrip([
      { b: 1, a: 2 },
      new Map([
        ['b', 1],
        ['a', 2],
      ]),
      new Set(['b', 'a']),
    ])
    const [object, map, set] = value as [object, Map<string, number>, Set<string>]
    expect([Object.keys(object), [...map.keys()], [...set]]).toEqual([
      ['b', 'a'],
      ['b', 'a'],
      ['b', 'a'],
    ])
  })

  it('values made in another realm come back as values of this one', () => {
    const foreign: unknown = runInNewContext(
      '({ o: {}, a: [1], m: new Map([[1, 2]]), s: new Set([1]), d: new Date(1), r: /x/g, u: new Uint8Array(1), n: Object.create(null), e: new RangeError("no").message })',
    )
    deepStrictEqual(roundTrip(foreign), {
      o: {},
      a: [1],
      m: new Map([[1, 2]]),
      s: new Set([1]),
      d: new Date(1),
      r: /x/g,
      u: new Uint8Array(1),
      n: Object.create(null),
      e: 'no',
    })
    expect(roundTrip(runInNewContext('new RangeError("no")'))).toBeInstanceOf(RangeError)
  })
})

describe('errors come back', () => {
  it.each([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])(
    'with class, message, stack, cause and own properties: %o',
    (ErrorClass) => {
      const error = Object.assign(new ErrorClass('went wrong', { cause: new Error('deep', { cause: 1n }) }), {
        code: 'E_X',
      })
      const back = roundTrip(error) as Error & { code: string }
      expect(back.constructor).toBe(ErrorClass)
      expect(Object.prototype.toString.call(back)).toBe('[object Error]')
      expect(back).toMatchObject({ message: 'went wrong', stack: error.stack, code: 'E_X' })
      expect(back.cause).toMatchObject({ message: 'deep', cause: 1n, stack: (error.cause as Error).stack })
      expect(Object.keys(back)).toEqual(['code'])
      deepStrictEqual(Object.getOwnPropertyNames(back).toSorted(), Object.getOwnPropertyNames(error).toSorted())
    },
  )

  it('with the errors of an AggregateError', () => {
    const back = roundTrip(new AggregateError([new TypeError('one'), 2], 'many')) as AggregateError
    expect(back).toBeInstanceOf(AggregateError)
    expect(back.errors).toEqual([new TypeError('one'), 2])
  })

  it('without what they did not have, and with a cause that is undefined', () => {
    const back = roundTrip([
      new Error(),
      new Error('a', { cause: undefined }),
      without(new Error('b'), 'stack'),
    ]) as Error[]
    expect(back.map((error) => Object.getOwnPropertyNames(error).toSorted())).toEqual([
      ['stack'],
      ['cause', 'message', 'stack'],
      ['message'],
    ])
  })

  it('that Node throws for the file system, with their codes', () => {
    const error = thrownBy(() => readFileSync('no/such/file'))
    expect(roundTrip(error)).toMatchObject({
      code: 'ENOENT',
      errno: -2,
      syscall: 'open',
      path: 'no/such/file',
      stack: (error as Error).stack,
    })
  })
})

describe('what cannot be stored is refused by the name of its path', () => {
  class Point {
    x = 1
  }
  class Text extends String {}
  const cycle: { items: unknown[] } = { items: [] }
  cycle.items.push({ back: cycle })
  const mapCycle = new Map<string, unknown>()
  mapCycle.set('me', mapCycle)
  const errorCycle = new Error('cycle')
  errorCycle.cause = errorCycle

  const refused: [what: string, value: unknown, path: string, reason: string][] = [
    ['a function', { items: [1, { price: () => 1 }] }, 'value.items[1].price', 'a function'],
    ['a symbol', [Symbol('s')], 'value[0]', 'a symbol'],
    ['a property named by a symbol', { a: { [Symbol('s')]: 1 } }, 'value.a[Symbol(s)]', 'a property named by a symbol'],
    ['a class instance', { p: new Point() }, 'value.p', 'an instance of Point'],
    ['a subclass of Map', new (class Cache extends Map {})(), 'value', 'an instance of Cache'],
    [
      'a subclass of Map with its name',
      new (class Map2 extends class Map extends globalThis.Map {} {})(),
      'value',
      'an instance',
    ],
    [
      'a subclass of Map with the very name',
      new (class Map extends globalThis.Map {})(),
      'value',
      'an instance of Map',
    ],
    ['a subclass of Array', { a: new (class List extends Array {})() }, 'value.a', 'an instance of List'],
    ['a subclass of Date', [new (class Day extends Date {})()], 'value[0]', 'an instance of Day'],
    ['a subclass of Error', { e: new (class Oops extends Error {})() }, 'value.e', 'an instance of Oops'],
    ['a subclass of Uint8Array', { e: new (class Bytes extends Uint8Array {})(1) }, 'value.e', 'an instance of Bytes'],
    ['an object that inherits from another', Object.create({ a: 1 }), 'value', 'an instance'],
    ['a boxed number', { n: Object(1) }, 'value.n', 'an instance of Number'],
    ['a boxed string', { n: new Text('a') }, 'value.n', 'an instance of Text'],
    ['a boxed bigint', { n: Object(1n) }, 'value.n', 'an instance of BigInt'],
    ['a promise', { later: Promise.resolve(1) }, 'value.later', 'is an `await` missing?'],
    ['a WeakMap', { w: new WeakMap() }, 'value.w', 'an instance of WeakMap'],
    ['a DataView', { v: new DataView(new ArrayBuffer(1)) }, 'value.v', 'an instance of DataView'],
    ['a SharedArrayBuffer', { v: new SharedArrayBuffer(1) }, 'value.v', 'an instance of SharedArrayBuffer'],
    ['a URL', { u: new URL('https://x.org') }, 'value.u', 'an instance of URL'],
    ['an iterator', [new Map().keys()], 'value[0]', 'an instance'],
    [
      'arguments',
      (function () {
        return arguments
      })(),
      'value.length',
      'not enumerable',
    ],
    ['a cycle', cycle, 'value.items[0].back', 'a cycle'],
    ['a cycle through a Map', mapCycle, "value.get('me')", 'a cycle'],
    ['a cycle through a cause', { e: errorCycle }, 'value.e.cause', 'a cycle'],
    [
      'an own __proto__',
      { a: JSON.parse('{"__proto__":{"b":1}}') },
      'value.a.__proto__',
      'an own property named __proto__',
    ],
    ['101 levels', nested(101), `value${'[0]'.repeat(100)}`, 'deeper than 100 levels'],
    ['20,000 levels', nested(20_000), `value${'[0]'.repeat(100)}`, 'deeper than 100 levels'],
    ['a hole', { a: holey(3) }, 'value.a[1]', 'a hole'],
    [
      'a hidden property beside items',
      Object.defineProperty([1], 'x', { value: 2 }),
      'value.x',
      'a property beside the items of an array',
    ],
    [
      'a hidden toJSON of an array',
      Object.defineProperty([1], 'toJSON', { value: () => 2 }),
      'value.toJSON',
      'a property beside the items of an array',
    ],
    ['a property beside items', 'abc'.match(/b/), 'value.index', 'a property beside the items of an array'],
    ['a property of a Map', { m: Object.assign(new Map(), { x: 1 }) }, 'value.m.x', 'a property of a Map'],
    ['a property of a Date', Object.assign(new Date(), { x: 1 }), 'value.x', 'a property of a Date'],
    ['a property of a RegExp', Object.assign(/x/, { x: 1 }), 'value.x', 'a property of a RegExp'],
    [
      'an expression whose lastIndex is no number',
      Object.assign(/x/, { lastIndex: '1' }),
      'value.lastIndex',
      'not a number',
    ],
    ['a property that is hidden', Object.defineProperty({}, 'x', { value: 1 }), 'value.x', 'not enumerable'],
    ['a function in a Map', { m: new Map([['k', { f() {} }]]) }, "value.m.get('k').f", 'a function'],
    [
      'a function as a key of a Map',
      {
        m: new Map([
          [1, 1],
          [() => 1, 2],
        ] as [unknown, number][]),
      },
      '[...value.m.keys()][1]',
      'a function',
    ],
    ['a function in a Set', { s: [new Set([1, [() => 1]])] }, '[...value.s[0]][1][0]', 'a function'],
    ['a function in an error', Object.assign(new Error('x'), { retry() {} }), 'value.retry', 'a function'],
    ['a name that is no identifier', { 'a b': { '1': Symbol('s') } }, 'value["a b"]["1"]', 'a symbol'],
  ]

  it.each(refused)('%s', (_, value, path, reason) => {
    const error = thrownBy(() => encode(value))
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toContain(`\`${path}\``)
    expect((error as Error).message).toContain(reason)
  })

  it('an array without items but with a length', () => {
    expect(() => encode(Array.from({ length: 1 }).concat(holey(2)))).toThrow('`value[2]`')
  })
})

describe('bytes from elsewhere', () => {
  const tagged = (tree: string, ...binary: number[]): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(tree))
    return Buffer.concat([Buffer.from([0xc1]), length, Buffer.from(tree), Buffer.from(binary)])
  }
  const hostile: Record<string, Buffer> = {
    nothing: Buffer.alloc(0),
    'no JSON': Buffer.from('undefined'),
    'the byte that is never used': Buffer.from([0x91, 0xc1]),
    'text that ends early': Buffer.from('"a'),
    'bytes after the end': Buffer.from('1 1'),
    '111 objects in each other, behind brackets in text': Buffer.from(
      `["${']'.repeat(5000)}\\"]",${'{"a":'.repeat(110)}1${'}'.repeat(110)}]`,
    ),
    '1,000,000 arrays in each other': Buffer.from('['.repeat(1_000_000) + ']'.repeat(1_000_000)),
    '20,000 objects in each other': Buffer.from(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`),
    'a property that would set a prototype': Buffer.from('{"a":[{"__proto__":{"x":1}}]}'),
    'the same, written with escapes': Buffer.from('{"a":[{"\\u005f_proto__":{"x":1}}]}'),
    'a tagged tree without length': Buffer.from([0xc1, 0, 0]),
    'a tagged tree that ends beyond the bytes': Buffer.from([0xc1, 0, 0, 0, 2, 0x31]),
    'an array without a tag': tagged('[]'),
    'an unknown tag': tagged('[99]'),
    'a tag that is text': tagged('["a"]'),
    'a date of text': tagged('[2,"a"]'),
    'a map with half a pair': tagged('[4,1]'),
    'a bigint that is no number': tagged('[3,false,"x"]'),
    'a finite number that is said not to be': tagged('[11,"1"]'),
    'an expression with unknown flags': tagged('[6,"a","z",0]'),
    'an error of an unknown class': tagged('[7,"E"]'),
    'an object that would set __proto__': tagged('[12,false,"__proto__",1]'),
    'an error that would set __proto__': tagged('[7,"Error","__proto__",true,1]'),
    'a buffer of bytes that are not there': tagged('[8,1]'),
    'a buffer of a negative length': tagged('[8,-1]'),
    'binary data that nothing refers to': tagged('null', 1),
    'an unknown typed array': tagged('[10,"Map",0]'),
    'a typed array with half an item': tagged('[10,"Int16Array",1]', 1),
  }

  it.each(Object.entries(hostile))('are refused: %s', (_, bytes) => {
    expect(() => decode(bytes)).toThrow()
  })

  it('may have as many brackets in text as they like', () => {
    const value = { code: `${'['.repeat(300)}\\"${'{'.repeat(300)}`, list: Array.from({ length: 200 }, () => [{}]) }
    expect(roundTrip(value)).toEqual(value)
  })

  it('may name a prototype in text', () => {
    const value = { text: 'the property "__proto__"', other: '\u0000 __proto__' }
    expect(roundTrip(value)).toEqual(value)
  })
})
