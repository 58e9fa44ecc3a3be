import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { type Key, toKey } from '../../../src/keys/key.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { allAnswer } from '../../support/all-answer.js'
import { describeOnBothStores, freshPrefix } from '../../support/both-stores.js'
import { makeGate } from '../../support/gate.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'

/** A factory that notes with which keys it was called, and gives for each `of <key>`. */
function noting<K extends Key = string>(value: (key: K) => unknown = (key) => `of ${toKey(key)}`) {
  const factory = async (missing: readonly K[]): Promise<unknown[]> => {
    factory.calls.push([...missing])
    return missing.map(value)
  }
  factory.calls = [] as K[][]
  return factory
}

async function storeStale(cache: KeyedCache, keys: readonly string[]): Promise<void> {
  await cache.setMany(
    keys.map((key) => [key, `old ${key}`]),
    { ttl: '20ms', grace: '1m' },
  )
  await until(async () => (await cache.getMany(keys)).every((value) => value === undefined), 'all are stale')
}

describeOnBothStores('getOrSetMany', (open) => {
  test('gives a value for each key in its order, computes those that are missing in one call, and stores them', async () => {
    const cache = open()
    await cache.setMany([
      ['b', 'stored b'],
      ['d', undefined],
    ])
    const factory = noting()
    expect(await cache.getOrSetMany(['a', 'b', 'c', 'd'], factory)).toEqual(['of a', 'stored b', 'of c', undefined])
    expect(factory.calls).toEqual([['a', 'c']])
    expect(await cache.getMany(['a', 'c'])).toEqual(['of a', 'of c'])
    expect(await cache.getOrSetMany(['a', 'b', 'c', 'd'], factory)).toEqual(['of a', 'stored b', 'of c', undefined])
    expect(factory.calls).toHaveLength(1)
  })

  test('asks nothing for no keys', async () => {
    const cache = open()
    const factory = noting()
    expect(await cache.getOrSetMany([], factory)).toEqual([])
    expect(factory.calls).toEqual([])
  })

  test('asks once for a key that is given twice, however it is written', async () => {
    const cache = open()
    const factory = noting<Key>((key) => ({ key: toKey(key) }))
    const values = await cache.getOrSetMany(['p::1', ['p', '1'], 'p::2', 'p::1'], factory)
    expect(factory.calls).toHaveLength(1)
    expect(factory.calls[0]).toHaveLength(2)
    expect(values).toEqual([{ key: 'p::1' }, { key: 'p::1' }, { key: 'p::2' }, { key: 'p::1' }])
  })

  test('hands the factory the keys as they were given, full keys to all others', async () => {
    const cache = open()
    const cities = [
      ['city', 7],
      ['city', 8],
    ] as const
    const factory = noting<Key>()
    await cache.getOrSetMany(cities, factory)
    expect(factory.calls).toEqual([cities])
    expect(await cache.get('city::7')).toBe('of city::7')
  })

  test('waits for keys that a single call computes, and computes the others meanwhile', async () => {
    const cache = open()
    const gate = makeGate()
    const single = cache.getOrSet('a', async () => gate.opened.then(() => 'of single'))
    const factory = noting()
    const many = cache.getOrSetMany(['a', 'b', 'c'], factory)
    await until(async () => cache.has('c'), 'the others are computed')
    expect(factory.calls).toEqual([['b', 'c']])
    gate.open()
    expect(await single).toBe('of single')
    expect(await many).toEqual(['of single', 'of b', 'of c'])
    expect(factory.calls).toHaveLength(1)
  })

  test('is waited for by single calls, and by others for some of the same keys', async () => {
    const cache = open()
    const gate = makeGate()
    const factory = noting()
    const many = cache.getOrSetMany(['a', 'b'], async (missing) => gate.opened.then(() => factory(missing)))
    await until(async () => (await cache.computing()).length === 2, 'both are being computed')
    const others = noting<string>((key) => `of others ${key}`)
    const overlapping = cache.getOrSetMany(['c', 'b', 'a'], others)
    const single = cache.getOrSet('b', () => 'of single')
    gate.open()
    expect(await many).toEqual(['of a', 'of b'])
    expect(await overlapping).toEqual(['of others c', 'of b', 'of a'])
    expect(await single).toBe('of b')
    expect([...factory.calls, ...others.calls]).toEqual([['a', 'b'], ['c']])
  })

  test('rejects with the error in a place, stores the others, and asks for that key alone next time', async () => {
    const cache = open()
    const error = new RangeError('no b')
    const failing = noting((key) => (key === 'b' ? error : `of ${key}`))
    await expect(cache.getOrSetMany(['a', 'b', 'c'], failing)).rejects.toBe(error)
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual(['of a', undefined, 'of c'])
    const factory = noting()
    expect(await cache.getOrSetMany(['a', 'b', 'c'], factory)).toEqual(['of a', 'of b', 'of c'])
    expect(factory.calls).toEqual([['b']])
  })

  test.each<[string, unknown]>([
    ['too few results', ['x']],
    ['too many results', ['x', 'y', 'z']],
    ['no array', 'xy'],
    ['nothing', undefined],
  ])('rejects %s, and stores none', async (_what, results) => {
    const cache = open()
    const error = await cache.getOrSetMany(['a', 'b'], () => results as string[]).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).toContain('2 results')
    expect(await cache.count()).toBe(0)
  })

  test('says of one key that it expects one result', async () => {
    const none = open().getOrSetMany(['a'], () => [])
    await expect(none).rejects.toThrow('1 result, one for each key, got an array of 0')
  })

  test('rejects with what the factory throws', async () => {
    const cache = open()
    await expect(cache.getOrSetMany(['a', 'b'], async () => Promise.reject(new Error('no database')))).rejects.toThrow(
      'no database',
    )
    await expect(
      cache.getOrSetMany(['a', 'b'], () => {
        throw new Error('no database')
      }),
    ).rejects.toThrow('no database')
    expect(await cache.count()).toBe(0)
  })

  test('refuses keys that are no array, a factory that is no function, and wrong options', async () => {
    const cache = open()
    await expect(cache.getOrSetMany('a' as never, () => [])).rejects.toThrow(/array.*'a'|array.*"a"/)
    await expect(cache.getOrSetMany(['a'], 1 as never)).rejects.toThrow(TypeError)
    await expect(cache.getOrSetMany(['a'], () => [1], { ttl: -1 })).rejects.toThrow(/`ttl`.*-1/)
    await expect(cache.getOrSetMany(['a', Symbol('b') as never], () => [1, 2])).rejects.toThrow(TypeError)
  })

  test('gives each caller values of its own', async () => {
    const cache = open()
    const factory = noting(() => ({ list: [1] }))
    const [one, two] = (await Promise.all([1, 2].map(() => cache.getOrSetMany(['a', 'a'], factory)))) as {
      list: number[]
    }[][]
    one?.[0]?.list.push(2)
    expect(two?.[0]).toEqual({ list: [1] })
    expect(await cache.get('a')).toEqual({ list: [1] })
    expect(factory.calls).toHaveLength(1)
  })

  test('computes all keys anew with refresh', async () => {
    const cache = open()
    await cache.setMany([
      ['a', 'stored'],
      ['b', 'stored'],
    ])
    const factory = noting()
    expect(await cache.getOrSetMany(['a', 'b'], factory, { refresh: true })).toEqual(['of a', 'of b'])
    expect(factory.calls).toEqual([['a', 'b']])
    expect(await cache.getMany(['a', 'b'])).toEqual(['of a', 'of b'])
  })

  test('serves stale values, and computes them anew in one call in the background, apart from those that are missing', async () => {
    const cache = open()
    await storeStale(cache, ['a', 'b', 'c'])
    await cache.set('fresh', 'fresh')
    const factory = noting()
    const keys = ['a', 'fresh', 'b', 'missing', 'c']
    const options = { ttl: '1m', grace: '1m' }
    expect(await cache.getOrSetMany(keys, factory, options)).toEqual(['old a', 'fresh', 'old b', 'of missing', 'old c'])
    await until(
      async () => (await cache.getMany(['a', 'b', 'c'])).every((value) => value !== undefined),
      'all are fresh',
    )
    expect(factory.calls.toSorted((x, y) => x.length - y.length)).toEqual([['missing'], ['a', 'b', 'c']])
    expect(await cache.getOrSetMany(keys, factory, options)).toEqual(['of a', 'fresh', 'of b', 'of missing', 'of c'])
  })

  test('computes in the background also when some keys are refreshed already', async () => {
    const cache = open()
    await storeStale(cache, ['a', 'b', 'c'])
    const gate = makeGate()
    const options = { ttl: '1m', grace: '1m' }
    await cache.getOrSet('b', async () => gate.opened.then(() => 'of single'), options)
    const factory = noting()
    expect(await cache.getOrSetMany(['a', 'b', 'c'], factory, options)).toEqual(['old a', 'old b', 'old c'])
    await until(
      async () => (await cache.getMany(['a', 'c'])).every((value) => value !== undefined),
      'the others are fresh',
    )
    expect(factory.calls).toEqual([['a', 'c']])
    gate.open()
    await until(async () => cache.has('b'), 'it is fresh too')
    expect(await cache.get('b')).toBe('of single')
  })

  test('aborts the signal of the factory when the caller leaves', async () => {
    const cache = open()
    const abort = new AbortController()
    let signal: AbortSignal | undefined
    const call = cache.getOrSetMany(
      ['a', 'b'],
      async (_missing, context) => {
        signal = context.signal
        return new Promise<string[]>((_resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(new Error('aborted')))
        })
      },
      { signal: abort.signal },
    )
    const outcome = call.catch((error: unknown) => error)
    await until(() => signal, 'the factory runs')
    abort.abort(new Error('gone'))
    expect(await outcome).toEqual(new Error('gone'))
    await until(() => signal?.aborted, 'its signal aborts')
    expect(await cache.getOrSetMany(['a', 'b'], noting())).toEqual(['of a', 'of b'])
  })

  test('gives to each call what was not deleted since it began', async () => {
    const cache = open()
    const gate = makeGate()
    const began = cache.getOrSetMany(['a', 'b'], async () => gate.opened.then(() => ['old a', 'old b']))
    await until(async () => (await cache.computing()).length === 2, 'both are being computed')
    await cache.delete('a')
    const factory = noting()
    const after = cache.getOrSetMany(['a', 'b'], factory)
    gate.open()
    expect(await began).toEqual(['old a', 'old b'])
    expect(await after).toEqual(['of a', 'old b'])
    expect(factory.calls).toEqual([['a']])
    expect(await cache.getMany(['a', 'b'])).toEqual(['of a', 'old b'])
  })

  test('computes through a scope, below its key', async () => {
    const cache = open()
    const factory = noting<Key>()
    expect(await cache.scope('city', 7).getOrSetMany(['name', 'population'], factory)).toEqual([
      'of name',
      'of population',
    ])
    expect(await cache.get('city::7::population')).toBe('of population')
  })

  test('calls through while the cache is disabled', async () => {
    const cache = open()
    cache.enable(false)
    const factory = noting()
    expect(await cache.getOrSetMany(['a', 'b', 'a'], factory)).toEqual(['of a', 'of b', 'of a'])
    expect(factory.calls).toEqual([['a', 'b']])
    expect(await cache.count()).toBe(0)
  })
})

describe('getOrSetMany, on Redis,', () => {
  let server: RedisServer
  let caches: KeyedCache[] = []
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.close())
  afterEach(async () => {
    await Promise.all(caches.splice(0).map((cache) => cache.close()))
  })

  function openTwo(): [KeyedCache, KeyedCache] {
    const options = { redis: server.url, keyPrefix: freshPrefix(), redisTimeout: '5s' }
    const two: [KeyedCache, KeyedCache] = [createKeyedCache(options), createKeyedCache(options)]
    caches = [...two]
    return two
  }

  test('reads once, and twice a key when it computes: one attempt and one write for each', async () => {
    const [cache] = openTwo()
    const keys = Array.from({ length: 100 }, (_, i) => `key${i}`)
    await allAnswer(cache)
    // What scripts call counts as well: these read by GET
    const calls = async (command: string): Promise<number> => {
      const info = await server.client().info('commandstats')
      return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(info)?.[1] ?? 0)
    }
    await cache.getOrSetMany(keys, noting())
    const before = { mget: await calls('mget'), get: await calls('get'), evalsha: await calls('evalsha') }
    await cache.getOrSetMany(keys, noting())
    // So many keys are asked for by four commands that leave together
    expect(await calls('mget')).toBe(before.mget + 4)
    expect(await calls('get')).toBe(before.get)
    expect(before.mget).toBe(4)
    expect(before.evalsha).toBeLessThan(2 * keys.length + 10)
  })

  test('two caches ask each other for the keys that the other one computes, in whatever order', async () => {
    const [one, two] = openTwo()
    const keys = Array.from({ length: 20 }, (_, i) => `shared${i}`)
    const ofOne = noting<string>((key) => `${key} of one`)
    const ofTwo = noting<string>((key) => `${key} of two`)
    const [first, second] = await Promise.all([
      one.getOrSetMany(keys, ofOne),
      two.getOrSetMany(keys.toReversed(), ofTwo),
    ])
    expect(second).toEqual(first.toReversed())
    expect([...ofOne.calls, ...ofTwo.calls].flat().toSorted()).toEqual(keys.toSorted())
    expect(ofOne.calls.length + ofTwo.calls.length).toBeLessThanOrEqual(2)
  })
})
