import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { CacheNotRespondingError } from '../../../../src/contract/errors.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../../../src/cache/create-keyed-cache.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'

const PASSWORD = 'a password of tests'
const PREFIX = 'myapp'
/** Commands of newer servers, which clients send and can do without. */
const OPTIONAL = /client\|setinfo/

/** The rules as SECURITY.md gives them, by the name of the user. */
const DOCUMENTED = new Map(
  Array.from(
    readFileSync(new URL('../../../../SECURITY.md', import.meta.url), 'utf8').matchAll(/^ACL SETUSER (\S+) (.*)$/gm),
    ([, user = '', rules = '']) => [user, rules.replaceAll('<password>', 'PASSWORD').split(' ')],
  ),
)

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
  for (const [user, rules] of DOCUMENTED) {
    const own = rules.map((rule) => rule.replace('PASSWORD', PASSWORD))
    await server.client().call('ACL', 'SETUSER', user, ...own) // eslint-disable-line no-await-in-loop
  }
})
afterAll(() => server.close())

function open(options: KeyedCacheOptions = {}): KeyedCache {
  const { port } = server
  return createKeyedCache({
    redis: { port, host: '127.0.0.1', username: 'myapp', password: PASSWORD },
    keyPrefix: PREFIX,
    redisTimeout: '5s',
    logger: { info() {}, warn() {}, error() {} },
    ...options,
  })
}

/** What the user was denied since the log was emptied. */
async function denied(): Promise<string[]> {
  const entries = (await server.client().call('ACL', 'LOG')) as string[][]
  return entries
    .map((entry) => Object.fromEntries(entry.flatMap((each, i) => (i % 2 === 0 ? [[each, entry[i + 1]]] : []))))
    .map((entry) => `${entry['reason']}: ${entry['object']}`)
    .filter((line) => !OPTIONAL.test(line))
}

/** Everything that a cache does. */
async function useAll(cache: KeyedCache, other: KeyedCache): Promise<void> {
  await cache.require()
  expect(await cache.set(['p', 1], { id: 1 }, { ttl: '1m', grace: '1m', tags: ['a', 'b'] })).toBe(true)
  expect(await cache.setMany([['p::2', 2], ['p::3', 3], ['q', 4]], { ttl: Infinity })).toBe(true) // prettier-ignore
  expect(await cache.get('p::1')).toEqual({ id: 1 })
  expect(await cache.getMany(['p::1', 'p::2', 'none'])).toHaveLength(3)
  expect(await cache.has('p::1')).toBe(true)
  expect((await cache.entry('p::1', { value: true }))?.value).toEqual({ id: 1 })
  const slow = (): Promise<string> => delay(100, 'computed')
  const both = [cache, other].map((each) => each.getOrSet('slow', slow, { tags: ['c'] }))
  await until(async () => (await cache.computing()).length === 1, 'it is computed')
  expect(await Promise.all(both)).toEqual(['computed', 'computed'])
  expect(await cache.getOrSet('slow', slow, { refresh: true, tags: ['c'] })).toBe('computed')
  await expect(cache.getOrSet('fails', () => Promise.reject(new Error('own')))).rejects.toThrow('own')
  expect(await cache.getOrSetMany(['m::1', 'm::2'], (keys) => keys)).toEqual(['m::1', 'm::2'])
  expect((await cache.keys('p')).keys).toEqual(['p::1', 'p::2', 'p::3'])
  expect((await cache.children()).children.map(({ segment }) => segment)).toEqual(['m', 'p', 'q', 'slow'])
  expect(await cache.count()).toBe(7)
  expect((await cache.tagged('c')).keys).toEqual(['slow'])
  expect(await cache.deleteTag('c')).toEqual(['slow'])
  expect(await cache.delete('p', { children: true })).toEqual(['p::1', 'p::2', 'p::3'])
  expect(await cache.delete('q')).toEqual(['q'])
  const at = new Date()
  await cache.audit({ at, action: 'deleted', key: 'q' } as never).catch(() => {})
  await cache.activity()
  await delay(1200)
  const stats = await cache.stats()
  expect(stats).toMatchObject({ scope: 'fleet', backend: { up: true }, keys: 2 })
  expect(await cache.clear()).toBe(2)
}

describe('The user of SECURITY.md', () => {
  test('may do everything that a cache does, with copies near too, and is denied nothing on the way', async () => {
    expect([...DOCUMENTED.keys()]).toContain('myapp')
    await server.client().call('ACL', 'LOG', 'RESET')
    for (const options of [{}, { near: true }]) {
      /* eslint-disable no-await-in-loop -- one after the other */
      await using cache = open(options)
      await using other = open(options)
      const errors: string[] = []
      for (const each of [cache, other])
        each.on('error', ({ operation, error }) => errors.push(`${operation}: ${String(error)}`))
      await until(() => cache.set('ready', 1), 'the cache answers')
      await cache.clear()
      await useAll(cache, other)
      expect(errors.filter((line) => /NOPERM/.test(line))).toEqual([])
      expect(await denied()).toEqual([])
      /* eslint-enable no-await-in-loop */
    }
  })

  test('finds a lost index again, and cleans up after evictions', async () => {
    await server.client().call('ACL', 'LOG', 'RESET')
    await using cache = open()
    await until(() => cache.set('ready', 1), 'the cache answers')
    await cache.clear()
    await cache.set(['p', 1], 1, { tags: ['a'] })
    await server.client().unlink(`${PREFIX}:index:`, `${PREFIX}:expiry:`)
    expect(await cache.delete('p', { children: true })).toEqual(['p::1'])
    await cache.set(['p', 2], 2)
    expect((await cache.keys()).keys).toEqual(['p::2'])
    await server.client().config('SET', 'maxmemory-policy', 'allkeys-lru')
    await server.client().config('SET', 'maxmemory', '3mb')
    const large = 'x'.repeat(10_000)
    for (let i = 0; i < 400; i++) await cache.set(['flood', i], large) // eslint-disable-line no-await-in-loop
    await delay(1200)
    await server.client().config('SET', 'maxmemory', '0')
    expect(await denied()).toEqual([])
    await cache.clear()
  })

  test.each<[string, (redis: Redis) => Promise<unknown>]>([
    ['read the keys of others', (redis) => redis.get('other:secret')],
    ['write them', (redis) => redis.set('other:secret', 1)],
    ['delete them', (redis) => redis.unlink('other:secret')],
    ['reach them by a script', (redis) => redis.eval("return redis.call('GET', 'other:secret')", 0)],
    [
      'reach them by a script that declares them',
      (redis) => redis.eval("return redis.call('GET', KEYS[1])", 1, 'other:secret'),
    ],
    ['empty the database', (redis) => redis.flushdb()],
    ['empty all databases', (redis) => redis.flushall()],
    ['empty it by a script', (redis) => redis.eval("return redis.call('FLUSHALL')", 0)],
    ['walk all keys at once', (redis) => redis.keys('*')],
    ['change the configuration', (redis) => redis.config('SET', 'maxmemory', 1)],
    ['forget scripts', (redis) => redis.script('FLUSH')],
    ['change users', (redis) => redis.call('ACL', 'SETUSER', 'myapp', '+@all')],
    ['make it a replica', (redis) => redis.call('REPLICAOF', '127.0.0.1', '1')],
    ['stop the server', (redis) => redis.call('SHUTDOWN')],
    ['move keys away', (redis) => redis.call('MIGRATE', '127.0.0.1', '1', `${PREFIX}:v:a`, '0', '10')],
    ['close connections of others', (redis) => redis.call('CLIENT', 'KILL', 'TYPE', 'normal')],
    ['watch what others do', (redis) => redis.call('MONITOR')],
    ['hear the channels of others', (redis) => redis.subscribe('other:channel')],
    ['speak on them', (redis) => redis.publish('other:channel', 'x')],
  ])('may not %s', async (_what, command) => {
    await server.client().set('other:secret', 'canary')
    const redis = new Redis({ port: server.port, username: 'myapp', password: PASSWORD, retryStrategy: () => null })
    try {
      const error: unknown = await command(redis).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(Error)
      expect(String(error)).toMatch(/NOPERM|ERR The user executing the script can't|no permission/)
      expect(await server.client().get('other:secret')).toBe('canary')
    } finally {
      redis.disconnect()
    }
  })

  test('may not be anybody with a wrong password: the cache misses, and tells no password', async () => {
    const wrong = 'canary-of-a-wrong-password'
    const lines: string[] = []
    const log = (line: string): void => void lines.push(line)
    await using cache = open({
      redis: { port: server.port, username: 'myapp', password: wrong },
      redisTimeout: '500ms',
      logger: { info: log, warn: log, error: log },
    })
    const told: unknown[] = []
    cache.on('error', (event) => told.push(event))
    expect(await cache.get('a', { default: 'miss' })).toBe('miss')
    const refused: unknown = await cache.keys().catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(CacheNotRespondingError)
    await until(() => lines.length > 0, 'it is told of')
    const everything = [lines, told.map(describeAll), describeAll(refused)].join('\n')
    expect(everything).not.toContain(wrong)
  })
})

/** An error with everything that hangs on it, also what is not shown. */
function describeAll(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null || depth > 5) return String(value)
  return Reflect.ownKeys(value)
    .map((name) => `${String(name)}=${describeAll((value as Record<PropertyKey, unknown>)[name], depth + 1)}`)
    .join('\n')
}
