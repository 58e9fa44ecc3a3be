import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  cacheDeleteFunction,
  cacheFunction,
  caches,
  closeCaches,
  configure,
  createKeyedCache,
  type KeyedCache,
} from '../../src/index.js'
import { warningsDuring } from '../support/warnings.js'

let cache: KeyedCache

beforeEach(() => {
  cache = configure({ caches: { default: {} } })
})

afterEach(closeCaches)

/** A function of that name that counts its calls and gives back its arguments. */
function counting(name: string): { fn: (...args: unknown[]) => Promise<unknown[]>; calls: () => number } {
  let calls = 0
  const fn = async (...args: unknown[]): Promise<unknown[]> => {
    calls++
    return args
  }
  return { fn: Object.defineProperty(fn, 'name', { value: name }), calls: () => calls }
}

describe('A cached function', () => {
  test('computes once for the same arguments, and again for others', async () => {
    const { fn, calls } = counting('nearest')
    const nearest = cache.wrap(fn)
    expect(await nearest(2, 6)).toEqual([2, 6])
    expect(await nearest(2, 6)).toEqual([2, 6])
    expect(calls()).toBe(1)
    expect(await nearest(6, 2)).toEqual([6, 2])
    expect(calls()).toBe(2)
  })

  test('computes once when called many times at once', async () => {
    const { fn, calls } = counting('nearest')
    const nearest = cache.wrap(fn)
    await Promise.all(Array.from({ length: 50 }, () => nearest(1)))
    expect(calls()).toBe(1)
  })

  test('may call itself with other arguments, each of which is computed once', async () => {
    let calls = 0
    const factorial: (n: number) => Promise<number> = cache.wrap(async function product(n: number): Promise<number> {
      calls++
      return n === 0 ? 1 : n * (await factorial(n - 1))
    })
    expect(await factorial(10)).toBe(3_628_800)
    expect(calls).toBe(11)
    expect(await factorial(7)).toBe(5040)
    expect(calls).toBe(11)
  })

  test('gives its results the ttl that it was wrapped with', async () => {
    const { fn } = counting('nearest')
    const nearest = cache.wrap(fn, { ttl: 7 })
    await nearest(1)
    const ttl = (await cache.entry(nearest.key(1)))?.ttl
    expect(ttl).toBeGreaterThan(6)
    expect(ttl).toBeLessThanOrEqual(7)
  })

  test('has the key `func::<name>::<argument>::...`, under which the result is found', async () => {
    async function nearestCity(lat: number, lon: number): Promise<string> {
      return `${lat} ${lon}`
    }
    const cached = cache.wrap(nearestCity)
    expect(cached.key(50.08, 14.43)).toBe('func::nearestCity::50.08::14.43')
    await cached(50.08, 14.43)
    expect(await cache.get('func::nearestCity::50.08::14.43')).toBe('50.08 14.43')
    expect([cached.name, cached.length]).toEqual(['nearestCity', 2])
    expect(cacheFunction(60)(nearestCity)).toHaveLength(2)
    expect(cached.original).toBe(nearestCity)
  })

  test.each<[unknown[], string]>([
    [[], 'func::fun'],
    [[1], 'func::fun::1'],
    [['1'], 'func::fun::"1"'],
    [[1n], 'func::fun::1n'],
    [[true, null], 'func::fun::true::null'],
    [['true'], 'func::fun::"true"'],
    [[NaN, -Infinity, -0], 'func::fun::NaN::-Infinity::0'],
    [[1, undefined, undefined], 'func::fun::1'],
    [[undefined], 'func::fun'],
    [[undefined, 1], 'func::fun::undefined::1'],
    [[''], 'func::fun::""'],
    [['a"b'], 'func::fun::"a\\"b"'],
    [['a::b'], 'func::fun::"a%3A%3Ab"'],
    [[new Date(0)], 'func::fun::1970-01-01T00:00:00.000Z'],
    [[new URL('https://x.org/')], 'func::fun::https://x.org/'],
  ])('keeps the types of arguments in keys: %o is %s', (args, key) => {
    expect(cache.wrap(counting('fun').fn).key(...args)).toBe(key)
  })

  test('has a key of its own for each list of arguments that is not the same', () => {
    const { key } = cache.wrap(counting('fun').fn)
    const calls: unknown[][] = [
      [],
      [1],
      ['1'],
      [1n],
      [null],
      ['null'],
      ['undefined', 1],
      [undefined, 1],
      [[1]],
      [['1']],
      [[1, 2]],
      [1, 2],
      [{ a: 1 }],
      [{ a: '1' }],
      ['a', 1],
      [{ a: 1 }, 1],
      [{ a: { b: 1 } }],
      [new Map([['a', 1]])],
      [new Set(['a'])],
      [Buffer.from('a')],
      [true],
      ['true'],
    ]
    expect(new Set(calls.map((args) => key(...args))).size).toBe(calls.length)
  })

  test('takes `name` and `key` of its options for its keys', async () => {
    const user = cache.wrap(async (given: { id: number; password: string }) => given.id, {
      name: 'user',
      key: ({ id }) => ['by', id],
    })
    expect(user.key({ id: 7, password: 'secret' })).toBe('func::user::by::7')
    expect(await user({ id: 7, password: 'secret' })).toBe(7)
    expect(await cache.get('func::user::by::7')).toBe(7)
  })

  test('forgets the result of some arguments by `delete`, and of all by `clear`', async () => {
    const { fn, calls } = counting('fun')
    const cached = cache.wrap(fn)
    const other = cache.wrap(counting('funny').fn)
    await Promise.all([cached(1), cached(2), cached(), other(1)])
    expect(await cached.delete(1)).toEqual(['func::fun::1'])
    expect(await cached.delete(1)).toEqual([])
    await Promise.all([cached(1), cached(2)])
    expect(calls()).toBe(4)
    expect(await cached.clear()).toBe(3)
    expect(await cached.clear()).toBe(0)
    await cached(2)
    expect(calls()).toBe(5)
    expect(await cache.get(other.key(1))).toEqual([1])
  })

  test('computes anew by `refresh`, and has the new result', async () => {
    let version = 0
    const current = cache.wrap(async () => ++version, { name: 'current' })
    expect([await current(), await current()]).toEqual([1, 1])
    expect(await current.refresh()).toBe(2)
    expect(await current()).toBe(2)
  })

  test('has the ttl of its options', async () => {
    const cached = cache.wrap(counting('fun').fn, { ttl: '1h' })
    await cached(1)
    const entry = await cache.entry(cached.key(1))
    expect(entry?.ttl).toBeGreaterThan(3500)
    expect(entry?.ttl).toBeLessThanOrEqual(3600)
  })

  test('that was synchronous becomes asynchronous', async () => {
    const double = cache.wrap((n: number) => n * 2, { name: 'double' })
    const result = double(2)
    expect(result).toBeInstanceOf(Promise)
    expect(await result).toBe(4)
  })

  test('rejects with what it throws, also when it is synchronous, and does not store it', async () => {
    let calls = 0
    const failing = cache.wrap(
      (): number => {
        calls++
        throw new RangeError('no database')
      },
      { name: 'failing' },
    )
    await expect(failing()).rejects.toThrow(new RangeError('no database'))
    await expect(failing()).rejects.toThrow(RangeError)
    expect(calls).toBe(2)
  })

  test('calls the function with its own `this`', async () => {
    const shop = {
      currency: 'CZK',
      price: cache.wrap(
        async function (this: { currency: string }, amount: number) {
          return `${amount} ${this.currency}`
        },
        { name: 'price' },
      ),
    }
    expect(await shop.price(5)).toBe('5 CZK')
  })

  test('may call itself with other arguments, and with the same is an error', async () => {
    const factorial = cache.wrap(async (n: number): Promise<number> => (n < 2 ? 1 : n * (await factorial(n - 1))), {
      name: 'factorial',
    })
    expect(await factorial(5)).toBe(120)
    const endless = cache.wrap(async (n: number): Promise<number> => endless(n), { name: 'endless' })
    await expect(endless(1)).rejects.toThrow('inside its own factory')
  })

  test('has a `key` that is called with its own `this`', async () => {
    const shop = {
      currency: 'CZK',
      price: cache.wrap(async (amount: number) => amount, {
        name: 'price',
        key(this: { currency: string }, amount) {
          return [amount, this.currency]
        },
      }),
    }
    await shop.price(5)
    expect((await cache.keys()).keys).toEqual(['func::price::5::CZK'])
  })

  test('whose `key` throws is called through, with one warning', async () => {
    const read = async (given?: { id: number }): Promise<number> => given?.id ?? 0
    const cached = cache.wrap(read, { key: (given) => [(given as { id: number }).id] })
    const warnings = await warningsDuring('KEYEDCACHE_NO_KEY', async () => {
      expect([await cached(), await cached()]).toEqual([0, 0])
    })
    expect(warnings).toHaveLength(1)
  })

  test('is called through where the cache is disabled', async () => {
    const { fn, calls } = counting('fun')
    const cached = cache.wrap(fn)
    cache.enable(false)
    expect([await cached(1), await cached(1)]).toEqual([[1], [1]])
    expect(calls()).toBe(2)
  })

  test('with arguments that have no key is called through, with one warning', async () => {
    const { fn, calls } = counting('fun')
    const cached = cache.wrap(fn)
    const warnings = await warningsDuring('KEYEDCACHE_NO_KEY', async () => {
      for (let i = 0; i < 3; i++) expect(await cached(() => 1)).toHaveLength(1)
      expect(await cached(Symbol('s'))).toHaveLength(1)
      await cached.refresh(() => 1)
    })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/^Calls of fun are not cached/)
    expect(calls()).toBe(5)
    expect(() => cached.key(() => 1)).toThrow(TypeError)
    await expect(cached.delete(() => 1)).rejects.toThrow(TypeError)
    expect(await cache.count()).toBe(0)
  })

  test('whose result cannot be stored gives it, with one warning', async () => {
    const cached = cache.wrap(async (n: number) => ({ of: () => n }), { name: 'functions' })
    const warnings = await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      expect((await cached(1)).of()).toBe(1)
      expect((await cached(2)).of()).toBe(2)
    })
    expect(warnings).toHaveLength(1)
  })
})

describe('Names of cached functions', () => {
  test('the same function wrapped again is the same cached function', () => {
    const { fn } = counting('fun')
    expect(cache.wrap(fn)).toBe(cache.wrap(fn, { ttl: 1 }))
    expect(cacheFunction(60)(fn)).toBe(cacheFunction({ ttl: 5 })(fn))
    expect(cacheFunction(60)(cacheFunction(60)(fn))).toBe(cacheFunction(60)(fn))
  })

  test('a cached function wrapped again is itself', async () => {
    const { fn, calls } = counting('fun')
    const cached = cache.wrap(fn)
    expect(cache.wrap(cached)).toBe(cached)
    expect(cacheFunction(60)(cached)).toBe(cached)
    expect([await cache.wrap(cached)(1), calls()]).toEqual([[1], 1])
  })

  test('a cached function of one cache can be cached in another too', async () => {
    const { fn, calls } = counting('fun')
    const [shared, local] = [createKeyedCache(), createKeyedCache()]
    const cached = local.wrap(shared.wrap(fn))
    expect([await cached(1), await cached(1), calls()]).toEqual([[1], [1], 1])
    expect([await local.count(), await shared.count()]).toEqual([1, 1])
    await Promise.all([shared.close(), local.close()])
  })

  test.each([5, undefined, () => 'fun'])('a function whose `name` is %o is an error that asks for `name`', (name) => {
    const fn = Object.defineProperty(async () => 1, 'name', { value: name })
    expect(() => cache.wrap(fn)).toThrow(/without a name.*`name`/)
    expect(cache.wrap(fn, { name: 'given' }).key()).toBe('func::given')
  })

  test('a second function of the same name is an error that asks for `name`', async () => {
    const fun = async (): Promise<number> => 2
    cache.wrap(counting('fun').fn)
    expect(() => cache.wrap(fun)).toThrow(/called "fun".*bundler.*`--keep-names`.*`name`/)
    expect(() => cache.wrap(fun)).toThrow(/call cacheFunction or wrap once, outside of request handlers/)
    expect(cache.wrap(fun, { name: 'other' }).key()).toBe('func::other')
    expect(createKeyedCache().wrap(fun).key()).toBe('func::fun')
    await expect(cacheFunction(60)(fun)()).rejects.toThrow(/called "fun".*`name`/)
    await expect(cacheFunction(60)(fun).clear()).rejects.toThrow(/`name`/)
  })

  test.each([
    ['', /without a name.*option `name`.*`\{ name: 'nearestCity' \}`.*bundler.*`--keep-names`/],
    ['f', /called "f".*`name`.*bundler.*`--keep-names`/],
    ['ab', /called "ab".*`name`.*bundler.*`--keep-names`/],
  ])('a function called %j is an error that asks for `name` and names the bundler', (name, message) => {
    expect(() => cache.wrap(counting(name).fn)).toThrow(message)
    expect(() => cacheFunction(60)(counting(name).fn)).toThrow(message)
    expect(cache.wrap(counting(name).fn, { name: 'f' }).key()).toBe('func::f')
  })

  test('a name is one part of keys, whatever is in it', () => {
    expect(cache.wrap(counting('fun').fn, { name: 'a::b' }).key(1)).toBe('func::a%3A%3Ab::1')
  })
})

describe('cacheFunction', () => {
  test('binds to the default cache when it is called, not before', async () => {
    const { fn, calls } = counting('late')
    const cached = cacheFunction({ ttl: 60 })(fn)
    const second = configure({ caches: { default: {}, other: {} }, alias: 'other' })
    await cached(1)
    await cached(1)
    expect(calls()).toBe(1)
    expect(await second.get('func::late::1')).toEqual([1])
    expect(await caches('default').count()).toBe(0)
  })

  test('takes a ttl in place of options, as a number or as text', async () => {
    const [short, long] = [cacheFunction(60)(counting('short').fn), cacheFunction('2h')(counting('long').fn)]
    await Promise.all([short(), long()])
    expect((await cache.entry('func::short'))?.ttl).toBeCloseTo(60, -1)
    expect((await cache.entry('func::long'))?.ttl).toBeCloseTo(7200, -2)
  })

  test('cacheDeleteFunction forgets all results, given either function', async () => {
    const { fn, calls } = counting('fun')
    const cached = cacheFunction(60)(fn)
    await Promise.all([cached(1), cached(2)])
    expect(await cacheDeleteFunction(fn)).toBe(2)
    await cached(1)
    expect(calls()).toBe(3)
    expect(await cacheDeleteFunction(cached)).toBe(1)
    expect(await cacheDeleteFunction(cache.wrap(counting('wrapped').fn))).toBe(0)
  })

  test('cacheDeleteFunction of anything else rejects, and deletes nothing', async () => {
    await cache.set('x', 1)
    const map = new Map([[1, 1]])
    for (const wrong of [counting('fun').fn, cache, map, null, undefined, 'fun']) {
      await expect(cacheDeleteFunction(wrong as never)).rejects.toThrow(/given to cacheFunction.*got/)
    }
    expect(map.size).toBe(1)
    expect(await cache.get('x')).toBe(1)
  })
})

describe('Wrong use', () => {
  test.each<[unknown, RegExp]>([
    [{ ttl: -1 }, /`ttl`.*got -1/],
    [{ grace: 'soon' }, /`grace`.*got 'soon'/],
    [{ tags: 'a' }, /`tags`.*got 'a'/],
    [{ key: 'a' }, /`key`.*got 'a'/],
    [{ name: '' }, /`name`/],
    [{ name: 5 }, /`name`.*5/],
    [{ timeout: -1 }, /`timeout`.*got -1/],
    [{ softTimeout: 'soon' }, /`softTimeout`.*got 'soon'/],
    [{ maxCompute: NaN }, /`maxCompute`.*got NaN/],
    [{ retryAfter: Infinity }, /`retryAfter` to be at most 1 hour, got Infinity/],
    [{ early: -1 }, /`early`.*got -1/],
    [{ schema: {} }, /`schema`.*got {}/],
    [{ signal: 1 }, /`signal`.*got 1/],
    [{ refresh: 'yes' }, /`refresh`.*got 'yes'/],
    [{ expires: 60 }, /`expires` of a cached function.*ttl.*key/],
    [[60], /options.*got \[ 60 \]/],
    [null, /options.*got null/],
  ])('options %o are a TypeError at once', (options, message) => {
    const { fn } = counting('fun')
    const wrap = (): unknown => cache.wrap(fn, options as never)
    expect(wrap).toThrow(TypeError)
    expect(wrap).toThrow(message)
    cache.wrap(fn)
    expect(wrap).toThrow(message)
    expect(() => cacheFunction(options as never)).toThrow(TypeError)
    expect(() => cacheFunction(options as never)).toThrow(message)
  })

  test('a ttl in place of options that is none is a TypeError at once', () => {
    expect(() => cacheFunction(-1)).toThrow(/`ttl`.*got -1/)
    expect(() => cacheFunction('soon')).toThrow(/`ttl`.*got 'soon'/)
    expect(() => cacheFunction(true as never)).toThrow(/`ttl`.*got true/)
  })

  test('a function in place of options is a TypeError that says how it is written', () => {
    const forgotten = (): unknown => cacheFunction(counting('fun').fn as never)
    expect(forgotten).toThrow(TypeError)
    expect(forgotten).toThrow(/write cacheFunction\(options\)\(fn\), got \[AsyncFunction: fun\]/)
  })

  test.each([['text'], [undefined], [{ id: 7 }]])('a `key` that gives %o is a TypeError', async (parts) => {
    const { fn, calls } = counting('fun')
    const cached = cache.wrap(fn, { key: () => parts as never })
    expect(() => cached.key(1)).toThrow(TypeError)
    expect(() => cached.key(1)).toThrow(/Expected `key` to give an array of parts, got/)
    for (const call of [cached(1), cached.refresh(1), cached.delete(1)]) {
      await expect(call).rejects.toThrow(TypeError)
      await expect(call).rejects.toThrow(/Expected `key` to give an array of parts, got/)
    }
    expect(calls()).toBe(0)
  })

  test('what is no function is a TypeError', () => {
    expect(() => cache.wrap('fun' as never)).toThrow(/function, got 'fun'/)
    expect(() => cacheFunction(60)(5 as never)).toThrow(/function, got 5/)
    expect(() => cacheFunction(-1)(counting('fun').fn)).toThrow(/`ttl`.*got -1/)
  })
})
