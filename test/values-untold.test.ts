import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../src/contract/cache.js'
import type { Key, KeyPart } from '../src/keys/key.js'
import { defaultSerializer } from '../src/values/serializer.js'
import { createKeyedCache, type KeyedCacheOptions } from '../src/cache/create-keyed-cache.js'
import { closeCaches, configure } from '../src/default-cache/configure.js'
import { cacheDeleteFunction, cacheFunction } from '../src/default-cache/functions.js'
import { keyedcache } from '../src/express/middleware.js'
import { warningsDuring } from './support/warnings.js'

const SECRET = 'hunter2'

class User {
  id = 1
  password = SECRET
}
const user = new User()
const bad = (value: unknown): any => value
const isPairs = (value: unknown): boolean => Object.getPrototypeOf(value) === Object.prototype

const opened: KeyedCache[] = []
afterEach(async () => {
  await Promise.all([closeCaches(), ...opened.splice(0).map((cache) => cache.close())])
})

/** A cache, and all that it tells those who listen. */
function open(options: KeyedCacheOptions = {}): { cache: KeyedCache; told: string[] } {
  const told: string[] = []
  const log = (line: string): void => void told.push(line)
  const cache = createKeyedCache({ logger: { info: log, warn: log, error: log }, ...options })
  opened.push(cache)
  cache.on('error', ({ error }) => told.push(inspect(error, { depth: 20, showHidden: true })))
  return { cache, told }
}

/** What a call throws or rejects with, and the warnings meanwhile, as text. */
async function saidBy(call: () => unknown): Promise<string> {
  const said: string[] = []
  const listen = (warning: Error): void => void said.push(inspect(warning, { showHidden: true }))
  process.on('warning', listen)
  try {
    await call()
  } catch (error) {
    said.push(inspect(error, { depth: 20, showHidden: true }))
  }
  await new Promise((resolve) => void setImmediate(resolve))
  process.off('warning', listen)
  return said.join('\n')
}

describe('What stands in values, arguments and results is told to nobody', () => {
  class Text extends String {}
  const withoutText = Object.assign((): string => SECRET, { password: SECRET })
  const list = Object.assign([SECRET], { password: SECRET })
  const malformed = `${SECRET}\ud800`
  const unstorable: [string, unknown][] = [
    ['an instance', user],
    ['an instance in a list', [{ user }]],
    ['a function', withoutText],
    ['a symbol', Symbol(SECRET)],
    ['an array with a property', list],
    ['boxed text', new Text(SECRET)],
    ['a hidden property', Object.defineProperty({}, 'password', { value: SECRET })],
    ['a Map of what cannot be stored, by objects', new Map([[{ password: SECRET }, user]])],
    ['a property of a Date', Object.assign(new Date(), { password: user })],
    ['a promise', { later: Promise.resolve(SECRET) }],
  ]

  test.each(unstorable)('a value: %s', async (_what, value) => {
    const { cache, told } = open()
    const said = [
      await saidBy(() => cache.set('u', value)),
      await saidBy(() => cache.setMany([['u', value]])),
      await saidBy(() => cache.getOrSet('u', () => value)),
      await saidBy(() => cache.getOrSetMany(['many'], () => [value])),
    ]
    expect(said[0]).toContain('cannot be stored')
    expect(said[3]).toContain('cannot be stored')
    expect([...said, ...told].join('\n')).not.toContain(SECRET)
  })

  test.each<[string, unknown]>([
    ['too many', [SECRET, SECRET, SECRET]],
    ['none', { password: SECRET }],
    ['text', SECRET],
    ['an instance', user],
  ])('results of a factory for many: %s', async (_what, results) => {
    const { cache, told } = open()
    const said = await saidBy(() => cache.getOrSetMany(['a', 'b'], () => bad(results)))
    expect(said).toContain('2 results')
    expect([said, ...told].join('\n')).not.toContain(SECRET)
  })

  test.each<[string, unknown]>([
    ['a function', withoutText],
    ['a symbol', Symbol(SECRET)],
    ['an instance that hides its content', new (class Vault extends WeakMap {})()],
    ['boxed text', new Text(SECRET)],
    ['text with a lone surrogate', malformed],
    ['text with a lone surrogate in options', { password: malformed }],
    ['text with a lone surrogate, deeper', [{ password: malformed }]],
    ['a function in an object', [{ password: withoutText }]],
    ['a promise', Object.assign(Promise.resolve(SECRET), { password: SECRET })],
  ])('an argument, a part of a key: %s', async (_what, argument) => {
    const { cache, told } = open()
    const cached = cache.wrap(async (_of: unknown) => 1, { name: 'fun' })
    const warnings = await warningsDuring('KEYEDCACHE_NO_KEY', () => cached(argument))
    expect(warnings).toHaveLength(1)
    const said = [...warnings, await saidBy(() => cached.key(argument)), await saidBy(() => cached.delete(argument))]
    // What stands for its pairs, or is text, is in the key
    if (typeof argument !== 'string' && !isPairs(argument)) {
      said.push(await saidBy(() => cache.key(argument as KeyPart)), await saidBy(() => cache.get(['a', bad(argument)])))
    }
    expect([...said, ...told].join('\n')).not.toContain(SECRET)
  })

  test.each<[string, (cache: KeyedCache) => unknown]>([
    ['for a factory', (cache) => cache.getOrSet('u', bad({ password: SECRET }))],
    ['for keys', (cache) => cache.getMany(bad(new Map([['u', SECRET]])))],
    ['for a key', (cache) => cache.get(bad(withoutText) as Key)],
    ['for entries', (cache) => cache.setMany(bad({ u: SECRET }))],
    ['for an entry', (cache) => cache.setMany(bad([['u', SECRET, SECRET]]))],
    ['for a cached function', () => cacheDeleteFunction(bad({ password: SECRET }))],
    ['for a function', (cache) => cache.wrap(bad({ password: SECRET }))],
    ['for a function of the default cache', () => cacheFunction(60)(bad(user))],
    ['for options', (cache) => cache.get('u', bad('redis://me:hunter2@localhost:6379'))],
    ['for a long address', () => createKeyedCache(bad(`redis://me:${SECRET.repeat(20)}@localhost:6379`))],
    ['for all options', () => createKeyedCache(bad('redis://me:hunter2@localhost:6379'))],
    ['for the options of a cache', () => configure({ caches: { default: bad('redis://me:hunter2@localhost:6379') } })],
    ['for a cache', () => keyedcache({ cache: bad(user) })],
  ])('what is given %s', async (_what, call) => {
    const { cache, told } = open()
    const said = await saidBy(() => call(cache))
    expect(said).toMatch(/TypeError.*Expected/)
    expect([said, ...told].join('\n')).not.toContain(SECRET)
  })

  test('what a serializer gives in place of bytes', async () => {
    const serializer = { name: 'text', encode: (value: unknown) => bad(JSON.stringify(value)), decode: () => 1 }
    const { cache, told } = open({ serializer })
    const said = [
      await saidBy(() => cache.set('u', { password: SECRET })),
      await saidBy(() => cache.getOrSet('u', () => ({ password: SECRET }))),
    ]
    expect(said[0]).toContain('got text')
    expect([...said, ...told].join('\n')).not.toContain(SECRET)
  })
})

test('What is stored and does not decode is told without what stands in it', () => {
  const wrong = (): unknown => defaultSerializer.decode(Buffer.from(SECRET))
  expect(wrong).toThrow('no JSON')
  expect(wrong).not.toThrow(SECRET)
})

describe('What cannot be stored is named by its kind and place', () => {
  class Decimal {
    readonly digits = [1, 5]
    toJSON(): string {
      return this.digits.join('.')
    }
  }

  test.each<[unknown, string]>([
    [
      { u: user },
      '`value.u` is an instance of User, which cannot be stored: store a plain object (`{ ...user }`; `structuredClone(user)` where it holds others) or use CachedObject',
    ],
    [
      { price: new Decimal() },
      '`value.price` is an instance of Decimal, which cannot be stored: store what JSON makes of it (`JSON.parse(JSON.stringify(row))`), or give the cache a `serializer` that knows Decimal',
    ],
    [{ at: new URL('https://x.org') }, '`value.at` is an instance of URL, which cannot be stored'],
    [[() => 1], '`value[0]` is a function, which cannot be stored'],
    [Symbol('s'), '`value` is a symbol, which cannot be stored'],
    [{ p: Promise.resolve(1) }, '`value.p` is a promise, which cannot be stored: is an `await` missing?'],
    [new Map([[{}, () => 1]]), '`[...value.values()][0]` is a function, which cannot be stored'],
  ])('%#', async (value, message) => {
    await expect(open().cache.set('a', value)).rejects.toThrow(new TypeError(message))
  })

  test('results of a factory for many by how many there are', async () => {
    const wrong = open().cache.getOrSetMany(['a', 'b'], () => [1, 2, 3])
    await expect(wrong).rejects.toThrow('2 results, one for each key, got an array of 3')
  })

  test('and getOrSet warns that it is computed again on every call', async () => {
    const { cache } = open()
    const warnings = await warningsDuring('KEYEDCACHE_NOT_STORED', () => cache.getOrSet('u1', () => new User()))
    expect(warnings).toEqual([
      'The value of "u1" is not stored, so it is computed again on every call: `value` is an instance of User, which ' +
        'cannot be stored: store a plain object (`{ ...user }`; `structuredClone(user)` where it holds others) or use CachedObject',
    ])
  })
})
