import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { closeCaches, configure, createKeyedCache, keyedcache, keyedcacheAdmin } from '../../src/index.js'
import { defaultCacheIfMade } from '../../src/default-cache/configure.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { warningsDuring } from '../support/warnings.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(() => {
  vi.stubEnv('NODE_ENV', 'production')
  vi.stubEnv('REDIS_URL', server.url)
  for (const name of ['KEYEDCACHE_KEY_PREFIX', 'KEYEDCACHE_TTL', 'KEYEDCACHE_ALIAS']) vi.stubEnv(name, undefined)
})
afterEach(async () => {
  await closeCaches()
  vi.unstubAllEnvs()
})

const NO_PREFIX =
  'Each request that uses the default cache will fail, unless `configure` is called before: With Redis in production `keyPrefix` must ' +
  'be given (KEYEDCACHE_KEY_PREFIX where the cache is made from the environment), so that no two applications share their keys'

async function warned(mount: () => unknown): Promise<string[]> {
  return warningsDuring('KEYEDCACHE_DEFAULT', mount)
}

test.each([
  ['middleware', () => keyedcache()],
  ['dashboard', () => keyedcacheAdmin()],
])('Mounting the %s warns soon that the environment can make no default cache', async (_, mount) => {
  expect(await warned(mount)).toEqual([NO_PREFIX])
})

test('An application that mounts both is warned once', async () => {
  expect(await warned(() => [keyedcache(), keyedcacheAdmin(), keyedcache()])).toEqual([NO_PREFIX])
})

test.each([
  ['REDIS_URL', ':hunter2@localhost', /: Expected REDIS_URL to be a URL like redis:\/\/host:6379, got text without/],
  ['KEYEDCACHE_KEY_PREFIX', 'a b', /: KEYEDCACHE_KEY_PREFIX is 'a b': expected 1 to 64/],
  ['KEYEDCACHE_TTL', 'soon', /: KEYEDCACHE_TTL is 'soon': expected seconds/],
])('A wrong %s is told in the words of the error that requests get', async (name, value, what) => {
  vi.stubEnv(name, value)
  expect(await warned(() => keyedcache())).toEqual([expect.stringMatching(what)])
  expect((await warned(() => keyedcache())).join('')).not.toContain('hunter2')
})

test('Nothing is told of an environment that can make one, and it is not made: no connection is opened', async () => {
  vi.stubEnv('KEYEDCACHE_KEY_PREFIX', 'shop')
  expect(await warned(() => keyedcache())).toEqual([])
  expect(defaultCacheIfMade()).toBeUndefined()
})

test('Nothing is told where the application configures its caches while it starts, or gives one', async () => {
  expect(
    await warned(() => {
      keyedcache()
      keyedcacheAdmin()
      configure({ caches: { default: {} } })
    }),
  ).toEqual([])
  await closeCaches()
  const cache = createKeyedCache()
  expect(
    await warned(() => [keyedcache({ cache }), keyedcacheAdmin({ cache }), keyedcacheAdmin({ caches: [cache] })]),
  ).toEqual([])
  await cache.close()
})
