import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createKeyedCache, type KeyedCacheOptions } from '../../../../src/cache/create-keyed-cache.js'
import { reasonOf } from '../../../../src/checks/reason.js'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import type { CacheEvents } from '../../../../src/contract/cache-events.js'
import { CacheNotRespondingError } from '../../../../src/contract/errors.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ args: ['--databases', '4'] })
})
afterAll(() => server.close())

const opened: { close: () => unknown }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
  await server.client().flushall()
})

interface Opened {
  readonly cache: KeyedCache
  readonly errors: CacheEvents['error'][]
  readonly states: CacheEvents['state'][]
}

function open(redis: NonNullable<KeyedCacheOptions['redis']>): Opened {
  const quiet = { info: () => {}, warn: () => {}, error: () => {} }
  const cache = createKeyedCache({ redis, keyPrefix: freshPrefix(), logger: quiet })
  opened.push(cache)
  const errors: CacheEvents['error'][] = []
  const states: CacheEvents['state'][] = []
  cache.on('error', (event) => errors.push(event))
  cache.on('state', (event) => states.push(event))
  return { cache, errors, states }
}

function ownClient(db = 0, more: object = {}): Redis {
  const client = new Redis(server.url, { db, socketTimeout: 5000, ...more }).on('error', () => {})
  opened.push({ close: () => client.disconnect() })
  return client
}

/** All names in all databases. */
async function names(): Promise<string[]> {
  const info = await server.client().info('keyspace')
  return info.match(/^db\d+/gm) ?? []
}

const address = (): object => ({ host: '127.0.0.1', port: server.port })

describe('A database that Redis does not have', () => {
  test.each<[string, () => NonNullable<KeyedCacheOptions['redis']>]>([
    ['of a URL', () => `${server.url}/99`],
    ['of a URL, behind the ?', () => `${server.url}?db=99`],
    ['of options', () => ({ ...address(), db: 99 })],
    ["of a user's client", () => ownClient(99)],
    ["of a user's client that connects later", () => ownClient(99, { lazyConnect: true })],
  ])('is told of, and no other is used: %s', async (_what, redis) => {
    const { cache, errors, states } = open(redis())
    await until(() => states.length > 0, 'the state is told')
    expect(states).toMatchObject([{ up: false }])
    expect(reasonOf(states[0]?.error)).toBe(
      'Redis did not select database 99: ERR DB index is out of range: there is no such database: correct its number, or raise `databases` in redis.conf',
    )
    expect(errors).toMatchObject([{ operation: 'connect', key: undefined, error: states[0]?.error }])

    expect(await cache.set('a', 1)).toBe(false)
    expect(await cache.getOrSet('b', () => 2)).toBe(2)
    const refused: unknown = await cache.require().catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(CacheNotRespondingError)
    expect(causes(refused)).toContain('Redis did not select database 99')
    expect((await cache.stats()).backend).toMatchObject({ up: false })
    expect(await names()).toEqual([])
  })

  test('is asked for again with a pause, and told of once', async () => {
    await server.client().config('RESETSTAT')
    const startMs = performance.now()
    const { errors } = open(`${server.url}/99`)
    // The first two are ioredis' own and ours, on connecting.
    await until(async () => (await selects()) >= 5, 'it was asked for again')
    expect(performance.now() - startMs).toBeGreaterThan(900)
    expect(errors.filter(({ operation }) => operation === 'connect')).toHaveLength(1)
  })

  test("is told of where the owner's client was refused it, and stayed elsewhere", async () => {
    const client = ownClient()
    await client.select(2)
    await expect(client.select(99)).rejects.toThrow('out of range')
    const { cache, states } = open(client)
    await until(() => states.length > 0, 'the state is told')
    expect(reasonOf(states[0]?.error)).toContain('database 99')
    expect(await cache.set('a', 1)).toBe(false)
    expect(await names()).toEqual([])
  })
})

describe('A database that Redis has', () => {
  test.each<[string, number, () => NonNullable<KeyedCacheOptions['redis']>]>([
    ['a URL', 1, () => `${server.url}/1`],
    ['options', 2, () => ({ ...address(), db: 2 })],
    ["a user's client", 3, () => ownClient(3)],
  ])('is the one that is used: of %s', async (_what, db, redis) => {
    const { cache } = open(redis())
    await until(() => cache.set('a', 1), 'it is stored')
    expect(await names()).toEqual([`db${db}`])
  })

  test("is the one that the owner's client was told to select, and the client stays there", async () => {
    const client = ownClient()
    await client.select(3)
    const { cache } = open(client)
    await until(() => cache.set('a', 1), 'it is stored')
    expect(await names()).toEqual(['db3'])
    expect(String(await client.client('INFO'))).toContain(' db=3 ')
  })

  test("is given up, and no other used, while the owner's client has selected another", async () => {
    const client = ownClient(1)
    const { cache, errors, states } = open(client)
    await until(() => cache.set('a', 1), 'it is stored')
    void client.select(2)
    expect(await cache.set('b', 1)).toBe(false)
    const said = 'the owner of the client has selected database 2 in place of 1: give the cache a client of its own'
    expect(states.map(({ up, error }) => [up, error && reasonOf(error)])).toEqual([
      [true, undefined],
      [false, said],
    ])
    expect(errors.filter(({ operation }) => operation === 'connect').map(({ error }) => reasonOf(error))).toEqual([
      said,
    ])
    await client.select(1)
    await until(() => cache.set('c', 1), 'it is back')
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual([1, undefined, 1])
    expect(await names()).toEqual(['db1'])
  })

  test('is given up, and no other used, where the right to select is gone after a reconnection', async () => {
    await server.client().acl('SETUSER', 'narrow', 'on', '>x', '~*', '&*', '+@all')
    const { cache, states } = open({ ...address(), db: 1, username: 'narrow', password: 'x' })
    await until(() => cache.set('a', 1), 'it is stored')
    await server.client().acl('SETUSER', 'narrow', '-select')
    await server.client().client('KILL', 'USER', 'narrow')
    await until(() => states.some(({ up }) => !up), 'the connection is lost')
    const refused = async (): Promise<string> => causes(await cache.require().catch((error: unknown) => error))
    await until(async () => (await refused()).includes('did not select database 1: NOPERM'), 'it is said why')
    expect(await names()).toEqual(['db1'])
    await server.client().acl('SETUSER', 'narrow', '+select')
    await until(() => cache.set('b', 1), 'it is back')
    expect(await names()).toEqual(['db1'])
  })
})

/** How often a database was asked for. */
async function selects(): Promise<number> {
  return Number(/cmdstat_select:calls=(\d+)/.exec(await server.client().info('commandstats'))?.[1] ?? 0)
}

function causes(error: unknown): string {
  return error instanceof Error ? `${error.message} < ${causes(error.cause)}` : ''
}
