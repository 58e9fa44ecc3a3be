import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { GetOrSetOptions, KeyedCache } from '../../../src/contract/cache.js'
import type { FactoryContext } from '../../../src/contract/factory.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { allAnswer } from '../../support/all-answer.js'
import { describeOnBothStores, freshPrefix } from '../../support/both-stores.js'
import { makeGate } from '../../support/gate.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { warningsDuring } from '../../support/warnings.js'

class Instance {
  readonly of = 'a class'
}

/** A way to compute a value that cannot be kept. */
interface Unkept {
  readonly value: unknown
  readonly options?: GetOrSetOptions<unknown>
  readonly change?: (context: FactoryContext) => void
}

const WAYS: [what: string, way: Unkept][] = [
  ['is above maxValueBytes', { value: 'new'.repeat(1000) }],
  ['is the instance of a class', { value: new Instance() }],
  ['has a ttl of 0 by the option', { value: 'new', options: { ttl: 0 } }],
  ['has a ttl of 0 by setTtl', { value: 'new', change: ({ setTtl }) => setTtl(0) }],
]

const GRACE = { ttl: '1m', grace: '1d' } as const
const SMALL = { maxValueBytes: 1000 }

async function storeStale(cache: KeyedCache, keys: readonly string[], tags: readonly string[] = []): Promise<void> {
  const values = keys.map((key) => [key, 'old'] as const)
  await cache.setMany(values, { ttl: '20ms', grace: '1d', tags })
  await until(async () => (await cache.getMany(keys)).every((value) => value === undefined), 'all are stale')
}

/** The factory of a value that cannot be kept, with the number of its runs. */
function unkept({ value, change }: Unkept): { (context: FactoryContext): Promise<unknown>; runs: number } {
  const factory = async (context: FactoryContext): Promise<unknown> => {
    factory.runs++
    change?.(context)
    return value
  }
  factory.runs = 0
  return factory
}

async function idle(cache: KeyedCache): Promise<void> {
  await until(async () => (await cache.computing()).length === 0, 'nothing is computed any more')
}

describeOnBothStores('A computed value that cannot be kept', (openCache) => {
  const open = (): KeyedCache => openCache(SMALL)

  test.each(WAYS)('and %s, ends the stale one: all get the new one from the second call on', async (_what, way) => {
    const cache = open()
    await storeStale(cache, ['p::a', 'p::a::child', 'p::b'])
    const factory = unkept(way)
    const options = { ...GRACE, ...way.options }
    await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      expect(await cache.getOrSet('p::a', factory, options)).toBe('old')
      await until(() => factory.runs === 1, 'it is computed')
      await idle(cache)
      expect(await cache.getOrSet('p::a', factory, options)).toEqual(way.value)
      expect(await cache.getOrSet('p::a', factory, options)).toEqual(way.value)
    })
    expect(factory.runs).toBe(3)
    expect(await cache.entry('p::a')).toBeUndefined()
    expect((await cache.keys()).keys).toEqual(['p::a::child', 'p::b'])
  })

  test.each(WAYS)('and %s, ends a fresh one that is computed anew', async (_what, way) => {
    const cache = open()
    await cache.set('a', 'old')
    await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      const options = { ...way.options, refresh: true }
      expect(await cache.getOrSet('a', unkept(way), options)).toEqual(way.value)
    })
    expect(await cache.get('a', { default: 'nothing' })).toBe('nothing')
    expect(await cache.count()).toBe(0)
  })

  test('ends each of many, and leaves those that can be kept', async () => {
    const cache = open()
    await storeStale(cache, ['a', 'b', 'c', 'd'])
    const value = (key: string): unknown => (key === 'b' ? new Instance() : `new ${key}`)
    const many = (): Promise<unknown[]> =>
      cache.getOrSetMany(
        ['a', 'b', 'c', 'd'],
        (missing, { setTtl }) => {
          if (missing.includes('d')) setTtl(missing.indexOf('d'), 0)
          return missing.map(value)
        },
        GRACE,
      )
    await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      expect(await many()).toEqual(['old', 'old', 'old', 'old'])
      await until(async () => (await cache.has('a')) && (await cache.has('c')), 'those that can be kept are stored')
      await idle(cache)
      expect(await many()).toEqual(['new a', new Instance(), 'new c', 'new d'])
    })
    expect((await cache.keys()).keys).toEqual(['a', 'c'])
  })

  test('leaves what was set while it was computed', async () => {
    const cache = open()
    await storeStale(cache, ['a'])
    const gate = makeGate()
    const started = makeGate()
    const old = cache.getOrSet(
      'a',
      async ({ setTtl }) => {
        started.open()
        setTtl(0)
        return gate.opened.then(() => 'new')
      },
      GRACE,
    )
    expect(await old).toBe('old')
    await started.opened
    await cache.set('a', 'set meanwhile')
    gate.open()
    await idle(cache)
    expect(await cache.get('a')).toBe('set meanwhile')
  })

  test.each(['setTtl', 'skip'] as const)(
    'by %s, is not for calls that began after one of its late tags was deleted',
    async (way) => {
      const cache = open()
      const [started, gate] = [makeGate(), makeGate()]
      let source = 'before'
      const own = cache.getOrSet('a', async (context) => {
        const value = source
        started.open()
        await gate.opened
        context.setTags(['t'])
        if (way === 'skip') context.skip()
        else context.setTtl(0)
        return value
      })
      await started.opened
      source = 'after'
      await cache.deleteTag('t')
      const joined = cache.getOrSet('a', () => source)
      await cache.has('a')
      gate.open()
      expect(await own).toBe('before')
      expect(await joined).toBe('after')
    },
  )

  test('stays as it is after skip(), is served, and is computed again after a pause only', async () => {
    const cache = open()
    await storeStale(cache, ['a'])
    const factory = unkept({ value: 'skipped', change: ({ skip }) => skip() })
    for (let call = 0; call < 5; call++) {
      expect(await cache.getOrSet('a', factory, GRACE)).toBe('old')
      await until(() => factory.runs > 0, 'it is computed')
      await idle(cache)
    }
    expect(factory.runs).toBe(1)
  })

  test('stays after skip() where it is fresh and computed anew', async () => {
    const cache = open()
    await cache.set('a', 'old')
    expect(await cache.getOrSet('a', ({ skip }) => (skip(), 'skipped'), { refresh: true })).toBe('skipped')
    expect(await cache.get('a')).toBe('old')
  })
})

describe('On Redis a computed value that cannot be kept', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.close())

  async function open(keyPrefix: string, more: object = {}): Promise<KeyedCache> {
    const cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s', ...SMALL, ...more })
    onTestFinished(() => cache.close())
    await allAnswer(cache)
    return cache
  }

  test('goes from the near copies of all processes', async () => {
    const keyPrefix = freshPrefix()
    const [one, two] = [await open(keyPrefix, { near: true }), await open(keyPrefix, { near: true })]
    await one.set('a', 'old')
    expect([await one.get('a'), await two.get('a')]).toEqual(['old', 'old'])
    expect(await one.getOrSet('a', ({ setTtl }) => (setTtl(0), 'new'), { refresh: true })).toBe('new')
    expect(await one.get('a', { default: 'nothing' })).toBe('nothing')
    await until(async () => (await two.get('a', { default: 'nothing' })) === 'nothing', 'the other one hears of it')
  })

  test('ends the stale one also where the server is full', async () => {
    const keyPrefix = freshPrefix()
    const cache = await open(keyPrefix)
    await storeStale(cache, ['a'])
    const client = server.client()
    onTestFinished(async () => void (await client.config('SET', 'maxmemory', '0')))
    let runs = 0
    const compute = (): Promise<string> =>
      cache.getOrSet(
        'a',
        async () => {
          runs++
          // A full server refuses what is stored after this
          await client.config('SET', 'maxmemory', '1')
          return 'new'
        },
        GRACE,
      )
    expect(await compute()).toBe('old')
    await until(() => runs === 1, 'it is computed')
    await until(async () => (await client.exists(`${keyPrefix}:v:a`)) === 0, 'it is gone')
    expect(await cache.getOrSet('a', () => 'newer', GRACE)).toBe('newer')
  })
})
