import type { Request } from 'express'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  cacheClear,
  cacheDelete,
  CachedObject,
  cacheDeleteFunction,
  cacheEnable,
  cacheEnabled,
  cacheFunction,
  cacheGet,
  cacheKey,
  cacheKeyUnder,
  CacheNotRespondingError,
  cacheRequire,
  caches,
  cacheSet,
  CacheTimeoutError,
  closeCaches,
  configure,
  ImproperlyConfiguredError,
  isCached,
  KeyedCacheError,
  NotCachedError,
} from '../../src/index.js'
import { inRequest as inRequestOf } from '../support/in-request.js'
import { startRedis } from '../support/redis-server.js'

type Server = Awaited<ReturnType<typeof startRedis>>

let redis: Server

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => redis.close())

afterEach(async () => {
  vi.unstubAllEnvs()
  await closeCaches()
})

/** Does the work inside one real request. */
function inRequest<T>(work: (req: Request) => Promise<T>): Promise<T> {
  return inRequestOf(work, {})
}

describe('The functions of the original, with the default cache', () => {
  test('cacheSet, cacheGet and isCached', async () => {
    const cache = configure({ caches: { default: {} } })
    expect(await isCached('x')).toBe(false)
    expect(await cacheSet(['product', 123], { name: 'shoe' }, { ttl: 3600 })).toBe(true)
    expect(await isCached({ product: 123 })).toBe(true)
    expect(await cacheGet({ product: '123' })).toEqual({ name: 'shoe' })
    expect((await cache.entry('product::123'))?.ttl).toBeCloseTo(3600, -2)
  })

  test('cacheGet of nothing rejects with the key, or gives the default', async () => {
    configure({ caches: { default: {} } })
    await expect(cacheGet(['product', 123])).rejects.toThrow(NotCachedError)
    await expect(cacheGet(['product', 123])).rejects.toMatchObject({ code: 'ERR_NOT_CACHED', key: 'product::123' })
    expect(await cacheGet('x', { default: null })).toBeNull()
    expect(await cacheGet('x', { default: undefined })).toBeUndefined()
  })

  test('cacheDelete, with children too, and cacheClear', async () => {
    configure({ caches: { default: {}, other: {} } })
    for (const key of ['product', 'product::1', 'product::1::x', 'products']) await cacheSet(key, 1)
    await caches('other').set('x', 1)
    expect(await cacheDelete('product')).toEqual(['product'])
    expect(await cacheDelete('product', { children: true })).toEqual(['product::1', 'product::1::x'])
    expect(await cacheClear()).toBe(1)
    expect(await isCached('products')).toBe(false)
    expect(await caches('other').has('x')).toBe(true)
  })

  test('cacheKey and cacheKeyUnder', () => {
    expect(cacheKey('SHIP', { weight: 2, country: 'CZ' })).toBe('SHIP::country::CZ::weight::2')
    expect(cacheKeyUnder('SHIP', 'CZ', 1)).toBe('SHIP::CZ::1')
  })

  test('cacheEnable and cacheEnabled', async () => {
    configure({ caches: { default: {} } })
    await cacheSet('x', 1)
    expect(cacheEnabled()).toBe(true)
    cacheEnable(false)
    expect(cacheEnabled()).toBe(false)
    expect(await isCached('x')).toBe(false)
    expect(await cacheSet('x', 2)).toBe(false)
    cacheEnable()
    expect(cacheEnabled()).toBe(true)
    expect(await cacheGet('x')).toBe(1)
    expect(() => cacheEnable('yes' as never)).toThrow(/got 'yes'/)
  })

  test('cacheRequire resolves when the cache answers, and rejects when it does not', async () => {
    configure({ caches: { default: {} } })
    await cacheRequire()
    configure({ caches: { default: { redis: 'redis://127.0.0.1:1', keyPrefix: 'test', logger: silent } } })
    const required = cacheRequire()
    await expect(required).rejects.toThrow(CacheNotRespondingError)
    await expect(required).rejects.toMatchObject({
      name: 'CacheNotRespondingError',
      code: 'ERR_CACHE_NOT_RESPONDING',
      cause: expect.any(Error),
    })
    await expect(cacheDelete('x')).rejects.toThrow(CacheNotRespondingError)
    expect(await cacheSet('x', 1)).toBe(false)
    expect(await cacheGet('x')).toBe(1) // from the fallback
    expect(await cacheGet('y', { default: null })).toBeNull()
  })

  test('the default cache is looked up at each use', async () => {
    configure({ caches: { default: {}, other: {} } })
    await cacheSet('x', 'default')
    configure({ caches: { default: {}, other: {} }, alias: 'other' })
    expect(await isCached('x')).toBe(false)
    await cacheSet('x', 'other')
    expect(await caches('other').get('x')).toBe('other')
    expect(await caches('default').has('x')).toBe(false)
  })

  test('need no configuration', async () => {
    vi.stubEnv('REDIS_URL', '')
    expect(await cacheSet('x', 1)).toBe(true)
    expect(await caches().get('x')).toBe(1)
    expect(caches('default')).toBe(caches())
  })

  test('reject, and never throw, for wrong use', async () => {
    configure({ caches: { default: {} } })
    for (const call of [
      () => cacheGet(''),
      () => cacheSet([], 1),
      () => cacheSet('x', 1, { ttl: 'soon' }),
      () => cacheDelete(undefined as never),
      () => isCached(5 as never),
    ]) {
      await expect(call()).rejects.toThrow(TypeError)
    }
  })
})

describe('Inside a request', () => {
  test('cached functions and cached objects are remembered by the Map of the request', async () => {
    const cache = configure({ caches: { default: { redis: redis.url, keyPrefix: 'inside', redisTimeout: '5s' } } })
    await cache.require()
    const answer = cacheFunction(60)(async function answer(): Promise<{ n: number }> {
      return { n: 42 }
    })
    class Product extends CachedObject() {
      readonly id = 7
    }
    await answer()
    await new Product().cacheSet()
    await inRequest(async (req) => {
      expect(await answer()).toBe(await answer())
      expect(await req.cache.get(answer.key())).toBe(await answer())
      expect(await cacheGet('Product::7')).toBe(await req.cache.get('Product::7'))
      await new Product().cacheGet()
      expect(await cacheDeleteFunction(answer)).toBe(1)
      expect(await req.cache.has(answer.key())).toBe(false)
      expect(await new Product().cacheDelete()).toEqual(['Product::7'])
      expect(await cacheGet('Product::7', { default: null })).toBeNull()
    })
    expect((await cache.stats()).hitsBy.request).toBe(5)
  })

  test('what no cached object can be made of is loaded anew once', async () => {
    configure({ caches: { default: {} } })
    class Product extends CachedObject() {
      readonly id = 7
    }
    await inRequest(async (req) => {
      await req.cache.set('Product::7', 'text')
      expect(await req.cache.get('Product::7')).toBe('text')
      let loads = 0
      for (let i = 0; i < 3; i++) {
        const found = await Product.findCached(7, () => ({ id: ++loads }))
        expect([found instanceof Product, found.id]).toEqual([true, 1])
      }
      expect(await req.cache.get('Product::7')).toEqual({ id: 1 })
    })
  })

  test('cacheClear is seen by the request', async () => {
    configure({ caches: { default: {} } })
    await inRequest(async (req) => {
      await cacheSet('x', 1)
      expect(await req.cache.get('x')).toBe(1)
      expect(await cacheClear()).toBe(1)
      expect(await req.cache.get('x', { default: null })).toBeNull()
    })
  })

  test('a cached function that reads others reads the shared cache', async () => {
    const options = { redis: redis.url, keyPrefix: 'factory', redisTimeout: '5s' }
    configure({ caches: { default: options, elsewhere: options } })
    await Promise.all([caches().require(), caches('elsewhere').require()])
    const sum = cacheFunction(60)(async function sum(): Promise<unknown> {
      return cacheGet('x')
    })
    await cacheSet('x', 'old')
    await inRequest(async () => {
      expect(await cacheGet('x')).toBe('old')
      await caches('elsewhere').set('x', 'new')
      expect(await sum()).toBe('new')
      expect(await cacheGet('x')).toBe('old')
    })
  })
})

describe('Errors', () => {
  test.each([
    [new NotCachedError('x'), 'NotCachedError', 'ERR_NOT_CACHED'],
    [new CacheNotRespondingError('get'), 'CacheNotRespondingError', 'ERR_CACHE_NOT_RESPONDING'],
    [new CacheTimeoutError('x', 5), 'CacheTimeoutError', 'ERR_CACHE_TIMEOUT'],
    [new ImproperlyConfiguredError('no'), 'ImproperlyConfiguredError', 'ERR_IMPROPERLY_CONFIGURED'],
  ])('%s is a KeyedCacheError with a stable code', (error, name, code) => {
    expect(error).toBeInstanceOf(KeyedCacheError)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name, code })
  })

  test('keep what led to them in `cause`', () => {
    const cause = new Error('refused')
    const error = new CacheNotRespondingError('get', { cause })
    expect(error.cause).toBe(cause)
    expect(error.message).toContain('refused')
  })
})

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
