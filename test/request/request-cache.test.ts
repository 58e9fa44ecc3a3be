import express, { type Request, type Response } from 'express'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createKeyedCache,
  type FactoryContext,
  keyedcache,
  NotCachedError,
  type KeyedCache,
  type KeyedcacheOptions,
} from '../../src/index.js'
import { allAnswer } from '../support/all-answer.js'
import { inRequest as inRequestOf } from '../support/in-request.js'
import { listen } from '../support/listen.js'
import { pipelined } from '../support/pipelined.js'
import { commandsDuring } from '../support/monitor.js'
import { startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'

type Server = Awaited<ReturnType<typeof startRedis>>

let redis: Server
let cache: KeyedCache
/** The same keys, changed as another process would change them. */
let elsewhere: KeyedCache

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => redis.close())

beforeEach(async () => {
  await redis.client().flushall()
  cache = createKeyedCache({ redis: redis.url, keyPrefix: 'test', maxValueBytes: 10_000, redisTimeout: '5s' })
  elsewhere = createKeyedCache({ redis: redis.url, keyPrefix: 'test', redisTimeout: '5s' })
  await allAnswer(cache, elsewhere)
})

afterEach(async () => {
  await Promise.all([cache.close(), elsewhere.close()])
})

/** Does the work inside one real request, and gives what the work gave. */
async function inRequest<T>(
  work: (req: Request, res: Response) => T | Promise<T>,
  options: KeyedcacheOptions = {},
): Promise<T> {
  return inRequestOf(work, { cache, ...options })
}

/** How many commands that read a value Redis was sent while the work was done. */
async function readsDuring(work: () => Promise<unknown>): Promise<number> {
  const commands = await commandsDuring(redis, work)
  return commands.filter((command) => /^m?get$/.test(command)).length
}

function fiftyTimes<T>(work: () => Promise<T>): Promise<T>[] {
  return Array.from({ length: 50 }, work)
}

describe('One request reads a key once', () => {
  test('read 50 times one after the other, it is one GET', async () => {
    await cache.set('x', { a: 1 })
    const reads = await readsDuring(() =>
      inRequest(async (req) => {
        for (let i = 0; i < 50; i++) expect(await req.cache.get('x')).toEqual({ a: 1 })
      }),
    )
    expect(reads).toBe(1)
  })

  test('read 50 times at once, it is one GET', async () => {
    await cache.set('x', 1)
    const reads = await readsDuring(() =>
      inRequest(async (req) => {
        const values = await Promise.all(fiftyTimes(() => req.cache.get('x')))
        expect(new Set(values)).toEqual(new Set([1]))
      }),
    )
    expect(reads).toBe(1)
  })

  test('read 50 times without AsyncLocalStorage, it is one GET', async () => {
    await cache.set('x', 1)
    const reads = await readsDuring(() =>
      inRequest(async (req) => Promise.all(fiftyTimes(() => req.cache.get('x'))), { context: false }),
    )
    expect(reads).toBe(1)
  })

  test('what is missing is looked for once', async () => {
    const reads = await readsDuring(() =>
      inRequest(async (req) => {
        for (let i = 0; i < 50; i++) expect(await req.cache.get('x', { default: null })).toBeNull()
        await expect(req.cache.get('x')).rejects.toThrow(NotCachedError)
        expect(await req.cache.has('x')).toBe(false)
      }),
    )
    expect(reads).toBe(1)
  })

  test.each([true, false])('getOrSet of what is stored is one GET (context: %s)', async (context) => {
    await cache.set('x', 'stored')
    const reads = await readsDuring(() =>
      inRequest(
        async (req) => {
          const read = (): Promise<string> => req.cache.getOrSet('x', () => 'computed')
          expect(new Set(await Promise.all(fiftyTimes(read)))).toEqual(new Set(['stored']))
          for (let i = 0; i < 50; i++) expect(await read()).toBe('stored')
          expect(await req.cache.get('x')).toBe('stored')
        },
        { context },
      ),
    )
    expect(reads).toBe(1)
  })

  test('getOrSet of what is missing reads and computes once', async () => {
    let computed = 0
    const reads = await readsDuring(() =>
      inRequest(async (req) => {
        const read = (): Promise<number> => req.cache.getOrSet('x', async () => ++computed)
        await Promise.all(fiftyTimes(read))
        for (let i = 0; i < 50; i++) expect(await read()).toBe(1)
        expect(await req.cache.get('x')).toBe(1)
      }),
    )
    expect(computed).toBe(1)
    expect(reads).toBe(1)
  })

  test('getOrSet after a miss that is remembered computes once, also when called many times at once', async () => {
    let computed = 0
    await inRequest(async (req) => {
      expect(await req.cache.get('x', { default: 'nothing' })).toBe('nothing')
      await Promise.all(fiftyTimes(() => req.cache.getOrSet('x', async () => ++computed)))
      expect(await req.cache.get('x')).toBe(1)
    })
    expect(computed).toBe(1)
  })

  test('getMany reads each key once, also one given twice, and only those not known', async () => {
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ])
    const reads = await readsDuring(() =>
      inRequest(async (req) => {
        expect(await req.cache.get('a')).toBe(1)
        await elsewhere.set('a', 'changed')
        expect(await req.cache.getMany(['c', 'a', ['b'], 'b', 'none', 'a', 'none'])).toEqual([
          3,
          1,
          2,
          2,
          undefined,
          1,
          undefined,
        ])
        expect(await req.cache.getMany(['none', 'c', 'b'], { default: 0 })).toEqual([0, 3, 2])
        expect(await req.cache.get('none', { default: 0 })).toBe(0)
        expect(await req.cache.getMany([])).toEqual([])
      }),
    )
    expect(reads).toBe(2)
  })

  test('getOrSetMany takes what is known, and asks its factory for the keys as they were given', async () => {
    await cache.setMany([
      ['a', 1],
      ['b', 2],
    ])
    await inRequest(async (req) => {
      expect(await req.cache.get('a')).toBe(1)
      await elsewhere.set('a', 'changed')
      const asked: unknown[] = []
      const read = (): Promise<unknown[]> =>
        req.cache.getOrSetMany<unknown>([['a'], 'b', ['c'], ['c']], (missing) => {
          asked.push(...missing)
          return missing.map(() => 3)
        })
      expect(await req.cache.get('c', { default: 'nothing' })).toBe('nothing')
      expect(await read()).toEqual([1, 2, 3, 3])
      expect(asked).toEqual([['c']])
      expect(await req.cache.get('c')).toBe(3)
      await elsewhere.setMany([
        ['b', 'changed'],
        ['c', 'changed'],
      ])
      expect(await read()).toEqual([1, 2, 3, 3])
      expect(asked).toEqual([['c']])
    })
  })

  test.each([true, false])(
    'what getOrSetMany computed and could not store is not remembered (context: %s)',
    async (context) => {
      await inRequest(
        async (req) => {
          const large = 'a'.repeat(20_000)
          expect(await req.cache.getOrSetMany(['c', 'd'], () => [large, 4])).toEqual([large, 4])
          expect(await req.cache.getMany(['c', 'd'])).toEqual([undefined, 4])
        },
        { context },
      )
    },
  )

  test('what getOrSetMany computed is found, although it was known to be missing, without AsyncLocalStorage too', async () => {
    await inRequest(
      async (req) => {
        expect(await req.cache.has('c')).toBe(false)
        expect(await req.cache.get('c', { default: 'nothing' })).toBe('nothing')
        await req.cache.getOrSetMany(['c'], () => [3])
        expect(await req.cache.get('c')).toBe(3)
      },
      { context: false },
    )
  })

  test('a reader gets the one object of its request', async () => {
    await cache.set('x', { a: 1 })
    await inRequest(async (req) => {
      const first = await req.cache.get<{ a: number }>('x')
      expect(await req.cache.get('x')).toBe(first)
      expect(await req.cache.getOrSet('x', () => 'computed')).toBe(first)
      first.a = 2
      expect(await cache.get('x')).toEqual({ a: 1 })
    })
    expect(await inRequest((req) => req.cache.get('x'))).toEqual({ a: 1 })
  })

  test('at most 1,000 keys are remembered; the oldest makes room', async () => {
    const key = (i: number): [string, number] => ['n', i]
    await cache.setMany(Array.from({ length: 1001 }, (_, i) => [key(i), i]))
    await inRequest(async (req) => {
      for (let i = 0; i < 1001; i++) expect(await req.cache.get(key(i))).toBe(i)
      await elsewhere.setMany(Array.from({ length: 1001 }, (_, i) => [key(i), 'changed']))
      expect(await req.cache.get(key(1000))).toBe(1000)
      expect(await req.cache.get(key(1))).toBe(1)
      expect(await req.cache.get(key(0))).toBe('changed')
      // which made room again
      expect(await req.cache.get(key(1))).toBe('changed')
      expect(await req.cache.get(key(3))).toBe(3)
    })
  })

  test('more than 1,000 keys are read by one getMany', async () => {
    const keys = Array.from({ length: 1500 }, (_, i) => `n::${i}`)
    await cache.setMany(keys.map((key, i) => [key, i]))
    const read = await inRequest((req) => req.cache.getMany([...keys, 'n::0']))
    expect(read).toEqual([...keys.keys(), 0])
  })

  test('a hit in the Map counts as one of the request', async () => {
    await cache.set('x', 1)
    await inRequest(async (req) => {
      await req.cache.get('x')
      await req.cache.get('x')
      await req.cache.getMany(['x', 'x', 'none'])
      await req.cache.get('none', { default: null })
      await req.cache.getOrSet('x', () => 2)
      await req.cache.has('x')
    })
    const { calls, hits, misses, hitsBy } = await cache.stats()
    expect({ calls, hits, misses, hitsBy }).toEqual({
      calls: 7,
      hits: 5,
      misses: 2,
      hitsBy: { request: 4, near: 0, store: 1, fallback: 0 },
    })
  })

  test('who waits for a computation of its request is a miss', async () => {
    await inRequest(async (req) => {
      const work = deferred<number>()
      const first = req.cache.getOrSet('x', () => work.promise)
      const second = req.cache.getOrSet('x', () => 2)
      work.resolve(1)
      expect(await Promise.all([first, second])).toEqual([1, 1])
      expect(await req.cache.getOrSet('x', () => 3)).toBe(1)
    })
    const { calls, misses, hitsBy } = await cache.stats()
    expect({ calls, misses, hitsBy }).toEqual({
      calls: 3,
      misses: 2,
      hitsBy: { request: 1, near: 0, store: 0, fallback: 0 },
    })
  })
})

describe('A request sees its own writes and deletes', () => {
  test.each([true, false])('made through req.cache (context: %s)', async (context) => {
    await cache.setMany([
      ['x', 'old'],
      ['x::1', 'old'],
      ['x::1::2', 'old'],
      ['xy', 'old'],
    ])
    await inRequest(
      async (req) => {
        const read = (): Promise<unknown[]> => req.cache.getMany(['x', 'x::1', 'x::1::2', 'xy', 'z'], { default: null })
        expect(await read()).toEqual(['old', 'old', 'old', 'old', null])
        expect(await req.cache.set('z', 'new')).toBe(true)
        expect(await req.cache.setMany([['x::1', 'new']])).toBe(true)
        expect(await read()).toEqual(['old', 'new', 'old', 'old', 'new'])
        expect(await req.cache.has('z')).toBe(true)
        expect(await req.cache.delete('x')).toEqual(['x'])
        expect(await read()).toEqual([null, 'new', 'old', 'old', 'new'])
        expect(await req.cache.scope('x').delete('1', { children: true })).toEqual(['x::1', 'x::1::2'])
        expect(await read()).toEqual([null, null, null, 'old', 'new'])
        expect(await req.cache.set('xy', 'gone', { ttl: 0 })).toBe(true)
        expect(await read()).toEqual([null, null, null, null, 'new'])
      },
      { context },
    )
  })

  test('made through the cache itself', async () => {
    await cache.setMany([
      ['x', 'old'],
      ['x::1', 'old'],
      ['y', 'old'],
    ])
    await inRequest(async (req) => {
      const read = (): Promise<unknown[]> => req.cache.getMany(['x', 'x::1', 'y', 'z'], { default: null })
      expect(await read()).toEqual(['old', 'old', 'old', null])
      await cache.set('z', 'new')
      expect(await read()).toEqual(['old', 'old', 'old', 'new'])
      await cache.delete('x')
      expect(await read()).toEqual([null, 'old', 'old', 'new'])
      await cache.delete('x', { children: true })
      expect(await read()).toEqual([null, null, 'old', 'new'])
      await cache.clear()
      expect(await read()).toEqual([null, null, null, null])
    })
  })

  test('made by computations through the cache itself', async () => {
    const double = cache.wrap(async (n: number) => n * 2, { name: 'double' })
    await inRequest(async (req) => {
      const read = (): Promise<unknown> => req.cache.get(double.key(2), { default: 'nothing' })
      expect(await read()).toBe('nothing')
      expect(await double(2)).toBe(4)
      expect(await read()).toBe(4)
    })
  })

  test('made inside a factory', async () => {
    await inRequest(async (req) => {
      expect(await req.cache.get('inner', { default: 'nothing' })).toBe('nothing')
      await req.cache.getOrSet('outer', async () => req.cache.getOrSet('inner', () => 'computed'))
      expect(await req.cache.get('inner')).toBe('computed')
    })
  })

  test('while another key of the same cache is still remembered, and other requests are left alone', async () => {
    await cache.set('x', 'old')
    await inRequest(async (req) => {
      expect(await req.cache.get('x')).toBe('old')
      await inRequest(async (other) => {
        await other.cache.set('x', 'new')
        expect(await other.cache.get('x')).toBe('new')
      })
      expect(await req.cache.get('x')).toBe('old')
      await cache.set('another', 1)
      expect(await req.cache.get('x')).toBe('old')
    })
  })

  test('a write that was not stored is forgotten, and so is what was there before', async () => {
    await cache.set('x', 'old')
    await inRequest(async (req) => {
      expect(await req.cache.get('x')).toBe('old')
      expect(await req.cache.set('x', 'a'.repeat(20_000))).toBe(false)
      expect(await req.cache.get('x', { default: 'nothing' })).toBe('nothing')
      await expect(req.cache.set('x', () => 1)).rejects.toThrow(TypeError)
    })
  })

  test.each<[string, (context: FactoryContext) => void | Promise<void>]>([
    ['is told to be skipped', (context) => context.skip()],
    ['gets no lifetime', (context) => context.setTtl(0)],
    ['is deleted meanwhile', async () => void (await elsewhere.delete('x'))],
  ])('a computed value that %s is not remembered', async (_, tell) => {
    await inRequest(async (req) => {
      let computed = 0
      const read = (): Promise<number> =>
        req.cache.getOrSet('x', async (context) => {
          await tell(context)
          return ++computed
        })
      expect(await read()).toBe(1)
      expect(await req.cache.get('x', { default: 'nothing' })).toBe('nothing')
      expect(await read()).toBe(2)
    })
  })

  test.each([true, false])(
    'what is computed is not given to a call that begins after a delete made elsewhere (context: %s)',
    async (context) => {
      await inRequest(
        async (req) => {
          const work = deferred<string>()
          const begun = deferred<void>()
          const first = req.cache.getOrSet('x', async () => {
            begun.resolve()
            return work.promise
          })
          await begun.promise
          await elsewhere.delete('x')
          const late = req.cache.getOrSet('x', () => 'computed after')
          work.resolve('computed before')
          expect(await first).toBe('computed before')
          expect(await late).toBe('computed after')
          expect(await req.cache.get('x')).toBe('computed after')
        },
        { context },
      )
    },
  )

  test('a computation that fails is not remembered, and a reader is not told of it', async () => {
    await inRequest(async (req) => {
      const work = deferred<number>()
      const begun = deferred<void>()
      const failing = req.cache.getOrSet('x', async () => {
        begun.resolve()
        return work.promise
      })
      await begun.promise
      const reading = req.cache.get('x', { default: 'nothing' })
      const looking = req.cache.has('x')
      work.reject(new Error('no database'))
      await expect(failing).rejects.toThrow('no database')
      expect(await reading).toBe('nothing')
      expect(await looking).toBe(false)
      expect(await req.cache.getOrSet('x', () => 1)).toBe(1)
    })
  })

  test('a read does not wait for a computation, and does not hide what it stores', async () => {
    await inRequest(async (req) => {
      const work = deferred<number>()
      const computing = req.cache.getOrSet('x', () => work.promise)
      expect(await req.cache.get('x', { default: 'nothing' })).toBe('nothing')
      expect(await req.cache.getMany(['x', 'x'])).toEqual([undefined, undefined])
      expect(await req.cache.has('x')).toBe(false)
      work.resolve(1)
      expect(await computing).toBe(1)
      expect(await req.cache.get('x')).toBe(1)
      expect(await req.cache.has('x')).toBe(true)
    })
  })

  test('the timeout of one call is not that of another call of the same request', async () => {
    await inRequest(async (req) => {
      const work = deferred<number>()
      const impatient = req.cache.getOrSet('x', () => work.promise, { timeout: '20ms' })
      const patient = req.cache.getOrSet('x', () => work.promise)
      await expect(impatient).rejects.toMatchObject({ code: 'ERR_CACHE_TIMEOUT' })
      work.resolve(1)
      expect(await patient).toBe(1)
    })
  })

  test('refresh computes although the value is remembered, and the new value is', async () => {
    await cache.set('x', 'old')
    await inRequest(async (req) => {
      expect(await req.cache.get('x')).toBe('old')
      expect(await req.cache.getOrSet('x', () => 'new', { refresh: true })).toBe('new')
      expect(await req.cache.get('x')).toBe('new')
    })
  })
})

describe('Inside a factory the Map is not consulted', () => {
  test.each([true, false])(
    'X remembered, changed elsewhere, read by the factory of Y (context: %s)',
    async (context) => {
      await cache.set('x', 'old')
      await inRequest(
        async (req) => {
          expect(await req.cache.get('x')).toBe('old')
          await elsewhere.set('x', 'new')
          const inside = await req.cache.getOrSet('y', async () => [
            await req.cache.get('x'),
            ...(await req.cache.getMany(['x'])),
            await req.cache.getOrSet('x', () => 'computed'),
            ...(await req.cache.getOrSetMany(['x'], () => ['computed'])),
            await req.cache.scope('x').get('none', { default: 'nothing' }),
          ])
          expect(inside).toEqual(['new', 'new', 'new', 'new', 'nothing'])
          expect(await req.cache.get('x')).toBe('old')
          await elsewhere.delete('x')
          expect(await req.cache.getOrSet('z', () => req.cache.has('x'))).toBe(false)
          expect(await req.cache.has('x')).toBe(true)
        },
        { context },
      )
      expect(await cache.get('y')).toEqual(['new', 'new', 'new', 'new', 'nothing'])
    },
  )

  test('also inside a factory of the cache itself', async () => {
    await cache.set('x', 'old')
    await inRequest(async (req) => {
      await req.cache.get('x')
      await elsewhere.set('x', 'new')
      expect(await cache.getOrSet('y', () => req.cache.get('x'))).toBe('new')
    })
  })

  test('a key asked for inside its own factory is an error', async () => {
    await inRequest(async (req) => {
      const circular = req.cache.getOrSet('x', (): Promise<unknown> => req.cache.getOrSet('x', () => 1))
      await expect(circular).rejects.toThrow('inside its own factory')
    })
  })
})

describe('Requests share nothing', () => {
  test('1,000 at once each have their own copy of what they read', async () => {
    const shared = createKeyedCache({ redis: redis.client(), keyPrefix: 'test', redisTimeout: '10s' })
    await shared.set('list', ['start'])
    const app = express().use(keyedcache({ cache: shared }))
    const all = deferred<void>()
    let arrived = 0
    app.get('/:id', async (req, res) => {
      const list = await req.cache.get<string[]>('list')
      const computed = await req.cache.getOrSet('computed', async () => ['start'])
      list.push(req.params.id)
      computed.push(req.params.id)
      if (++arrived === 1000) all.resolve()
      await all.promise
      res.json([await req.cache.get('list'), await req.cache.getOrSet('computed', async () => ['wrong'])])
    })
    const server = await listen(app)
    try {
      const ids = Array.from({ length: 1000 }, (_, i) => `r${i}`)
      const bodies = await pipelined(
        server.url,
        ids.map((id) => `/${id}`),
        20,
      )
      for (const [i, body] of bodies.entries()) {
        expect(JSON.parse(body)).toEqual([
          ['start', ids[i]],
          ['start', ids[i]],
        ])
      }
      expect(await shared.getMany(['list', 'computed'])).toEqual([['start'], ['start']])
    } finally {
      await Promise.all([server.close(), shared.close()])
    }
  })
})

describe('When there is nothing to remember for', () => {
  test('a request whose response is closed passes through', async () => {
    await cache.set('x', 'old')
    const req = await inRequest(async (request) => {
      expect(await request.cache.get('x')).toBe('old')
      return request
    })
    const kept = req.cache
    for (const value of ['new', 'newer']) {
      await elsewhere.set('x', value)
      await until(async () => (await kept.get('x')) === value, 'the Map is gone', 5000)
      expect(await req.cache.get('x')).toBe(value)
      expect(await req.cache.getMany(['x'])).toEqual([value])
      expect(await req.cache.getOrSet('x', () => 'computed')).toBe(value)
    }
    await elsewhere.delete('x')
    expect(await kept.has('x')).toBe(false)
    expect(await kept.getOrSetMany(['x'], () => ['computed'])).toEqual(['computed'])
  })

  test('a view made after the response was closed passes through', async () => {
    const req = await inRequest((request) => request)
    await until(() => req.res?.closed, 'the response is closed')
    for (const value of ['old', 'new']) {
      await elsewhere.set('x', value)
      expect(await req.cache.get('x')).toBe(value)
    }
  })

  test('a disabled cache answers nothing, and nothing of what was remembered', async () => {
    await cache.set('x', 1)
    await inRequest(async (req) => {
      expect(await req.cache.get('x')).toBe(1)
      cache.enable(false)
      expect(await req.cache.get('x', { default: 'nothing' })).toBe('nothing')
      expect(await req.cache.getMany(['x'])).toEqual([undefined])
      expect(await req.cache.has('x')).toBe(false)
      expect(await req.cache.getOrSet('x', () => 2)).toBe(2)
      expect(await req.cache.getOrSetMany(['x'], () => [3])).toEqual([3])
      cache.enable()
      expect(await req.cache.get('x')).toBe(1)
    })
  })
})

describe('Wrong use', () => {
  test('rejects with a TypeError that names what was given', async () => {
    await inRequest(async ({ cache: wrong }) => {
      await cache.set('x', 1)
      await wrong.get('x')
      await expect(wrong.get('')).rejects.toThrow(TypeError)
      await expect(wrong.get('x', 5 as never)).rejects.toThrow(/got 5/)
      await expect(wrong.getMany('x' as never)).rejects.toThrow(/array, got 'x'/)
      await expect(wrong.getOrSetMany('x' as never, () => [])).rejects.toThrow(/array, got 'x'/)
      await expect(wrong.getOrSet('x', 5 as never)).rejects.toThrow(/factory to be a function, got 5/)
      await expect(wrong.getOrSetMany(['x'], 5 as never)).rejects.toThrow(/factory to be a function, got 5/)
      await expect(wrong.getOrSetMany(['y'], () => [])).rejects.toThrow(TypeError)
      await expect(wrong.set('x', 1, { ttl: -1 })).rejects.toThrow(/`ttl`.*got -1/)
      await expect(wrong.get('x', { ttl: 1 } as never)).rejects.toThrow(/`ttl` of get/)
      await expect(wrong.getMany(['x'], [] as never)).rejects.toThrow(/got \[\]/)
      await expect(wrong.set('x', 1, { expires: 60 } as never)).rejects.toThrow(/`expires` of set/)
      await expect(wrong.getOrSet('x', () => 1, { expires: 60 } as never)).rejects.toThrow(/`expires` of getOrSet/)
      await expect(wrong.getOrSetMany(['x'], () => [1], [] as never)).rejects.toThrow(/got \[\]/)
      await expect(wrong.delete('x', { child: true } as never)).rejects.toThrow(/`child` of delete/)
      await expect(wrong.has([])).rejects.toThrow(TypeError)
      await expect(wrong.delete('x', { children: 'yes' as never })).rejects.toThrow(/`children`.*got 'yes'/)
      expect(() => wrong.key()).toThrow(TypeError)
      expect(() => wrong.scope(undefined as never)).toThrow(TypeError)
      expect(await wrong.get('x')).toBe(1)
    })
  })
})

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
