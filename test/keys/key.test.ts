import { runInNewContext } from 'node:vm'
import { describe, expect, test, vi } from 'vitest'
import { canonicalForm } from '../../src/keys/digest.js'
import {
  argumentsKey,
  cacheKey,
  cacheKeyUnder,
  childRange,
  compareKeys,
  isUnder,
  keyParts,
  segments,
  toKey,
  toKeys,
  unescapeSegment,
} from '../../src/keys/key.js'
import type { Key, KeyPart } from '../../src/keys/key.js'
import vectors from './key-vectors.json' with { type: 'json' }
import { revive } from '../support/key-vectors.js'

describe('The frozen vectors', () => {
  test.each(['scalars', 'pairs', 'escapes', 'long'] as const)('%s', (group) => {
    for (const { parts, key } of vectors[group]) {
      const revived = revive(parts) as KeyPart[]
      expect.soft(cacheKey(...revived), JSON.stringify(parts)).toBe(key)
      expect.soft(toKey(revived), JSON.stringify(parts)).toBe(key)
      expect.soft(toKey(key), 'as a whole key').toBe(key)
    }
  })

  test('digests and the canonical forms behind them', () => {
    for (const { part, form, key } of vectors.digests) {
      const revived = revive(part) as KeyPart
      expect.soft(cacheKey(revived), JSON.stringify(part)).toBe(key)
      const content = Object.hasOwn(revived as object, 'filter') ? Reflect.get(revived as object, 'filter') : revived
      expect.soft(canonicalForm(content, 'it'), JSON.stringify(part)).toBe(form)
    }
  })

  test('whole keys', () => {
    for (const { whole, key } of vectors.whole) {
      expect.soft(toKey(whole), whole).toBe(key)
      expect.soft(toKey(key), whole).toBe(key)
    }
  })

  test('function arguments', () => {
    for (const { name, arguments: args, key } of vectors.arguments) {
      expect.soft(argumentsKey(cacheKey('func', name), revive(args) as unknown[]), JSON.stringify(args)).toBe(key)
    }
  })
})

class Product {
  readonly id: unknown

  constructor(id: unknown) {
    this.id = id
  }

  [keyParts](): readonly [string, unknown] {
    return ['Product', this.id]
  }
}

class Job {
  name(): string {
    return this.constructor.name
  }
}

describe('A key', () => {
  test('can be given as pairs or as a cached object', () => {
    expect(toKey({ b: 2, a: 1 })).toBe('a::1::b::2')
    const seven = new Product(7) as unknown as Key
    expect(toKey(seven)).toBe('Product::7')
    expect(cacheKeyUnder(seven, 'price')).toBe('Product::7::price')
  })

  test('is continued by parts, never by what is in them', () => {
    expect(cacheKeyUnder('product::1', 'a::b')).toBe('product::1::a%3A%3Ab')
    expect(cacheKeyUnder(['product'], { b: 2, a: 1 })).toBe('product::a::1::b::2')
  })

  test('takes objects of another realm as what they are', () => {
    const foreign = runInNewContext('({ pairs: { b: 2, a: 1 }, date: new Date(0), map: new Map([[1, 2]]) })') as {
      [name: string]: object
    }
    expect(cacheKey(foreign['pairs']!, foreign['date']!)).toBe('a::1::b::2::1970-01-01T00:00:00.000Z')
    expect(cacheKey(foreign['map']!)).toBe(cacheKey(new Map([[1, 2]])))
  })

  test('counts an object by its toJSON() when that gives text or a finite number', () => {
    expect(cacheKey({ toJSON: () => 'a::b' }, { toJSON: () => 1.5 })).toBe('a%3A%3Ab::1.5')
    expect(cacheKey('at', { url: new URL('https://x.org/') })).toBe('at::url::https://x.org/')
    expect(() => cacheKey({ toJSON: () => ({ a: 1 }) })).toThrow('`toJSON` in part 1')
  })

  test('keeps own properties called like inherited ones', () => {
    const hostile = JSON.parse('{"__proto__":1,"constructor":2,"toJSON":"x"}') as object
    expect(cacheKey(hostile)).toBe('__proto__::1::constructor::2::toJSON::x')
    expect(cacheKey([hostile])).not.toBe(cacheKey([{ constructor: 2, toJSON: 'x' }]))
  })

  test('does not confuse arrays that differ only in properties beside their items', () => {
    expect(cacheKey(Object.assign([1], { page: 1 }))).not.toBe(cacheKey([1]))
  })

  test('has at most 32 parts, pairs and the parent counted', () => {
    const parts = Array.from({ length: 32 }, (_, i) => i)
    expect(segments(cacheKey(...parts))).toHaveLength(32)
    for (const tooLong of [
      () => cacheKey(...parts, 32),
      () => cacheKey(...parts.slice(1), { a: 1 }),
      () => cacheKeyUnder(parts, 32),
      () => toKey(`${parts.join('::')}::32`),
      () => argumentsKey('func::f', parts.slice(1)),
    ]) {
      expect(tooLong).toThrow(new TypeError('Expected a key of at most 32 parts, got 33'))
    }
  })

  test('tells long parts apart that begin the same, and cuts neither code points nor escapes', () => {
    const long = 'x'.repeat(300)
    expect(cacheKey(`${long}a`)).not.toBe(cacheKey(`${long}b`))
    for (let before = 220; before <= 240; before++) {
      for (const sign of ['%', '::', 'é', '語', '🔑', 'a:']) {
        const key = cacheKey('x'.repeat(before) + sign.repeat(100))
        const head = key.slice(0, key.indexOf('#'))
        expect(head).not.toMatch(/%(?![2-3][35A])|\p{Surrogate}|\uFFFD/u)
        expect(256 - Buffer.byteLength(key)).toBeLessThan(4)
        expect(256 - Buffer.byteLength(key)).toBeGreaterThanOrEqual(0)
        expect(toKey(key)).toBe(key)
      }
    }
  })

  test('tells errors apart by what caused them, and by those they are made of', () => {
    const errors = [
      new Error('a'),
      new Error('a', { cause: 1 }),
      new Error('a', { cause: 2 }),
      new AggregateError([], 'a'),
      new AggregateError([new Error('b')], 'a'),
      new AggregateError([new Error('c')], 'a'),
    ]
    expect(new Set(errors.map((error) => cacheKey(error))).size).toBe(errors.length)
    expect(cacheKey(new Error('a', { cause: 1 }))).toBe(cacheKey(new Error('a', { cause: 1 })))
  })

  test('keeps a head with a digest only where some long text has that head', () => {
    const digest = `#${'A'.repeat(22)}`
    const written = (head: string): boolean => toKey(head + digest) === head + digest
    expect(written('x'.repeat(233))).toBe(true)
    expect(written('x'.repeat(230))).toBe(true)
    expect(written('x'.repeat(229))).toBe(false)
    expect(written('x'.repeat(234))).toBe(false)
    expect(written(`${'x'.repeat(230)}%3A`)).toBe(true)
    expect(written(`${'x'.repeat(229)}%3Ax`)).toBe(false)
    expect(written(`${'x'.repeat(231)}%2`)).toBe(false)
    expect(written(`:${'x'.repeat(232)}`)).toBe(false)
  })
})

const cycle: unknown[] = []
cycle.push({ cycle })
const deep = (levels: number): unknown[] => Array.from({ length: levels }).reduce<unknown[]>((inner) => [inner], [1])

test('A TypeError names which of many keys is none', () => {
  expect(() => toKeys(['a', 'b', ''])).toThrow(
    new TypeError("Key 3 of 3: Expected the key to be text that is not empty, got ''"),
  )
  expect(() => toKeys([['a', undefined] as unknown as Key, 'b'])).toThrow(/^Key 1 of 2: Expected part 2 of the key/)
})

describe('A TypeError names the place and the value for', () => {
  test.each<[string, unknown, string]>([
    ['undefined', undefined, 'got undefined'],
    ['NaN', Number.NaN, 'got NaN'],
    ['Infinity', Infinity, 'got Infinity'],
    ['a function', () => 1, 'got a function'],
    ['a symbol', Symbol('s'), 'got a symbol'],
    ['an invalid date', new Date(Number.NaN), 'got an invalid date'],
    ['a lone surrogate', 'a\uD800', 'text without lone surrogates, got'],
    ['surrogates the wrong way round', '\uDC00\uD800', 'text without lone surrogates'],
    ['an empty object', {}, 'at least one property, got {}'],
    ['an empty object as the value of a pair', { a: {} }, '`a` in part 2'],
    ['undefined as the value of a pair', { a: undefined }, '`a` in part 2'],
    ['a lone surrogate as the name of a pair', { '\uD800': 1 }, 'surrogates'],
    ['undefined in an array', [1, [undefined]], 'part 2 of the key[1][0]'],
    ['NaN in a Map', new Map([['a', Number.NaN]]), 'part 2 of the key (a value)'],
    ['a function in an instance', Object.assign(new Job(), { run: () => 1 }), 'part 2 of the key.run'],
    ['a lone surrogate in an array', ['\uDFFF'], 'part 2 of the key[0]'],
    ['a hole in an array', Array.from({ length: 1 }), 'part 2 of the key[0]'],
    ['a cycle', cycle, 'no cycle'],
    ['more than 100 levels', deep(100), 'at most 100 levels'],
    ['a boxed string', Object('text'), 'got an instance of String'],
    ['a promise', Promise.resolve(1), '`await`'],
    ['a promise with properties', Object.assign(Promise.resolve(1), { pid: 1 }), '`await`'],
    ['a WeakMap', new WeakMap(), 'got an instance of WeakMap'],
    ['an instance without properties', new Job(), 'got an instance of Job'],
    ['search parameters', new URLSearchParams('a=1'), 'got an instance of URLSearchParams'],
    ['a cached object without id', new Product(undefined), 'the id of part 2'],
  ])('%s', (_, part, message) => {
    expect(() => cacheKey('a', part as KeyPart)).toThrow(TypeError)
    expect(() => cacheKey('a', part as KeyPart)).toThrow(message)
    expect(() => cacheKey('a', part as KeyPart)).toThrow('part 2')
  })

  test('100 levels, by contrast, are a key', () => {
    expect(cacheKey(deep(99) as KeyPart)).toMatch(/^#[\w-]{22}$/)
  })

  test.each<[string, unknown]>([
    ['an empty list', []],
    ['empty text', ''],
    ['a lone surrogate in a whole key', 'a::\uD800'],
    ['a number as key', 123],
    ['null as key', null],
    ['undefined as key', undefined],
    ['a function as key', cacheKey],
  ])('%s', (_, key) => {
    expect(() => toKey(key as Key)).toThrow(TypeError)
    expect(() => toKey(key as Key)).toThrow(/^Expected .*key/)
    expect(() => cacheKeyUnder(key as Key, 'a')).toThrow(TypeError)
  })

  test('no parts at all', () => {
    expect(() => cacheKey()).toThrow(new TypeError('Expected a key of at least one part, got none'))
    expect(() => cacheKeyUnder('a')).toThrow(TypeError)
  })
})

describe('The arguments of a function', () => {
  test('make different keys wherever they differ', () => {
    const calls: unknown[][] = [
      [1],
      ['1'],
      [1n],
      ['1n'],
      [true],
      ['true'],
      [null],
      ['null'],
      [Number.NaN],
      ['NaN'],
      [],
      [''],
      ['""'],
      [undefined, 1],
      ['a', 'b'],
      ['a::b'],
      ['a"::"b'],
      [['a', 'b']],
      [{ a: 'b' }],
      [{ a: 1 }],
      [{ a: '1' }],
      [{ a: 1, b: 2 }],
      [{ a: 1 }, { b: 2 }],
      [{ a: 1 }, 'b', 2],
      ['a', 1],
      [{ '"a"': 1 }],
      [{ true: 1 }],
      [true, 1],
      [{ 1: 2 }],
      [1, 2],
      [{}],
      [[]],
      [[{}]],
      [{ a: {} }],
      [{ a: [] }],
      [{ a: null }],
      [{ a: undefined }],
      [new Map()],
      [new Set()],
      [new Date(0)],
    ]
    const keys = calls.map((args) => argumentsKey('func::f', args))
    expect(new Set(keys).size).toBe(calls.length)
    for (const key of keys) expect(toKey(key)).toBe(key)
  })

  test('share a key whatever the order of their properties', () => {
    expect(argumentsKey('func::f', [{ b: 2, a: 1 }])).toBe(argumentsKey('func::f', [{ a: 1, b: 2 }]))
    expect(argumentsKey('func::f', [{ b: 2, a: 1 }, 3])).toBe(argumentsKey('func::f', [{ a: 1, b: 2 }, 3]))
  })

  test('count instances by name and id', () => {
    expect(argumentsKey('func::f', [new Product(7), 'x'])).toBe('func::f::Product::7::"x"')
  })

  test('stand below the instance whose method is called', () => {
    expect(argumentsKey(cacheKey('func', 'Product.price', 7), ['EUR'])).toBe('func::Product.price::7::"EUR"')
  })

  test('that have no key are a TypeError which says which one', () => {
    for (const bad of [() => 1, Symbol('s'), '\uD800', new Date(Number.NaN), new WeakMap(), cycle, [Number.NaN]]) {
      expect(() => argumentsKey('func::nearest', [1, bad])).toThrow(TypeError)
      expect(() => argumentsKey('func::nearest', [1, bad])).toThrow('argument 2 of func::nearest')
    }
    expect(() => argumentsKey('func::f', [{ a: () => 1 }])).toThrow('argument 1 of func::f.a')
  })
})

describe('Keys of a tree', () => {
  test('know what is below what', () => {
    expect(isUnder('product::1', 'product')).toBe(true)
    expect(isUnder('product::1::x', 'product')).toBe(true)
    expect(isUnder('product::10', 'product::1')).toBe(false)
    expect(isUnder('product', 'product')).toBe(false)
    expect(isUnder('product:1', 'product')).toBe(false)
    expect(childRange('product')).toEqual({ from: 'product::', to: 'product:;' })
  })

  test('have segments', () => {
    expect(segments('a::b%3A::c')).toEqual(['a', 'b%3A', 'c'])
  })

  test('show a segment as the text that made it', () => {
    for (const text of ['', '%', '#', ':', '::', 'a:', '%3A', '%253A', '%23', '50%25', 'a:b']) {
      expect(unescapeSegment(cacheKey(text))).toBe(text)
    }
    expect(unescapeSegment(cacheKey([1]))).toBe('#CAqe1ChVnvYCZotMAPEU8Q')
  })

  test('sort by UTF-8 bytes, where emoji come after all others', () => {
    expect(['🔑', '\uFFFF', 'é', 'b', 'a::b', 'a:;', 'a', 'ab'].toSorted(compareKeys)).toEqual([
      'a',
      'a::b',
      'a:;',
      'ab',
      'b',
      'é',
      '\uFFFF',
      '🔑',
    ])
  })
})

test('The first key of a process is written like any other', async () => {
  for (const [part, key] of [
    ['', '%'],
    ['a', 'a'],
    ['#', '%23'],
  ] as const) {
    vi.resetModules()
    const fresh = await import('../../src/keys/key.js')
    expect(fresh.cacheKey(part, part)).toBe(`${key}::${key}`)
  }
})
