import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import type { KeyedCache } from '../../src/contract/cache.js'
import { shared } from '../../src/contract/copies/shared.js'
import { processName } from '../../src/statistics/stats.js'
import { freshPrefix } from '../support/both-stores.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

function open(keyPrefix: string, options: KeyedCacheOptions = {}): KeyedCache {
  const cache = createKeyedCache({
    redis: server.url,
    keyPrefix,
    logger: { info() {}, warn() {}, error() {} },
    ...options,
  })
  onTestFinished(() => cache.close())
  return cache
}

function openTwo(options?: KeyedCacheOptions): [one: KeyedCache, other: KeyedCache] {
  const keyPrefix = freshPrefix()
  return [open(keyPrefix, options), open(keyPrefix, options)]
}

describe('Two caches of one prefix in one Redis, in one process', () => {
  const CHANGES: Record<string, (cache: KeyedCache) => Promise<unknown>> = {
    delete: (cache) => cache.delete('a::b'),
    'delete of the parent with children': (cache) => cache.delete('a', { children: true }),
    deleteTag: (cache) => cache.deleteTag('t'),
    clear: (cache) => cache.clear(),
    set: (cache) => cache.set('a::b', 'new'),
    'computed value': (cache) => cache.getOrSet('a::b', () => 'new', { refresh: true }),
  }

  test.each(Object.entries(CHANGES))(
    'see at once what the other changes by %s, near copies or not',
    async (_name, change) => {
      const [one, other] = openTwo({ near: true })
      await Promise.all([one.require(), other.require()])
      for (let n = 0; n < 30; n++) {
        // eslint-disable-next-line no-await-in-loop -- one after the other
        await one.set('a::b', 'old', { tags: ['t'] })
        // eslint-disable-next-line no-await-in-loop
        await until(async () => (await other.get('a::b', { default: undefined })) === 'old', 'there is a copy')
        // eslint-disable-next-line no-await-in-loop
        await change(one)
        // eslint-disable-next-line no-await-in-loop
        expect(await other.get('a::b', { default: 'nothing' })).not.toBe('old')
      }
    },
  )

  test('compute a key once', async () => {
    const [one, other] = openTwo()
    let runs = 0
    const factory = async (): Promise<number> => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      return ++runs
    }
    expect(await Promise.all([one, other, one, other].map((cache) => cache.getOrSet('k', factory)))).toEqual([
      1, 1, 1, 1,
    ])
  })

  test('know a key that is asked for inside its own factory, also through the other and with a key between', async () => {
    const [one, other] = openTwo()
    await expect(one.getOrSet('k', () => other.getOrSet('k', () => 1))).rejects.toThrow(/inside its own factory/)
    await expect(one.getOrSet('k', () => other.getOrSet('between', () => one.getOrSet('k', () => 1)))).rejects.toThrow(
      /inside its own factory/,
    )
    await expect(one.getOrSetMany(['k', 'l'], () => other.getOrSetMany(['m', 'l'], () => [1, 2]))).rejects.toThrow(
      /inside its own factory/,
    )
  })

  test('count what each does once, and are one process', async () => {
    const [one, other] = openTwo({ near: true })
    await one.set('a', 1)
    await Promise.all([one.get('a'), other.get('a'), other.get('b', { default: 0 }), other.getOrSet('c', () => 1)])
    // Each sends its own
    await one.stats()
    for (const cache of [other, one]) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      const { calls, hits, misses, computations, processes, scope } = await cache.stats()
      expect({ calls, hits, misses, computations, scope }).toEqual({
        calls: 4,
        hits: 2,
        misses: 2,
        computations: 1,
        scope: 'fleet',
      })
      expect(processes.map(({ id }) => id)).toEqual([processName])
    }
  })

  test('agree while Redis is away: what one writes or deletes, the other does not serve', async () => {
    const own = await startRedis()
    onTestFinished(() => own.close())
    const [one, other] = openTwo({ redis: own.url })
    await Promise.all([one.require(), other.require()])
    await own.kill()
    await until(async () => !(await other.stats()).backend.up && !(await one.stats()).backend.up, 'both know')
    const before = (await one.stats()).calls
    const changes = [() => one.set('k', 'new'), () => one.delete('k').catch(() => 'is carried out later')]
    for (const change of changes) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      expect(await other.getOrSet('k', () => 'old')).toBe('old')
      // eslint-disable-next-line no-await-in-loop
      expect(await other.get('k')).toBe('old')
      // eslint-disable-next-line no-await-in-loop
      await change()
      // eslint-disable-next-line no-await-in-loop
      expect(await other.get('k', { default: 'nothing' })).toBe('nothing')
    }
    for (const cache of [one, other]) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      const { calls, processes } = await cache.stats()
      expect({ calls, processes: processes.map(({ id }) => id) }).toEqual({
        calls: before + 6,
        processes: [processName],
      })
    }
  })

  test('hide what one of them could not delete, and the other deletes it', async () => {
    const keyPrefix = freshPrefix()
    const other = open(keyPrefix)
    await other.set('k', 'old')
    await other.set('p::k', 'old')
    await server.client().acl('SETUSER', 'reader', 'on', 'nopass', '~*', '&*', '+@all', '-unlink')
    onTestFinished(async () => {
      await server.client().acl('DELUSER', 'reader')
    })
    const one = open(keyPrefix, { redis: server.url.replace('//', '//reader:x@') })
    await expect(one.delete('k')).rejects.toThrow()
    expect(await other.get('k', { default: 'nothing' })).toBe('nothing')
    expect(await other.getOrSet('k', () => 'computed')).toBe('computed')
    expect(await other.set('k', 'new')).toBe(true)
    expect(await one.get('k')).toBe('new')
    await expect(one.delete('p', { children: true })).rejects.toThrow()
    await one.close()
    await until(async () => (await server.client().exists(`${keyPrefix}:v:p::k`)) === 0, 'the other deletes it')
  })

  test('leave their place when they are closed', async () => {
    const before = shared.places.size
    const [one, other] = openTwo()
    expect(shared.places.size).toBe(before + 1)
    await one.close()
    expect(shared.places.size).toBe(before + 1)
    await other.close()
    expect(shared.places.size).toBe(before)
  })
})

test('Caches of another prefix, database, client prefix or process memory have nothing to do with each other', async () => {
  const keyPrefix = freshPrefix()
  const one = open(keyPrefix)
  const strangers = [
    open(freshPrefix()),
    open(keyPrefix, { redis: `${server.url}/1` }),
    open(keyPrefix, { redis: { port: server.port, host: '127.0.0.1', keyPrefix: 'other' } }),
    createKeyedCache(),
  ]
  for (const stranger of strangers) {
    // eslint-disable-next-line no-await-in-loop -- one after the other
    expect(await one.getOrSet('k', () => stranger.getOrSet('k', () => 1), { refresh: true })).toBe(1)
  }
})

test('A client that is given is in the same place as the URL of its server', async () => {
  const keyPrefix = freshPrefix()
  const one = open(keyPrefix)
  const other = open(keyPrefix, { redis: server.client() })
  await expect(one.getOrSet('k', () => other.getOrSet('k', () => 1))).rejects.toThrow(/inside its own factory/)
})
