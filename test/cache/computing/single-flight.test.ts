import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { GetOrSetOptions, KeyedCache } from '../../../src/contract/cache.js'
import type { FactoryContext } from '../../../src/contract/factory.js'
import { CacheTimeoutError } from '../../../src/contract/errors.js'
import type { CacheEvents } from '../../../src/contract/cache-events.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { allAnswer } from '../../support/all-answer.js'
import { describeOnBothStores, freshPrefix } from '../../support/both-stores.js'
import { makeGate } from '../../support/gate.js'
import { startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { warningsDuring } from '../../support/warnings.js'

/** A factory that counts how often it ran, and gives its values one after the other, the last one again and again. */
function counting<T>(...values: T[]): { (): Promise<T>; runs: number } {
  const factory = async (): Promise<T> => {
    factory.runs++
    return values[Math.min(factory.runs, values.length) - 1] as T
  }
  factory.runs = 0
  return factory
}

/** A factory that waits in the middle: `started` resolves when it runs, `open` lets it end. */
function gated<T>(value: T | (() => T)) {
  const gate = makeGate()
  const start = makeGate()
  const factory = async (context: FactoryContext): Promise<T> => {
    factory.runs++
    factory.context = context
    start.open()
    await gate.opened
    return typeof value === 'function' ? (value as () => T)() : value
  }
  factory.runs = 0
  factory.context = undefined as FactoryContext | undefined
  factory.started = start.opened
  factory.open = gate.open
  return factory
}

function errorsOf(cache: KeyedCache): CacheEvents['error'][] {
  const errors: CacheEvents['error'][] = []
  cache.on('error', (event) => errors.push(event))
  return errors
}

/** Stores a value that is stale when this resolves, and kept for its grace of a minute. */
async function storeStale(cache: KeyedCache, key: string, value: unknown): Promise<void> {
  await cache.set(key, value, { ttl: '20ms', grace: '1m' })
  await until(async () => (await cache.entry(key))?.stale, `${key} is stale`)
}

const GRACE = { ttl: '1m', grace: '1m' } as const

describeOnBothStores('getOrSet', (open) => {
  test('gives what the factory gives, and stores it', async () => {
    const cache = open()
    const factory = counting({ n: 1 }, { n: 2 })
    expect(await cache.getOrSet('a', factory)).toEqual({ n: 1 })
    expect(await cache.getOrSet(['a'], factory)).toEqual({ n: 1 })
    expect(await cache.get('a')).toEqual({ n: 1 })
    expect(factory.runs).toBe(1)
    expect((await cache.entry('a'))?.ttl).toBeCloseTo(300, -1)
    await cache.getOrSet('b', () => 1, { ttl: 100 })
    expect((await cache.entry('b'))?.ttl).toBeCloseTo(100, -1)
  })

  test('takes a factory that is not asynchronous, and one that is of another kind of promise', async () => {
    const cache = open()
    expect(await cache.getOrSet('a', () => 1)).toBe(1)
    const value = { then: (resolve: (value: number) => void) => resolve(2) } as PromiseLike<number> // oxlint-disable-line unicorn/no-thenable -- as libraries do
    expect(await cache.getOrSet('b', () => value)).toBe(2)
  })

  test('runs the factory once for all who ask at once', async () => {
    const cache = open()
    const factory = gated('v')
    const calls = Array.from({ length: 50 }, () => cache.getOrSet('a', factory))
    await factory.started
    calls.push(cache.getOrSet('a', factory))
    factory.open()
    expect(await Promise.all(calls)).toEqual(Array(51).fill('v'))
    expect(factory.runs).toBe(1)
  })

  test.each([null, undefined, 0, '', false, Number.NaN])('stores %s as a value like any other', async (value) => {
    const cache = open()
    const factory = counting<unknown>(value, 'another')
    expect(await Promise.all([cache.getOrSet('a', factory), cache.getOrSet('a', factory)])).toEqual([value, value])
    expect(await cache.getOrSet('a', factory)).toBe(value)
    expect(factory.runs).toBe(1)
    expect(await cache.has('a')).toBe(true)
  })

  test('gives each caller a value of its own', async () => {
    const cache = open()
    const factory = gated(() => ({ list: [1], bytes: Buffer.from('abc') }))
    const calls = [1, 2, 3].map(() => cache.getOrSet('a', factory))
    factory.open()
    const values = [
      ...(await Promise.all(calls)),
      await cache.getOrSet('a', factory),
      await cache.getOrSet('a', factory),
    ]
    for (const value of values) {
      expect(value).toEqual({ list: [1], bytes: Buffer.from('abc') })
      value.list.push(2)
      value.bytes.fill('x')
    }
    expect(await cache.get('a')).toEqual({ list: [1], bytes: Buffer.from('abc') })
    expect(factory.runs).toBe(1)
  })

  test('gives each caller a value of its own also when it is not stored', async () => {
    const cache = open()
    const calls = [1, 2, 3].map(() =>
      cache.getOrSet('a', ({ skip }) => {
        skip()
        return { list: [1] }
      }),
    )
    for (const value of await Promise.all(calls)) {
      expect(value).toEqual({ list: [1] })
      value.list.push(2)
    }
  })

  test('gives what cannot be stored, and warns once for each first part of keys', async () => {
    const cache = open()
    class Point {}
    const warnings = await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      expect(await cache.getOrSet(['points', 1], () => new Point())).toBeInstanceOf(Point)
      expect(await cache.getOrSet(['points', 2], () => new Point())).toBeInstanceOf(Point)
      const [a, b] = await Promise.all([1, 2].map(() => cache.getOrSet(['points', 3], () => new Point())))
      expect(a).toBe(b)
      expect(await cache.getOrSet('lines', () => new Point())).toBeInstanceOf(Point)
    })
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toContain('points')
    expect(warnings[1]).toContain('lines')
    expect(await cache.count()).toBe(0)
  })

  test('gives what is too large to be stored, leaves nothing stored, and warns once for each first part of keys', async () => {
    const cache = open({ maxValueBytes: 1000 })
    const warnings = await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      expect(await cache.getOrSet(['a', 1], () => 'x'.repeat(2000))).toHaveLength(2000)
      expect(await cache.getOrSet(['a', 1], () => 'x'.repeat(2000))).toHaveLength(2000)
      expect(await cache.getOrSet(['a', 2], () => 'x'.repeat(2000))).toHaveLength(2000)
      expect(await cache.getOrSetMany(['b'], () => ['x'.repeat(2000)])).toHaveLength(1)
    })
    expect(warnings).toEqual([
      expect.stringMatching(/"a::1" is not stored.*again on every call: \d+ bytes are above `maxValueBytes`.* 1000$/),
      expect.stringContaining('"b"'),
    ])
    expect(await cache.has(['a', 1])).toBe(false)
  })

  test('tells of each value that it does not store by an error event, be it too large or of no kind that can be stored', async () => {
    const cache = open({ maxValueBytes: 1000 })
    const errors: CacheEvents['error'][] = []
    cache.on('error', (event) => errors.push(event))
    await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      for (const value of ['x'.repeat(2000), () => 1, Symbol('s')]) await cache.getOrSet('a', () => value) // eslint-disable-line no-await-in-loop
    })
    expect(errors).toEqual([
      { operation: 'set', key: 'a', error: expect.any(RangeError) },
      { operation: 'set', key: 'a', error: new TypeError('`value` is a function, which cannot be stored') },
      { operation: 'set', key: 'a', error: new TypeError('`value` is a symbol, which cannot be stored') },
    ])
  })

  test('rejects with what the factory throws, stores nothing, and asks it again next time', async () => {
    const cache = open()
    const error = new RangeError('no such row')
    const failing = async (): Promise<never> => Promise.reject(error)
    const outcomes = await Promise.allSettled([cache.getOrSet('a', failing), cache.getOrSet('a', failing)])
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: error })
    await expect(
      cache.getOrSet('b', () => {
        throw error
      }),
    ).rejects.toBe(error)
    await expect(cache.getOrSet('c', async () => Promise.reject(undefined))).rejects.toBeUndefined()
    expect(await cache.count()).toBe(0)
    expect(await cache.getOrSet('a', () => 1)).toBe(1)
  })

  test.each<[string, unknown, RegExp]>([
    ['ttl', -1, /`ttl`.*-1/],
    ['grace', 'long', /`grace`.*long/],
    ['tags', 'tag', /`tags`/],
    ['early', 0, /`early`/],
    ['early', 'yes', /`early`/],
    ['early', Infinity, /`early`/],
    ['softTimeout', '1 fortnight', /`softTimeout`/],
    ['timeout', null, /`timeout`/],
    ['maxCompute', -5, /`maxCompute`/],
    ['retryAfter', NaN, /`retryAfter`.*NaN/],
    ['retryAfter', '61m', /`retryAfter` to be at most 1 hour, got '61m'/],
    ['refresh', 1, /`refresh`/],
    ['signal', {}, /`signal`/],
    ['schema', {}, /`schema`/],
    ['schema', null, /`schema`/],
  ])('refuses the option %s: %s', async (option, value, message) => {
    const cache = open()
    const factory = counting(1)
    const options = { [option]: value } as GetOrSetOptions<number>
    await expect(cache.getOrSet('a', factory, options)).rejects.toThrow(message)
    await expect(cache.getOrSet('a', factory, options)).rejects.toBeInstanceOf(TypeError)
    expect(factory.runs).toBe(0)
  })

  test('refuses what is no function, and options that are no object', async () => {
    const cache = open()
    await expect(cache.getOrSet('a', 1 as never)).rejects.toThrow(TypeError)
    await expect(cache.getOrSet('a', () => 1, 60 as never)).rejects.toThrow(/options.*60/)
  })
})

describeOnBothStores('The context of a factory', (open) => {
  test('tells the full key, and that nothing is stale and nobody has left', async () => {
    const cache = open()
    const told = await cache.getOrSet(['city', 7], ({ key, stale, signal }) => [key, stale, signal.aborted])
    expect(told).toEqual(['city::7', undefined, false])
    expect(await cache.scope('city').getOrSet([8], ({ key }) => key)).toBe('city::8')
  })

  test('sets the ttl and the tags of what is stored', async () => {
    const cache = open()
    await cache.getOrSet(
      'a',
      ({ setTtl, setTags }) => {
        setTtl('1h')
        setTags(['x', 'y', 'x'])
      },
      { ttl: '1m', tags: ['z'] },
    )
    const entry = await cache.entry('a')
    expect(entry?.ttl).toBeCloseTo(3600, -1)
    expect(entry?.tags).toEqual(['x', 'y'])
  })

  test('sets the grace of what is stored', async () => {
    const cache = open()
    await cache.getOrSet('kept', ({ setGrace }) => setGrace('1h'), { ttl: '20ms' })
    await cache.getOrSet('gone', ({ setGrace }) => setGrace(0), { ttl: '20ms', grace: '1h' })
    await until(async () => (await cache.entry('gone')) === undefined, 'what has no grace is gone')
    expect(await cache.entry('kept')).toMatchObject({ stale: true })
    await expect(cache.getOrSet('wrong', ({ setGrace }) => setGrace('soon'))).rejects.toThrow(/`grace`.*soon/)
  })

  test('stores nothing with a ttl of 0, and rejects one that is wrong', async () => {
    const cache = open()
    expect(await cache.getOrSet('a', ({ setTtl }) => setTtl(0))).toBeUndefined()
    expect(await cache.getOrSet('a', () => 3, { ttl: 0 })).toBe(3)
    await expect(cache.getOrSet('b', ({ setTtl }) => setTtl('soon'))).rejects.toThrow(/`ttl`.*soon/)
    await expect(cache.getOrSet('c', ({ setTags }) => setTags(['']))).rejects.toThrow(/tag/)
    expect(await cache.count()).toBe(0)
  })

  test('skips the storing; all who waited have the value', async () => {
    const cache = open()
    let runs = 0
    const skipping = async ({ skip }: FactoryContext): Promise<number> => {
      skip()
      return ++runs
    }
    expect(await Promise.all([1, 2, 3].map(() => cache.getOrSet('a', skipping)))).toEqual([1, 1, 1])
    expect(await cache.has('a')).toBe(false)
    expect(await cache.getOrSet('a', skipping)).toBe(2)
  })

  test('has the stale value, where there is one, as a copy', async () => {
    const cache = open()
    expect(await cache.getOrSet('cold', ({ stale }) => stale)).toBeUndefined()
    await storeStale(cache, 'a', { n: [1] })
    const run = gated('new')
    const stale = await cache.getOrSet<unknown>('a', run, GRACE)
    await run.started
    expect(run.context?.stale?.value).toEqual({ n: [1] })
    const copy = run.context?.stale?.value as { n: number[] }
    copy.n.push(2)
    expect(stale).toEqual({ n: [1] })
    expect(await cache.getOrSet<unknown>('a', run, GRACE)).toEqual({ n: [1] })
    run.open()
  })
})

describeOnBothStores('Within its grace a value', (open) => {
  test('is served while one computation replaces it', async () => {
    const cache = open()
    await storeStale(cache, 'a', 'old')
    expect(await cache.get('a', { default: 'a miss' })).toBe('a miss')
    const factory = gated('new')
    const served = await Promise.all(Array.from({ length: 20 }, () => cache.getOrSet('a', factory, GRACE)))
    expect(served).toEqual(Array(20).fill('old'))
    await factory.started
    expect(await cache.getOrSet('a', factory, GRACE)).toBe('old')
    factory.open()
    await until(() => cache.has('a'), 'the new value is there')
    expect(await cache.getOrSet('a', factory, GRACE)).toBe('new')
    expect(factory.runs).toBe(1)
  })

  test('is not served to a call that wants less grace', async () => {
    const cache = open()
    await storeStale(cache, 'a', 'old')
    expect(await cache.getOrSet('a', () => 'new', { ttl: '1m', grace: 0 })).toBe('new')
  })

  test('is not served to a call that gives no grace when the cache has none, unless it was stored with it', async () => {
    const cache = open({ grace: 0 })
    await storeStale(cache, 'a', 'old')
    expect(await cache.getOrSet('a', () => 'new')).toBe('old')
    await cache.set('b', 'old', { ttl: '20ms' })
    await until(async () => (await cache.entry('b')) === undefined, 'b is gone')
    expect(await cache.getOrSet('b', () => 'new')).toBe('new')
  })

  test('is served when computing fails, which is told as an error, and then not tried again for a pause', async () => {
    const cache = open()
    const errors = errorsOf(cache)
    await storeStale(cache, 'a', 'old')
    let runs = 0
    const failing = async (): Promise<string> => Promise.reject(new Error(`failed ${++runs}`))
    expect(await cache.getOrSet('a', failing, GRACE)).toBe('old')
    await until(() => errors.length > 0, 'the failure is told')
    expect(errors).toEqual([{ operation: 'refresh', key: 'a', error: new Error('failed 1') }])
    for (let i = 0; i < 10; i++) expect(await cache.getOrSet('a', failing, GRACE)).toBe('old')
    expect(await cache.computing()).toEqual([])
    expect(runs).toBe(1)
    // Who has no use for the stale value does not heed the pause
    await expect(cache.getOrSet('a', failing, { ...GRACE, grace: 0 })).rejects.toThrow('failed 2')
    expect(await cache.getOrSet('a', async () => 'new', { ...GRACE, refresh: true })).toBe('new')
    expect(await cache.getOrSet('a', failing, GRACE)).toBe('new')
  })

  test('is computed anew when the pause after a failure is over', async () => {
    const cache = open()
    await storeStale(cache, 'a', 'old')
    const failing = async (): Promise<string> => Promise.reject(new Error('failed'))
    await cache.getOrSet('a', failing, GRACE)
    const attempted = counting('new')
    // A tenth of a ttl of 1 s is less than the shortest pause of 1 s
    await cache.getOrSet('b', attempted)
    await storeStale(cache, 'b', 'old')
    const options = { ttl: '1s', grace: '1m' } as const
    const errors = errorsOf(cache)
    await cache.getOrSet('b', failing, options)
    await until(() => errors.length > 0, 'the failure is told')
    const failedMs = performance.now()
    await until(async () => (await cache.getOrSet('b', attempted, options)) === 'new', 'it is computed anew')
    expect(performance.now() - failedMs).toBeGreaterThan(900)
  })

  test.each([
    ['a call', {}, { retryAfter: '200ms' }],
    ['a cache', { retryAfter: '200ms' }, {}],
    ['a call, before the one of its cache', { retryAfter: '1h' }, { retryAfter: '200ms' }],
  ])('is computed anew after the `retryAfter` of %s, not before', async (_whose, ofCache, ofCall) => {
    const cache = open(ofCache)
    const errors = errorsOf(cache)
    const options = { ttl: '1h', grace: '1m', ...ofCall } as const
    await storeStale(cache, 'a', 'old')
    await cache.getOrSet('a', async () => Promise.reject(new Error('failed')), options)
    await until(() => errors.length > 0, 'the failure is told')
    const failedMs = performance.now()
    await until(async () => (await cache.getOrSet('a', () => 'new', options)) === 'new', 'it is computed anew')
    expect(performance.now() - failedMs).toBeGreaterThan(150)
  })

  test('is tried again by each call where `retryAfter` is 0', async () => {
    const cache = open()
    const errors = errorsOf(cache)
    await storeStale(cache, 'a', 'old')
    const failing = async (): Promise<string> => Promise.reject(new Error('failed'))
    for (let round = 1; round <= 3; round++) {
      expect(await cache.getOrSet('a', failing, { ...GRACE, retryAfter: 0 })).toBe('old') // eslint-disable-line no-await-in-loop
      await until(() => errors.length === round, 'the failure is told') // eslint-disable-line no-await-in-loop
    }
  })

  test('is tried again after the `retryAfter` of a cached function', async () => {
    const cache = open()
    const errors = errorsOf(cache)
    const given = ['old', new Error('failed'), 'new']
    const next = async (): Promise<unknown> => {
      const value = given.shift()
      return value instanceof Error ? Promise.reject(value) : value
    }
    const fn = cache.wrap(next, { name: 'next value', ttl: '20ms', grace: '1m', retryAfter: '50ms' })
    expect(await fn()).toBe('old')
    await until(async () => ((await fn()) === 'old' && errors.length > 0) || errors.length > 0, 'it has failed')
    await until(async () => (await fn()) === 'new', 'it is tried again', 900)
  })

  test('leaves nothing of the pause behind for a call after a delete', async () => {
    const cache = open()
    const errors = errorsOf(cache)
    await storeStale(cache, 'a', 'old')
    await cache.getOrSet('a', async () => Promise.reject(new Error('failed')), GRACE)
    await until(() => errors.length > 0, 'the failure is told')
    await cache.delete('a')
    expect(await cache.getOrSet('a', () => 'new', GRACE)).toBe('new')
  })

  test('is gone after its grace', async () => {
    const cache = open()
    await cache.set('a', 'old', { ttl: '20ms', grace: '20ms' })
    await until(async () => (await cache.entry('a')) === undefined, 'it is gone')
    expect(await cache.getOrSet('a', () => 'new')).toBe('new')
  })
})

describeOnBothStores('softTimeout', (open) => {
  const options = { ...GRACE, softTimeout: '50ms' } as const

  test('waits for a computation that is quick enough', async () => {
    const cache = open()
    await storeStale(cache, 'a', 'old')
    expect(await cache.getOrSet('a', () => 'new', { ...GRACE, softTimeout: '10s' })).toBe('new')
  })

  test('serves the stale value when computing takes longer; the new one comes later', async () => {
    const cache = open()
    await storeStale(cache, 'a', 'old')
    const factory = gated('new')
    const startedMs = performance.now()
    expect(await Promise.all([cache.getOrSet('a', factory, options), cache.getOrSet('a', factory, options)])).toEqual([
      'old',
      'old',
    ])
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(49)
    expect(factory.context?.signal.aborted).toBe(false)
    factory.open()
    await until(() => cache.has('a'), 'the new value is there')
    expect(factory.runs).toBe(1)
  })

  test('serves the stale value when computing fails, and heeds the pause then', async () => {
    const cache = open()
    const errors = errorsOf(cache)
    await storeStale(cache, 'a', 'old')
    let runs = 0
    const failing = async (): Promise<string> => Promise.reject(new Error(`failed ${++runs}`))
    const long = { ...GRACE, softTimeout: '10s' } as const
    expect(await cache.getOrSet('a', failing, long)).toBe('old')
    expect(errors.map(({ operation }) => operation)).toEqual(['refresh'])
    expect(await cache.getOrSet('a', failing, long)).toBe('old')
    expect(runs).toBe(1)
  })

  test('waits where nothing is stale', async () => {
    const cache = open()
    expect(await cache.getOrSet('a', async () => delay(80, 'new'), { softTimeout: '1ms' })).toBe('new')
  })
})

describeOnBothStores('A caller leaves', (open) => {
  test('at once where its signal has aborted before: nothing is computed, and no hit given', async () => {
    const cache = open()
    await cache.set('hit', 1)
    const factory = counting('v')
    const signal = AbortSignal.abort(new Error('left before'))
    await expect(cache.getOrSet('a', factory, { signal })).rejects.toThrow('left before')
    await expect(cache.getOrSet('hit', factory, { signal })).rejects.toThrow('left before')
    await expect(cache.getOrSetMany(['a', 'b'], () => [1, 2], { signal })).rejects.toThrow('left before')
    expect(factory.runs).toBe(0)
  })

  test('after its timeout; the computation goes on for the others', async () => {
    const cache = open()
    const factory = gated('v')
    const patient = cache.getOrSet('a', factory)
    await factory.started
    const error = await cache.getOrSet('a', factory, { timeout: '30ms' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CacheTimeoutError)
    expect(error).toMatchObject({ code: 'ERR_CACHE_TIMEOUT', key: 'a' })
    expect(factory.context?.signal.aborted).toBe(false)
    factory.open()
    expect(await patient).toBe('v')
    expect(factory.runs).toBe(1)
  })

  test('when its signal aborts, with the reason of that', async () => {
    const cache = open()
    const factory = gated('v')
    const abort = new AbortController()
    const patient = cache.getOrSet('a', factory)
    const leaving = cache.getOrSet('a', factory, { signal: abort.signal })
    await factory.started
    const reason = new Error('the visitor has gone')
    abort.abort(reason)
    await expect(leaving).rejects.toBe(reason)
    expect(factory.context?.signal.aborted).toBe(false)
    factory.open()
    expect(await patient).toBe('v')
  })

  test('and the signal of the factory aborts when it was the last one', async () => {
    const cache = open()
    const aborts = [new AbortController(), new AbortController()]
    const context: { signal?: AbortSignal } = {}
    const calls = aborts.map(({ signal }) =>
      cache.getOrSet(
        'a',
        async (given) => {
          context.signal = given.signal
          return delay(60_000, 'never', { signal: given.signal })
        },
        { signal },
      ),
    )
    const outcomes = Promise.allSettled(calls)
    await until(() => context.signal, 'the factory runs')
    aborts[0]?.abort()
    await expect(calls[0]).rejects.toThrow()
    expect(context.signal?.aborted).toBe(false)
    aborts[1]?.abort()
    await outcomes
    await until(() => context.signal?.aborted, 'its signal aborts')
    expect(await cache.getOrSet('a', () => 'new')).toBe('new')
  })

  test('at once when its signal had aborted before, and no factory runs for it', async () => {
    const cache = open()
    const factory = counting('v')
    await expect(cache.getOrSet('a', factory, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone')
    expect(await cache.getOrSet('b', () => 1)).toBe(1)
    await until(async () => (await cache.computing()).length === 0, 'nothing is computed')
    expect(factory.runs).toBe(0)
    expect(await cache.getOrSet('a', factory)).toBe('v')
  })
})

describeOnBothStores('A computation that takes longer than maxCompute', (open) => {
  test('is given up, its signal aborts, and a late result is not stored', async () => {
    const cache = open({ maxCompute: '50ms' })
    const factory = gated('late')
    await expect(cache.getOrSet('a', factory)).rejects.toThrow(CacheTimeoutError)
    expect(factory.context?.signal.aborted).toBe(true)
    expect(await cache.computing()).toEqual([])
    factory.open()
    await delay(0)
    expect(await cache.has('a')).toBe(false)
    expect(await cache.getOrSet('a', () => 'next')).toBe('next')
    expect(await cache.getOrSet('b', async () => delay(80, 'v'), { maxCompute: '10s' })).toBe('v')
  })

  test('lets another caller take over, and none waits for more than two of them', async () => {
    const cache = open()
    const startedMs = performance.now()
    const calls = Array.from({ length: 20 }, () =>
      cache.getOrSet('a', () => new Promise(() => {}), { maxCompute: '100ms' }),
    )
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CACHE_TIMEOUT' } })
    }
    // One after the other they would take 2 s
    expect(performance.now() - startedMs).toBeLessThan(1500)
  })

  test('is told as an error when it ran in the background', async () => {
    const cache = open()
    const errors = errorsOf(cache)
    await storeStale(cache, 'a', 'old')
    expect(await cache.getOrSet('a', () => new Promise<string>(() => {}), { ...GRACE, maxCompute: '50ms' })).toBe('old')
    await until(() => errors.length > 0, 'it is told')
    expect(errors[0]?.error).toBeInstanceOf(CacheTimeoutError)
  })
})

describeOnBothStores('refresh', (open) => {
  test('computes now, whatever is stored, and stores it', async () => {
    const cache = open()
    await cache.set('a', 'stored')
    expect(await cache.getOrSet('a', () => 'new', { refresh: true })).toBe('new')
    expect(await cache.get('a')).toBe('new')
  })

  test('never gives a value whose factory began before the call', async () => {
    const cache = open()
    const before = gated('before')
    const first = cache.getOrSet('a', before)
    await before.started
    const after = counting('after', 'once more')
    const refreshed = [1, 2, 3].map(() => cache.getOrSet('a', after, { refresh: true }))
    before.open()
    expect(await first).toBe('before')
    expect(await Promise.all(refreshed)).toEqual(['after', 'after', 'after'])
    expect(after.runs).toBe(1)
  })

  test('is how a cached function computes anew', async () => {
    const cache = open()
    let runs = 0
    const row = cache.wrap(async (id: number) => `${id}: ${++runs}`, { name: 'row' })
    expect(await row(7)).toBe('7: 1')
    expect(await row.refresh(7)).toBe('7: 2')
    expect(await row(7)).toBe('7: 2')
  })
})

describeOnBothStores('schema', (open) => {
  const schema: NonNullable<GetOrSetOptions<string>['schema']> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) =>
        typeof value === 'string'
          ? { value: `${value}, changed` }
          : { issues: [{ message: 'not a string' }, { message: 'at all' }] },
    },
  }

  test('lets through what it has nothing against, unchanged', async () => {
    const cache = open()
    expect(await cache.getOrSet('a', () => 'v', { schema })).toBe('v')
    expect(await cache.getOrSet('a', () => 'another', { schema })).toBe('v')
  })

  test('takes a stored value that fails for a miss', async () => {
    const cache = open()
    await cache.set('a', 1)
    expect(await cache.getOrSet('a', () => 'v', { schema })).toBe('v')
    await storeStale(cache, 'b', 1)
    expect(
      await cache.getOrSet('b', ({ stale }) => (stale === undefined ? 'v' : 'had a stale value'), { ...GRACE, schema }),
    ).toBe('v')
  })

  test('rejects what the factory gives when it fails, and stores nothing', async () => {
    const cache = open()
    const error = await cache.getOrSet('a', () => 1 as unknown as string, { schema }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).toMatch(/"a".*not a string; at all/)
    expect((error as Error).cause).toEqual([{ message: 'not a string' }, { message: 'at all' }])
    expect(await cache.has('a')).toBe(false)
  })

  test('may itself throw at a stored value, which is a miss then', async () => {
    const cache = open()
    const validate = (value: unknown): { value: string } => ({ value: (value as string).trim() })
    const picky = { '~standard': { ...schema['~standard'], validate } }
    await cache.set('a', null)
    expect(await cache.getOrSet('a', () => 'v', { schema: picky })).toBe('v')
    await cache.set('b', null, { ttl: '20ms', grace: '1m' })
    await until(async () => (await cache.entry('b'))?.stale, 'it is stale')
    expect(await cache.getOrSet('b', () => 'v', { schema: picky })).toBe('v')
  })

  test('judges what was computed for others as well: what it refuses is a miss', async () => {
    const cache = open()
    const others = gated<string | number>(1)
    const theirs = cache.getOrSet<string | number>('a', others)
    await others.started
    const own = cache.getOrSet('a', () => 'v', { schema })
    const many = cache.getOrSetMany(['a', 'b'], (keys) => keys.map(() => 'v'), { schema })
    others.open()
    expect(await theirs).toBe(1)
    expect(await own).toBe('v')
    expect(await many).toEqual(['v', 'v'])
    expect(await cache.get('a')).toBe('v')
  })

  test('may itself throw at a fresh value, which rejects the call', async () => {
    const cache = open()
    const broken = { '~standard': { ...schema['~standard'], validate: () => Promise.reject(new Error('broken')) } }
    await expect(cache.getOrSet('a', () => 'v', { schema: broken })).rejects.toThrow('broken')
    await cache.set('a', 'v')
    await expect(cache.getOrSet('a', () => 'v', { schema: broken })).rejects.toThrow('broken')
  })
})

describeOnBothStores('early', (open) => {
  const slow = (value: string) => async (): Promise<string> => delay(10, value)

  test('refreshes before expiry, in the background, by a chance that grows with the time to compute', async () => {
    const cache = open()
    await cache.getOrSet('a', slow('first'))
    expect(await cache.getOrSet('a', slow('second'), { early: 1e9 })).toBe('first')
    await until(async () => (await cache.get('a')) === 'second', 'it is refreshed')
    await cache.getOrSet('b', () => 'computed in no time')
    expect(await cache.getOrSet('b', slow('second'), { early: 1e9 })).toBe('computed in no time')
    expect(await cache.computing()).toEqual([])
  })

  test('does not refresh long before expiry, nor when it is not asked for', async () => {
    const cache = open()
    await cache.getOrSet('a', slow('first'))
    const factory = counting('second')
    for (const early of [true, 1, 1e-9, false]) expect(await cache.getOrSet('a', factory, { early })).toBe('first')
    expect(await cache.getOrSet('a', factory)).toBe('first')
    expect(factory.runs).toBe(0)
  })

  test('refreshes once at a time, and failing does no harm', async () => {
    const cache = open()
    const errors = errorsOf(cache)
    await cache.getOrSet('a', slow('first'))
    let runs = 0
    const failing = async (): Promise<string> => delay(20).then(() => Promise.reject(new Error(`failed ${++runs}`)))
    for (let i = 0; i < 20; i++) expect(await cache.getOrSet('a', failing, { early: 1e9 })).toBe('first')
    await until(() => errors.length > 0, 'the failure is told')
    expect(await cache.getOrSet('a', failing, { early: 1e9 })).toBe('first')
    expect(runs).toBe(1)
  })
})

describeOnBothStores('While a key is being computed', (open) => {
  const writes: [string, (cache: KeyedCache) => Promise<unknown>, unknown][] = [
    ['a delete', (cache) => cache.delete('p::a'), undefined],
    ['a delete with children', (cache) => cache.delete('p', { children: true }), undefined],
    ['a set', (cache) => cache.set('p::a', 'set'), 'set'],
    ['a set of many', (cache) => cache.setMany([['p::a', 'set']]), 'set'],
    ['a set with a ttl of 0', (cache) => cache.set('p::a', 'set', { ttl: 0 }), undefined],
    ['clear', (cache) => cache.clear(), undefined],
  ]

  test.each(writes)('%s voids it: only the call that began it gets its value', async (_what, write, left) => {
    const cache = open()
    const stored: boolean[] = []
    cache.on('compute', (event) => stored.push(event.stored))
    const old = gated('old')
    const began = cache.getOrSet('p::a', old)
    await old.started
    const joined = cache.getOrSet('p::a', () => 'new')
    await write(cache)
    const after = cache.getOrSet('p::a', () => 'new')
    expect(await joined).toBe(left ?? 'new')
    expect(await after).toBe(left ?? 'new')
    old.open()
    expect(await began).toBe('old')
    expect(await cache.get('p::a')).toBe(left ?? 'new')
    // The new one has not waited for the old one
    expect(stored).toEqual(left === undefined ? [true, false] : [false])
  })

  test('what happens to other keys does not void it', async () => {
    const cache = open()
    const factory = gated('v')
    const call = cache.getOrSet('p::1', factory)
    await factory.started
    await cache.delete('p')
    await cache.delete('p::10', { children: true })
    await cache.set('p::2', 'x')
    factory.open()
    expect(await call).toBe('v')
    expect(await cache.get('p::1')).toBe('v')
  })

  test('it is listed, with its process and since when', async () => {
    const cache = open()
    const factory = gated('v')
    const call = cache.getOrSet(['city', 7], factory)
    await factory.started
    const [computation, ...others] = await cache.computing()
    expect(others).toEqual([])
    expect(computation).toEqual({
      key: 'city::7',
      process: expect.stringMatching(new RegExp(`^.+:${process.pid}$`)),
      since: expect.any(Date),
    })
    expect(Math.abs(Date.now() - Number(computation?.since))).toBeLessThan(5000)
    expect(await cache.count()).toBe(0)
    factory.open()
    await call
    expect(await cache.computing()).toEqual([])
  })

  test('calls count as misses, one each, and the computation as one', async () => {
    const cache = open()
    const events: string[] = []
    cache.on('hit', ({ by, stale }) => events.push(`hit by ${by}${stale ? ', stale' : ''}`))
    cache.on('miss', ({ key }) => events.push(`miss of ${key}`))
    cache.on('compute', ({ key, stored }) => events.push(`computed ${key}${stored ? ', stored' : ''}`))
    await Promise.all([1, 2, 3].map(() => cache.getOrSet('a', () => 'v')))
    await cache.getOrSet('a', () => 'v')
    expect(events).toEqual(['computed a, stored', 'miss of a', 'miss of a', 'miss of a', 'hit by store'])
  })
})

describeOnBothStores('Inside its own factory a key', (open) => {
  test('cannot be asked for with getOrSet, which would wait for itself', async () => {
    const cache = open()
    const self = cache.getOrSet('a', async () => cache.getOrSet('a', () => 1))
    await expect(self).rejects.toThrow(/"a".*inside its own factory/)
    const round = cache.getOrSet('a', async () => cache.getOrSet('b', async () => cache.getOrSet('a', () => 1)))
    await expect(round).rejects.toThrow(/"a".*inside its own factory/)
    await expect(cache.getOrSet('a', async () => cache.getOrSetMany(['b', 'a'], () => [1, 2]))).rejects.toThrow(/"a"/)
    await expect(cache.getOrSetMany(['a', 'b'], async () => [await cache.getOrSet('b', () => 1), 2])).rejects.toThrow(
      /"b"/,
    )
    await expect(cache.getOrSetMany(['a', 'b'], async () => [await cache.getOrSet('a', () => 1), 2])).rejects.toThrow(
      /"a"/,
    )
    await expect(
      cache.getOrSetMany(['a', 'b', 'c'], async () => cache.getOrSetMany(['d', 'a'], () => [1, 2])),
    ).rejects.toThrow(/"a"/)
    expect(await cache.getOrSet('a', () => 1)).toBe(1)
  })

  test('cannot be asked for through a second cached function', async () => {
    const cache = open()
    const even: (n: number) => Promise<boolean> = cache.wrap(async (n: number) => (n === 0 ? true : odd(n - 1)), {
      name: 'even',
    })
    const odd: (n: number) => Promise<boolean> = cache.wrap(async (n: number) => (n === 0 ? false : even(n - 1)), {
      name: 'odd',
    })
    expect(await even(5)).toBe(false)
    const ping: () => Promise<number> = cache.wrap(async () => pong(), { name: 'ping' })
    const pong: () => Promise<number> = cache.wrap(async () => ping(), { name: 'pong' })
    await expect(ping()).rejects.toThrow(/ping.*inside its own factory/)
  })

  test('can be asked for by what its factory has left behind, once it is computed', async () => {
    const cache = open()
    const ended = makeGate()
    let later: Promise<unknown> = Promise.resolve()
    await cache.getOrSet('a', async () =>
      cache.getOrSet('b', () => {
        later = ended.opened.then(() => cache.getOrSetMany(['a', 'b'], () => [3, 4], { refresh: true }))
        return 1
      }),
    )
    ended.open()
    expect(await later).toEqual([3, 4])
  })

  test('cannot be asked for by what an inner factory has left behind, while it is computed itself', async () => {
    const cache = open()
    const ended = makeGate()
    const outer = cache.getOrSet('a', async () => {
      let later: Promise<unknown> = Promise.resolve()
      await cache.getOrSet('b', () => {
        later = ended.opened.then(() => cache.getOrSet('a', () => 2))
        return 1
      })
      ended.open()
      return later
    })
    await expect(outer).rejects.toThrow(/"a".*inside its own factory/)
  })

  test('can be read with get, and asked for in another cache or later', async () => {
    const cache = open()
    const other = open({ name: 'other' })
    expect(await cache.getOrSet('a', async () => cache.get('a', { default: 'nothing yet' }))).toBe('nothing yet')
    await cache.delete('a')
    expect(await cache.getOrSet('a', async () => other.getOrSet('b', () => 'other'))).toBe('other')
    expect(await cache.getOrSet('c', async () => cache.getOrSet('d', () => 1))).toBe(1)
    expect(await cache.getOrSet('c', () => 2)).toBe(1)
  })
})

test('Two caches compute each its own value under the same key', async () => {
  const caches = [createKeyedCache(), createKeyedCache({ name: 'second' })] as const
  expect(await caches[0].getOrSet('a', async () => caches[1].getOrSet('a', () => 'inner'))).toBe('inner')
  await Promise.all(caches.map((cache) => cache.close()))
})

describe('While Redis does not answer', () => {
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
  })

  test('a caller leaves by its timeout or signal all the same', async () => {
    const server = await startRedis()
    ends.push(() => server.close())
    const logger = { info() {}, warn() {}, error() {} }
    const cache = createKeyedCache({ redis: server.url, keyPrefix: freshPrefix(), redisTimeout: '20s', logger })
    ends.unshift(() => cache.close())
    await allAnswer(cache)
    server.stop()
    const abort = new AbortController()
    const factory = counting('v')
    const calls = [
      cache.getOrSet('a', factory, { timeout: '50ms' }),
      cache.getOrSetMany(['b', 'c'], () => [1, 2], { timeout: '50ms' }),
      cache.getOrSet('d', factory, { signal: abort.signal }),
    ]
    abort.abort(new Error('left'))
    const outcomes = await Promise.allSettled(calls)
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && String(outcome.reason))).toEqual([
      expect.stringContaining('CacheTimeoutError'),
      expect.stringContaining('CacheTimeoutError'),
      'Error: left',
    ])
    expect(factory.runs).toBe(0)
  })

  test.each([
    ['a value from before it', false, 'second', [1, 1]],
    ['a run of its own, if the value is kept', true, 'first', [1, 0]],
  ])('a process computes alone, each key once at a time, and for no call %s', async (_what, fallback, given, runs) => {
    const server = await startRedis()
    ends.push(() => server.close())
    const cache = createKeyedCache({
      redis: server.url,
      keyPrefix: freshPrefix(),
      fallback,
      logger: { info() {}, warn() {}, error() {} },
    })
    ends.unshift(() => cache.close())
    await cache.set('a', 'stored')
    await server.kill()
    await until(async () => !(await cache.stats()).backend.up, 'the cache has noticed')

    const first = gated('first')
    const second = counting('second', 'third')
    const began = [1, 2, 3].map(() => cache.getOrSet('a', first))
    await first.started
    const later = [1, 2, 3].map(() => cache.getOrSet('a', second))
    await delay(20)
    expect(second.runs).toBe(0)
    first.open()
    expect(await Promise.all(began)).toEqual(['first', 'first', 'first'])
    expect(await Promise.all(later)).toEqual([given, given, given])
    expect([first.runs, second.runs]).toEqual(runs)
    await server.restart()
    await until(async () => (await cache.stats()).backend.up, 'Redis answers again')
    expect(await cache.get('a', { default: 'nothing' })).toBe('nothing')
  })
})
