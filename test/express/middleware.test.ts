import express, { Router, type Request, type RequestHandler } from 'express'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Cache,
  cacheFunction,
  cacheGet,
  cacheSet,
  caches,
  closeCaches,
  configure,
  createKeyedCache,
  isCached,
  keyedcache,
  type KeyedCache,
} from '../../src/index.js'
import { allAnswer } from '../support/all-answer.js'
import { listen } from '../support/listen.js'
import { startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'

type Server = Awaited<ReturnType<typeof startRedis>>

let redis: Server
let cache: KeyedCache
/** The same keys as those of the default cache, changed as another process would change them. */
let elsewhere: KeyedCache

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => redis.close())

beforeEach(async () => {
  await redis.client().flushall()
  const options = { redis: redis.url, keyPrefix: 'test', redisTimeout: '5s' }
  cache = configure({ caches: { default: options, other: { ...options, keyPrefix: 'other' } } })
  elsewhere = createKeyedCache(options)
  await allAnswer(cache, elsewhere)
})

afterEach(async () => {
  await Promise.all([closeCaches(), elsewhere.close()])
})

/** Mounts the handlers, does the work in one real request, and gives what it gave. */
async function served<T>(handlers: RequestHandler[], work: (req: Request) => T | Promise<T>): Promise<T> {
  const app = express()
  for (const handler of handlers) app.use(handler)
  const outcome = new Promise<T>((resolve, reject) => {
    app.get('/', (req, res) => {
      Promise.resolve(work(req))
        .then(resolve, reject)
        .finally(() => res.end())
    })
    app.use(((error, _req, res, _next) => {
      reject(error as Error)
      res.end()
    }) as express.ErrorRequestHandler)
  })
  const server = await listen(app)
  try {
    await Promise.allSettled([fetch(server.url), outcome])
    return await outcome
  } finally {
    await server.close()
  }
}

/** Whether a read is answered by the request's Map: a change made elsewhere is not seen. */
async function remembers(read: () => Promise<unknown>): Promise<boolean> {
  await elsewhere.set('x', 'old')
  expect(await read()).toBe('old')
  await elsewhere.set('x', 'new')
  return (await read()) === 'old'
}

describe('req.cache', () => {
  test('is there after the middleware, with a Map of the request', async () => {
    expect(await served([keyedcache()], (req) => remembers(() => req.cache.get('x')))).toBe(true)
  })

  test('is one object for the whole request, and another one in the next', async () => {
    const middleware = keyedcache()
    const first = await served([middleware], (req) => {
      expect(req.cache).toBe(req.cache)
      return req.cache
    })
    expect(await served([middleware], (req) => req.cache)).not.toBe(first)
  })

  test('is that of the default cache, or of the cache that was given', async () => {
    await cache.set('x', 'default')
    await caches('other').set('x', 'other')
    expect(await served([keyedcache()], (req) => req.cache.get('x'))).toBe('default')
    expect(await served([keyedcache({ cache: caches('other') })], (req) => req.cache.get('x'))).toBe('other')
  })

  test('follows the default cache when it is configured anew after mounting', async () => {
    const middleware = keyedcache()
    configure({ caches: { default: {} } })
    await cacheSet('x', 'in memory')
    expect(await served([middleware], (req) => req.cache.get('x'))).toBe('in memory')
  })

  test('scopes of it share its Map, and give full keys back', async () => {
    await served([keyedcache()], async (req) => {
      const scope = req.cache.scope('shop', 7)
      expect(scope.key('x')).toBe('shop::7::x')
      await scope.set('x', 1)
      expect(await req.cache.get('shop::7::x')).toBe(1)
      await elsewhere.set('shop::7::x', 2)
      expect(await scope.get('x')).toBe(1)
      expect(await scope.scope('y').getOrSet('z', ({ key }) => key)).toBe('shop::7::y::z')
      expect(await req.cache.delete('shop', { children: true })).toEqual(['shop::7::x', 'shop::7::y::z'])
      expect(await scope.get('x', { default: null })).toBeNull()
    })
  })

  test('asks nothing of the cache when it is not used', async () => {
    await caches('other').close()
    expect(await served([keyedcache({ cache: caches('other') })], () => 'served')).toBe('served')
    await served([keyedcache()], () => 'served')
    expect((await cache.stats()).calls).toBe(0)
  })
})

describe('Mounting', () => {
  const seen: Cache[] = []
  const look: RequestHandler = (req, _res, next) => {
    seen.push(req.cache)
    next()
  }
  beforeEach(() => void seen.splice(0))

  test.each<[string, () => RequestHandler[]]>([
    ['without options', () => [keyedcache(), keyedcache()]],
    ['with the same cache', () => [keyedcache({ cache: caches('other') }), keyedcache({ cache: caches('other') })]],
    ['with the default cache and without options', () => [keyedcache({ cache }), keyedcache()]],
    ['without options and with the default cache', () => [keyedcache(), keyedcache({ cache })]],
  ])('twice %s is mounting once', async (_how, mounted) => {
    const [first, second] = mounted() as [RequestHandler, RequestHandler]
    await served([first, look, Router().use(second), look], async (req) => {
      expect(seen[0]).toBe(req.cache)
      expect(seen[1]).toBe(req.cache)
    })
  })

  test('with another cache sets `req.cache` from there on', async () => {
    const other = caches('other')
    await Promise.all([cache.set('x', 'default'), other.set('x', 'other')])
    await served([keyedcache(), look, Router().use(keyedcache({ cache: other }), look)], async (req) => {
      expect(seen[1]).toBe(req.cache)
      expect([await seen[0]?.get('x'), await req.cache.get('x')]).toEqual(['default', 'other'])
      expect([seen[0], seen[1]].map((each) => (each as Request['cache']).shared)).toEqual([cache, other])
      await req.cache.set('y', 1)
      expect([await other.has('y'), await cache.has('y')]).toEqual([true, false])
    })
  })

  test('with another cache leaves functions of the default cache, and scopes made before, where they are', async () => {
    const other = caches('other')
    const scopes: Cache[] = []
    const scoping: RequestHandler = (req, _res, next) => {
      scopes.push(req.cache.scope('shop'))
      next()
    }
    await served([keyedcache(), scoping, keyedcache({ cache: other }), scoping], async (req) => {
      expect(await remembers(() => cacheGet('x'))).toBe(true)
      await scopes[0]?.set('y', 'default')
      await scopes[1]?.set('y', 'other')
      expect([await cacheGet('shop::y'), await req.cache.get('shop::y')]).toEqual(['default', 'other'])
    })
  })

  test('back and forth keeps one Map for each cache', async () => {
    const back = [keyedcache(), look, keyedcache({ cache: caches('other') }), keyedcache()]
    await served(back, async (req) => {
      await elsewhere.set('x', 'old')
      expect(await seen[0]?.get('x')).toBe('old')
      await elsewhere.set('x', 'new')
      expect(await req.cache.get('x')).toBe('old')
      await req.cache.set('x', 'own')
      expect([await seen[0]?.get('x'), await cacheGet('x')]).toEqual(['own', 'own'])
    })
  })

  test('inside of `context: false` gives functions their request from there on', async () => {
    await served([keyedcache({ context: false }), keyedcache({ cache: caches('other') })], async (req) => {
      expect(await remembers(() => cacheGet('x'))).toBe(true)
      expect(req.cache.shared).toBe(caches('other'))
    })
  })

  test('in an application that is itself mounted works as well', async () => {
    const inner = express().use(keyedcache(), look)
    await served([keyedcache(), inner], (req) => expect(seen).toEqual([req.cache]))
  })

  test('keeps the Map of the default cache apart from that of another', async () => {
    await cache.set('x', 'default')
    await caches('other').set('x', 'other')
    await served([keyedcache({ cache: caches('other') })], async (req) => {
      expect(await req.cache.get('x')).toBe('other')
      expect(await cacheGet('x')).toBe('default')
      await cacheSet('x', 'changed')
      expect(await req.cache.get('x')).toBe('other')
      await caches('other').set('x', 'changed too')
      expect(await req.cache.get('x')).toBe('changed too')
      await cache.set('x', 'changed again')
      expect(await cacheGet('x')).toBe('changed again')
    })
  })

  test('a response that is closed already is not waited for', async () => {
    const closed: RequestHandler = (_req, res, next) => {
      res.once('close', () => next())
      res.destroy()
    }
    await served([closed, keyedcache()], async (req) => {
      expect(await remembers(() => req.cache.get('x'))).toBe(false)
      expect(await remembers(() => cacheGet('x'))).toBe(false)
    })
  })

  test('a client that goes away in the middle ends the Map', async () => {
    await elsewhere.set('x', 'old')
    await served([keyedcache()], async (req) => {
      expect(await req.cache.get('x')).toBe('old')
      req.socket.destroy()
      await elsewhere.set('x', 'new')
      await until(async () => (await req.cache.get('x')) === 'new', 'the Map is gone')
    })
  })

  test.each([
    [{ cache: {} }, /`cache`.*got {}/],
    [{ cache: null }, /`cache`.*got null/],
    [{ context: 'no' }, /`context`.*got 'no'/],
    [5, /options of keyedcache.*got 5/],
  ])('with wrong options %o throws a TypeError', (options, message) => {
    expect(() => keyedcache(options as never)).toThrow(TypeError)
    expect(() => keyedcache(options as never)).toThrow(message)
  })

  test('mounted without parentheses says what to write', async () => {
    const mounted = served([keyedcache as unknown as RequestHandler], () => 'answered')
    await expect(mounted).rejects.toThrow(
      new TypeError(
        'Expected the options of keyedcache, got a request: write `app.use(keyedcache())`, with parentheses',
      ),
    )
  })

  test('given a cache in place of options says what to write', () => {
    expect(() => keyedcache(cache as never)).toThrow(
      new TypeError('Expected the options of keyedcache, got a cache: write `keyedcache({ cache })`'),
    )
  })
})

describe('req.cache.shared', () => {
  test('is the cache behind, and sees what others change while the response lasts', async () => {
    await served([keyedcache()], async (req) => {
      expect(req.cache.shared).toBe(cache)
      expect(await remembers(() => req.cache.get('x'))).toBe(true)
      expect(await remembers(() => req.cache.shared.get('x'))).toBe(false)
    })
  })

  test('written or deleted through, shows in the request', async () => {
    await served([keyedcache()], async (req) => {
      await req.cache.set('x', 1)
      expect(await req.cache.get('x')).toBe(1)
      await req.cache.shared.set('x', 2)
      expect(await req.cache.get('x')).toBe(2)
      await req.cache.shared.deleteTag('t')
      await req.cache.shared.delete('x')
      expect(await req.cache.get('x', { default: null })).toBeNull()
    })
  })

  test('has functions that see what others change, where those of the default cache see the Map', async () => {
    const read = async (): Promise<unknown> => elsewhere.get('x')
    const ofCache = cache.wrap(read, { name: 'of the cache' })
    const ofDefault = cacheFunction({ name: 'of the default cache' })(read)
    await served([keyedcache()], async () => {
      for (const [fn, last] of [
        [ofCache, 'new'],
        [ofDefault, 'old'],
      ] as const) {
        await elsewhere.set('x', 'old')
        expect(await fn()).toBe('old')
        await elsewhere.set('x', 'new')
        await elsewhere.delete(fn.key())
        expect(await fn()).toBe(last)
      }
    })
  })
})

describe('The functions of the original', () => {
  test('use the Map of the request that they work for', async () => {
    await served([keyedcache()], async (req) => {
      expect(await remembers(() => cacheGet('x'))).toBe(true)
      expect(await req.cache.get('x')).toBe('old')
      expect(await isCached('x')).toBe(true)
      await cacheSet('x', 'own')
      expect(await req.cache.get('x')).toBe('own')
    })
  })

  test('find no Map with context: false, while req.cache has one', async () => {
    await served([keyedcache({ context: false })], async (req) => {
      expect(await remembers(() => cacheGet('x'))).toBe(false)
      expect(await remembers(() => req.cache.get('x'))).toBe(true)
    })
  })

  test('find no Map outside of a request', async () => {
    expect(await remembers(() => cacheGet('x'))).toBe(false)
  })

  test('that go on after the response is closed pass through', async () => {
    await elsewhere.set('x', 'old')
    let after: Promise<unknown> = Promise.resolve()
    await served([keyedcache()], async (req) => {
      expect(await cacheGet('x')).toBe('old')
      after = (async () => {
        await until(() => req.res?.closed, 'the response is closed')
        await elsewhere.set('x', 'new')
        return cacheGet('x')
      })()
    })
    expect(await after).toBe('new')
  })
})
