import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cacheKey, cacheKeyUnder, childRange, compareKeys, isUnder, segments, toKey } from '../../src/keys/key.js'
import type { KeyPart } from '../../src/keys/key.js'
import { sized } from '../support/size.js'

const PAIRS = sized(100_000)
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const sign = fc.constantFrom(
  '::',
  ':',
  ':',
  '%',
  '#',
  '%3A',
  '%25',
  ' ',
  '\n',
  '\u0000',
  'a',
  'b',
  '1',
  'é',
  '語',
  '🔑',
  '\uffff',
)
const text = fc.array(sign, { maxLength: 5 }).map((signs) => signs.join(''))
const longText = fc
  .tuple(fc.integer({ min: 225, max: 262 }), text, text)
  .map(([n, middle, end]) => 'x'.repeat(n) + middle + end)
const scalar = fc.oneof(
  { arbitrary: text, weight: 12 },
  { arbitrary: longText, weight: 1 },
  { arbitrary: fc.integer({ min: -2, max: 12 }), weight: 2 },
  { arbitrary: fc.constantFrom(-0, 0.5, 1e21, 1n, -1n, true, false, null, new Date(0), new Date(1e12)), weight: 2 },
)
const nested = fc.array(fc.constantFrom<unknown>(1, '1', 'a', null, [], ['a'], { a: 1 }, { a: '1', b: 2 }), {
  maxLength: 2,
})
const part: fc.Arbitrary<KeyPart> = fc.oneof(
  { arbitrary: scalar, weight: 12 },
  { arbitrary: fc.dictionary(text, scalar, { minKeys: 1, maxKeys: 2 }), weight: 1 },
  { arbitrary: nested, weight: 1 },
)
const list = fc.array(part, { minLength: 1, maxLength: 4 })

/** What API section 1 says a list is: the texts of its scalars, the pairs by name, the content of what is nested. */
function meaning(parts: readonly unknown[]): string {
  return JSON.stringify(parts.flatMap((each) => (isPairs(each) ? byName(each) : [each])).map(partMeaning))
}

function partMeaning(value: unknown): unknown {
  if (Array.isArray(value)) return { content: value.map(contentMeaning) }
  return value instanceof Date ? value.toISOString() : String(value)
}

function contentMeaning(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(contentMeaning)
  return isPairs(value) ? { pairs: byName(value).map(contentMeaning) } : value
}

function isPairs(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function byName(pairs: Record<string, unknown>): unknown[] {
  return Object.entries(pairs)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flat()
}

type Change = (parts: KeyPart[], at: number, cut: number) => KeyPart[]

const asText = (value: KeyPart | undefined): string => (typeof value === 'string' ? value : '')
const glue =
  (between: string): Change =>
  (parts, at) => [...parts.slice(0, at), asText(parts[at]) + between + asText(parts[at + 1]), ...parts.slice(at + 2)]
const replace =
  (change: (value: KeyPart, cut: number) => KeyPart[]): Change =>
  (parts, at, cut) => [...parts.slice(0, at), ...change(parts[at]!, cut), ...parts.slice(at + 1)]

/** Changes that a careless way of joining would not show, and some that the key must not show. */
const changes: readonly Change[] = [
  (parts) => [...parts],
  glue('::'),
  glue(':'),
  glue(''),
  glue('%'),
  replace((value, cut) => [asText(value).slice(0, cut), asText(value).slice(cut)]),
  replace((value) => asText(value).split('::')),
  replace((value) => asText(value).split(':')),
  replace((value) => [`:${asText(value)}`]),
  replace((value) => [`${asText(value)}:`]),
  replace((value) => [value, '']),
  replace((value) => ['', value]),
  replace((value) => [cacheKey(value)]),
  replace((value) => [cacheKey(value).replaceAll('%', '%25')]),
  replace((value) => [asText(value).replace(/.$/u, '?')]),
  replace((value) => [`${asText(value)}#${'A'.repeat(22)}`]),
  replace((value) => [typeof value === 'number' || typeof value === 'boolean' ? String(value) : value]),
  replace((value) => (isPairs(value) ? (byName(value) as KeyPart[]) : [value])),
  replace((value) => (isPairs(value) ? [Object.fromEntries(Object.entries(value).toReversed())] : [value])),
  replace((value) => [Array.isArray(value) ? value.map((each: unknown) => (each === 1 ? '1' : each)) : value]),
]

const pair = fc
  .tuple(list, list, fc.nat(changes.length + 3), fc.nat(3), fc.nat(5))
  .map(([a, other, change, place, cut]): [KeyPart[], KeyPart[]] => [
    a,
    changes[change]?.(a, place % a.length, cut) ?? other,
  ])
  .filter(([, b]) => b.length > 0 && isWellFormed(b))

function isWellFormed(parts: readonly KeyPart[]): boolean {
  return parts.every((each) => typeof each !== 'string' || !/\p{Surrogate}/u.test(each))
}

describe(`Keys of random lists (SEED=${seed})`, { timeout: 60_000 }, () => {
  test('are equal exactly when the lists mean the same', () => {
    const lists = new Set<string>()
    let equal = 0
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const [meansA, meansB] = [meaning(a), meaning(b)]
        lists.add(meansA).add(meansB)
        if (meansA === meansB) equal++
        expectSame(cacheKey(...a) === cacheKey(...b), meansA === meansB)
      }),
      { seed, numRuns: PAIRS },
    )
    process.stdout.write(`${PAIRS} pairs of lists, ${lists.size} distinct lists, ${equal} pairs equal, SEED=${seed}\n`)
    expect(lists.size).toBeGreaterThanOrEqual(PAIRS / 2)
    expect(equal).toBeGreaterThan(PAIRS / 20)
  })

  test('stay as they are when given as whole keys, and have bounded segments of their own', () => {
    fc.assert(
      fc.property(list, (parts) => {
        const key = cacheKey(...parts)
        expectSame(toKey(key), key)
        expectSame(toKey(segments(key).join('::')), key)
        for (const segment of segments(key)) expectSame(toKey(segment), segment)
        expectSame(Math.max(...segments(key).map((segment) => Buffer.byteLength(segment))) <= 256, true)
      }),
      { seed, numRuns: sized(20_000) },
    )
  })

  test('are below another exactly when its segments begin theirs, and are then in the range of its children', () => {
    fc.assert(
      fc.property(list, pair, (under, [a, b]) => {
        for (const [key, parent] of [
          [cacheKey(...a), cacheKey(...b)],
          [cacheKeyUnder(under, ...a), cacheKey(...under)],
          [cacheKeyUnder(toKey(under), ...a), cacheKey(...under, b[0]!)],
        ] as const) {
          const [inner, outer] = [segments(key), segments(parent)]
          const below = inner.length > outer.length && outer.every((segment, i) => segment === inner[i])
          const { from, to } = childRange(parent)
          expectSame(isUnder(key, parent), below)
          expectSame(compareKeys(from, key) <= 0 && compareKeys(key, to) < 0, below)
        }
      }),
      { seed, numRuns: sized(20_000) },
    )
  })

  test('are the same one after the other as at once', () => {
    fc.assert(
      fc.property(list, list, (a, b) => expectSame(cacheKeyUnder(a, ...b), cacheKey(...a, ...b))),
      { seed, numRuns: sized(20_000) },
    )
  })

  test('are compared as their UTF-8 bytes', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const [x, y] = [cacheKey(...a), cacheKey(...b)]
        expectSame(Math.sign(compareKeys(x, y)), Buffer.compare(Buffer.from(x), Buffer.from(y)))
      }),
      { seed, numRuns: sized(20_000) },
    )
  })

  test('given as any text are a fixed point: the key of the key is the key', () => {
    const anyText = fc.array(fc.oneof(sign, longText, fc.constant(`#${'A'.repeat(22)}`)), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(
        anyText.map((signs) => signs.join('')),
        (whole) => expectSame(toKey(toKey(whole)), toKey(whole)),
      ),
      { seed, numRuns: sized(20_000) },
    )
  })
})

/** As `expect(a).toBe(b)`, which is too slow to be called a million times. */
function expectSame(given: unknown, expected: unknown): void {
  if (given !== expected) expect(given).toBe(expected)
}
