import express, { type Request, type RequestHandler } from 'express'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import * as one from '../../../src/index.js'
import { listen } from '../../support/listen.js'
import { warningsDuring } from '../../support/warnings.js'

/** Another copy of the package, as where it is loaded as ESM and as CommonJS. */
let other: typeof one

beforeAll(async () => {
  vi.resetModules()
  other = await import('../../../src/index.js')
})

afterEach(async () => one.closeCaches())

/** Does the work in one real request, which goes through the handlers before. */
async function served<T>(handlers: RequestHandler[], work: (req: Request) => Promise<T>): Promise<T> {
  const app = express()
  for (const handler of handlers) app.use(handler)
  const outcome = new Promise<T>((resolve, reject) => {
    app.get('/', (req, res) => {
      work(req)
        .then(resolve, reject)
        .finally(() => res.end())
    })
  })
  const server = await listen(app)
  try {
    await Promise.all([fetch(server.url), outcome])
    return await outcome
  } finally {
    await server.close()
  }
}

/** From where the hits of a cache come while something runs. */
async function hitsDuring(cache: one.KeyedCache, run: () => Promise<unknown>): Promise<string[]> {
  const hits: string[] = []
  const note = ({ by }: one.CacheEvents['hit']): void => void hits.push(by)
  cache.on('hit', note)
  await run()
  cache.off('hit', note)
  return hits
}

test('they are two copies', () => {
  expect(other.cacheGet).not.toBe(one.cacheGet)
  expect(other.NotCachedError).not.toBe(one.NotCachedError)
})

describe('The default cache of two copies', () => {
  test('is one, whichever of them was configured', async () => {
    const cache = one.configure({ caches: { default: {}, second: {} }, alias: 'second' })
    await one.cacheSet('x', 1)
    expect(other.caches()).toBe(cache)
    expect(other.caches().name).toBe('second')
    expect(other.caches('default').name).toBe('default')
    expect(await other.cacheGet('x')).toBe(1)
  })

  test('is one, made from the environment when either of them asks first', async () => {
    await other.cacheSet('x', 1)
    expect(await one.cacheGet('x')).toBe(1)
  })

  test('is closed by either of them, and the next one is again for both', async () => {
    one.configure({ caches: { default: {}, second: {} }, alias: 'second' })
    await other.closeCaches()
    expect(one.caches().name).toBe('default')
    expect(() => one.caches('second')).toThrow(one.ImproperlyConfiguredError)
    expect(other.caches()).toBe(one.caches())
  })

  test('closes the one before when the other copy configures anew', async () => {
    const closing = vi.spyOn(one.configure({ caches: { default: {} } }), 'close')
    const second = other.configure({ caches: { default: {} } })
    expect(one.caches()).toBe(second)
    expect(closing).toHaveBeenCalledOnce()
  })
})

describe('A request through the middleware of one copy', () => {
  test('has its Map found by functions of the other', async () => {
    const cache = one.configure({ caches: { default: {} } })
    const priceOf = other.cacheFunction(60)(async function priceOf(product: string) {
      return product.length
    })
    const hits = await hitsDuring(cache, () =>
      served([one.keyedcache()], async () => [await priceOf('shoe'), await priceOf('shoe')]),
    )
    expect(hits).toEqual(['request'])
  })

  test('sees what the other writes past its Map', async () => {
    one.configure({ caches: { default: {} } })
    const seen = await served([one.keyedcache()], async (req) => {
      await req.cache.set('x', 'old')
      const before = await req.cache.get('x')
      await other.caches().set('x', 'new')
      return [before, await req.cache.get('x')]
    })
    expect(seen).toEqual(['old', 'new'])
  })

  test('is told once of what is written to the cache, whichever copies use it', async () => {
    const cache = one.configure({ caches: { default: {} } })
    const listening = vi.spyOn(cache, 'on')
    await served([one.keyedcache()], async (req) => req.cache.has('x'))
    await served([other.keyedcache()], async (req) => req.cache.has('x'))
    expect(listening.mock.calls.filter(([event]) => event === 'set')).toHaveLength(1)
  })

  test('keeps its `req.cache` behind the middleware of the other', async () => {
    const seen: one.Cache[] = []
    const note: RequestHandler = (req, _res, next) => {
      seen.push(req.cache)
      next()
    }
    await served([one.keyedcache(), note, other.keyedcache(), note], async () => undefined)
    expect(seen[1]).toBe(seen[0])
  })
})

describe('Functions cached by two copies', () => {
  test('may not share a name', async () => {
    await one.cacheFunction({ name: 'priceOf' })(async () => 1)()
    await expect(other.cacheFunction({ name: 'priceOf' })(async () => 2)()).rejects.toThrow(/called "priceOf"/)
  })

  test('are the same cached function where the function is the same, or is what the other has made', () => {
    async function priceOf(product: string): Promise<number> {
      return product.length
    }
    const cached = one.cacheFunction(60)(priceOf)
    expect(other.cacheFunction(60)(priceOf)).toBe(cached)
    expect(other.cacheFunction(60)(cached)).toBe(cached)
    const wrapped = one.createKeyedCache().wrap(async function taxOf() {})
    expect(other.cacheFunction(60)(wrapped)).toBe(wrapped)
  })

  test('have their results deleted by either', async () => {
    async function priceOf(product: string): Promise<number> {
      return product.length
    }
    const cached = one.cacheFunction(60)(priceOf)
    await cached('shoe')
    await cached('sandal')
    expect(await other.cacheDeleteFunction(priceOf)).toBe(2)
  })
})

test('Methods of one class that two copies cache have names of their own', async () => {
  const context = (isStatic: boolean): ClassMethodDecoratorContext<any> =>
    ({ kind: 'method', name: 'load', static: isStatic, private: false }) as ClassMethodDecoratorContext<any>
  class City {
    cacheId = 7
    static async load(): Promise<string> {
      return 'static'
    }
    async load(): Promise<string> {
      return 'of an instance'
    }
  }
  City.load = one.cached(60)(City.load, context(true))
  City.prototype.load = other.cached(60)(City.prototype.load, context(false))
  expect([await City.load(), await new City().load()]).toEqual(['static', 'of an instance'])
  expect((await one.caches().keys()).keys).toEqual(['func::City.load::7', 'func::static City.load'])
})

describe('A factory', () => {
  test('that asks for its own key by way of another copy is an error at once', async () => {
    const nested = one.caches().getOrSet('x', () => other.caches().getOrSet('x', () => 1))
    await expect(nested).rejects.toThrow(/inside its own factory/)
  })

  test('of one copy reads the shared cache by functions of the other, not the Map', async () => {
    const cache = one.configure({ caches: { default: {} } })
    await cache.set('rate', 2)
    const read = (req: Request): Promise<unknown> => req.cache.getOrSet('price', () => other.cacheGet('rate'))
    const hits = await hitsDuring(cache, () =>
      served([one.keyedcache()], async (req) => {
        await req.cache.get('rate')
        return read(req)
      }),
    )
    expect(hits).toEqual(['store', 'store'])
  })
})

describe('A cache of one copy', () => {
  test('may be given to the middleware, the dashboard and the objects of the other', async () => {
    const cache = one.createKeyedCache()
    await cache.set('x', 1)
    class Product extends other.CachedObject(Object, { cache }) {
      id = 1
    }
    await new Product().cacheSet()
    expect(await cache.has('Product::1')).toBe(true)
    expect(await served([other.keyedcache({ cache })], async (req) => req.cache.get('x'))).toBe(1)
    expect(() => other.keyedcacheAdmin({ cache })).not.toThrow()
    expect(() => other.keyedcache(cache as object)).toThrow(/write `keyedcache\(\{ cache \}\)`/)
  })
})

describe('An error of one copy', () => {
  test('is an instance of the same class of the other, and of no class beside', async () => {
    const error: unknown = await one
      .createKeyedCache()
      .get('x')
      .then(String, (thrown: unknown) => thrown)
    expect(error instanceof one.NotCachedError).toBe(true)
    expect(error instanceof other.NotCachedError).toBe(true)
    expect(error instanceof other.KeyedCacheError).toBe(true)
    expect(error instanceof other.CacheTimeoutError).toBe(false)
    expect(new Error('x') instanceof other.KeyedCacheError).toBe(false)
  })

  test('is no instance of a class that the user has derived, but the other way round', () => {
    class Own extends other.NotCachedError {}
    expect(new one.NotCachedError('x') instanceof Own).toBe(false)
    expect(new other.NotCachedError('x') instanceof Own).toBe(false)
    expect(new Own('x') instanceof Own).toBe(true)
    expect(new Own('x') instanceof one.NotCachedError).toBe(true)
  })
})

test('a suite that resets modules is told nothing about copies', async () => {
  const told = await warningsDuring('KEYEDCACHE_COPIES', async () => {
    vi.resetModules()
    await import('../../../src/index.js')
  })
  expect(told).toEqual([])
})
