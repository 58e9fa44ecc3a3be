import { inspect } from 'node:util'
import express from 'express'
import { Cluster, Redis } from 'ioredis'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { keyedcacheAdmin } from '../src/admin/admin.js'
import type { KeyedCache } from '../src/contract/cache.js'
import { masked } from '../src/checks/masked.js'
import { reasonOf } from '../src/checks/reason.js'
import { show } from '../src/checks/show.js'
import { createKeyedCache } from '../src/cache/create-keyed-cache.js'
import { cached } from '../src/default-cache/cached-method.js'
import { CachedObject } from '../src/default-cache/cached-object.js'
import { caches, closeCaches, configure } from '../src/default-cache/configure.js'
import { cacheDeleteFunction, cacheEnable, cacheFunction, cacheGet, cacheSet } from '../src/default-cache/functions.js'
import { keyedcache } from '../src/express/middleware.js'
import { startRedis } from './support/redis-server.js'
import { until } from './support/until.js'

const SECRET = 'hunter2'
/** What developers have at hand and give in the wrong place, each with the secret in it. */
const HELD: [string, any][] = [
  ['a URL', `redis://me:${SECRET}@localhost:1`],
  ['a URL without a user', `redis://:${SECRET}@localhost:1`],
  ['a URL of another scheme', `rediss+sentinel://me:${SECRET}@localhost:1`],
  ['a URL with an @ in its password', `postgres://me:x@${SECRET}@localhost/db`],
  ['a URL with a space in its password', `redis://me:x ${SECRET}@localhost`],
  ['a URL without its scheme', `me:${SECRET}@localhost:1`],
  ['a URL in a sentence', `connect to REDIS://me:${SECRET}@localhost, please`],
  ['a URL with the password behind it', `redis://localhost:1?password=${SECRET}`],
  ['a URL with a token', `https://example.org/?a=1&access_token=${SECRET}&b=2`],
  ['a URL that was cut', `redis://me:${SECRET}`],
  ['settings as text, in quotes', `password="my ${SECRET} x"`],
  ['settings as text, with a comma', `password=ab,${SECRET}`],
  ['JSON in JSON', JSON.stringify(JSON.stringify({ password: SECRET }))],
  ['settings as text', `host=localhost;password=${SECRET}`],
  ['settings as JSON', JSON.stringify({ host: 'localhost', password: SECRET })],
  ['a header', `Authorization: Bearer ${SECRET}`],
  ['options of a client', { host: 'localhost', port: 1, password: SECRET }],
  ['options with a URL', { url: `redis://me:${SECRET}@localhost:1` }],
  ['options within options', { redis: { tls: { passphrase: SECRET } } }],
  ['options by their address', { [`redis://me:${SECRET}@localhost:1`]: true }],
  ['a list of URLs', [`redis://me:${SECRET}@a`, `rediss://me:${SECRET}@b`]],
  ['a list of options', [{ host: 'a', password: SECRET }]],
  ['a list of lists', [[`redis://me:${SECRET}@a`], [[SECRET]]]],
  ['a Map', new Map([['password', SECRET]])],
  ['a URL object', new URL(`redis://me:${SECRET}@localhost:1`)],
  ['bytes', Buffer.from(SECRET)],
  ['a date with settings', Object.assign(new Date(0), { password: SECRET })],
  ['an instance whose class is called so', new (class { static name = `redis://me:${SECRET}@localhost` })()], // prettier-ignore
  ['a function with settings', Object.assign(() => SECRET, { password: SECRET })],
  ['a class with settings', class Settings { static password = SECRET }], // prettier-ignore
  ['an error', Object.assign(new Error(`redis://me:${SECRET}@localhost`), { password: SECRET })],
  ['a promise', Promise.resolve({ password: SECRET })],
  ['boxed text', Object(SECRET)],
  ['a client', new Redis({ host: 'localhost', password: SECRET, lazyConnect: true })],
  ['a client of a Cluster', new Cluster([`redis://:${SECRET}@localhost:1`], { lazyConnect: true, redisOptions: { password: SECRET } })], // prettier-ignore
]

const opened: KeyedCache[] = []
const cache = createKeyedCache()
afterEach(async () => {
  await Promise.all([closeCaches(), ...opened.splice(0).map((each) => each.close())])
})
for (const [, held] of HELD) if (held instanceof Redis || held instanceof Cluster) held.on('error', () => {})
afterAll(async () => {
  for (const [, held] of HELD) if (held instanceof Redis || held instanceof Cluster) held.disconnect()
  await cache.close()
})

const logger = (lines: string[]): object => {
  const log = (line: string): void => void lines.push(line)
  return { info: log, warn: log, error: log }
}

/** Where it may be given by mistake. What is no mistake there is no error, and says nothing. */
const PLACES: [string, (held: any, lines: string[]) => unknown][] = [
  ['createKeyedCache', (held) => createKeyedCache(held)],
  ...[
    'keyPrefix',
    'ttl',
    'grace',
    'lease',
    'maxCompute',
    'retryAfter',
    'redisTimeout',
    'near',
    'fallback',
    'maxEntries',
    'maxBytes',
  ].map(option),
  ...['maxValueBytes', 'compressAbove', 'serializer', 'shards', 'upkeep', 'name', 'logger'].map(option),
  ['`near.ttl`', (held) => createKeyedCache({ near: { ttl: held } })],
  ['`near.maxEntries`', (held) => createKeyedCache({ near: { maxEntries: held } })],
  ['`fallback.ttl`', (held) => createKeyedCache({ fallback: { ttl: held } })],
  ['`fallback.maxBytes`', (held) => createKeyedCache({ fallback: { maxBytes: held } })],
  ['an unknown option', (held) => createKeyedCache({ [typeof held === 'string' ? held : 'password']: held })],
  ['configure', (held) => configure(held)],
  ['`caches`', (held) => configure({ caches: held })],
  ['a configured cache', (held) => configure({ caches: { default: held } })],
  ['an alias', (held) => configure({ caches: { a: {} }, alias: held })],
  ['caches()', (held) => caches(held)],
  ['keyedcache', (held) => keyedcache(held)],
  ['`cache` of keyedcache', (held) => keyedcache({ cache: held })],
  ['`context`', (held) => keyedcache({ context: held })],
  ['keyedcacheAdmin', (held) => keyedcacheAdmin(held)],
  ...['cache', 'caches', 'user', 'isStaff', 'isScraper', 'loginUrl', 'homeUrl', 'readOnly', 'trustedOrigins'].map(
    adminOption,
  ),
  ...['title', 'environment', 'redact', 'onAudit'].map(adminOption),
  ['a list of caches', (held) => keyedcacheAdmin({ caches: [held] })],
  ['a trusted origin', (held) => keyedcacheAdmin({ trustedOrigins: [held] })],
  ['cacheFunction', (held) => cacheFunction(held)],
  ['the ttl of a function', (held) => cacheFunction({ ttl: held })],
  ['the name of a function', (held) => cacheFunction({ name: held })(async () => 1)],
  ['a function', (held) => cacheFunction(60)(held)],
  ['cacheDeleteFunction', (held) => cacheDeleteFunction(held)],
  ['@cached', (held) => cached(held)],
  ['CachedObject', (held) => CachedObject(undefined, held)],
  ['the base of CachedObject', (held) => CachedObject(held)],
  ['cacheEnable', (held) => cacheEnable(held)],
  ['options of get', (held) => cacheGet('a', held)],
  ['options of set', (held) => cacheSet('a', 1, held)],
  ['the ttl of set', (held) => cache.set('a', 1, { ttl: held })],
  ['tags', (held) => cache.set('a', 1, { tags: held })],
  ['a tag', (held) => cache.set('a', 1, { tags: [held, 1 as never] })],
  ['deleteTag', (held) => cache.deleteTag([held] as never)],
  ['options of getOrSet', (held) => cache.getOrSet('a', () => 1, held)],
  ['`signal`', (held) => cache.getOrSet('a', () => 1, { signal: held })],
  ['`schema`', (held) => cache.getOrSet('a', () => 1, { schema: held })],
  ['`early`', (held) => cache.getOrSet('a', () => 1, { early: held })],
  ['a factory', (held) => cache.getOrSet('a', held)],
  ['getMany', (held) => cache.getMany(held)],
  ['setMany', (held) => cache.setMany(held)],
  ['options of keys', (held) => cache.keys(undefined, held)],
  ['`limit`', (held) => cache.keys(undefined, { limit: held })],
  ['an event', (held) => cache.on(held, () => {})],
  [
    'a key that is computed',
    (held) =>
      cache.getOrSet(
        ['a', typeof held === 'string' && held.includes('@') ? held.replace(/^.*(?=\w+:\/\/)/, '') : 'b'],
        () => () => 1,
      ),
  ],
  ['wrap', (held) => cache.wrap(held)],
  ['enable', (held) => cache.enable(held)],
]

function option(name: string): [string, (held: any, lines: string[]) => unknown] {
  return [`\`${name}\``, (held, lines) => createKeyedCache({ logger: logger(lines), [name]: held } as object)]
}

function adminOption(name: string): [string, (held: any) => unknown] {
  return [`\`${name}\` of keyedcacheAdmin`, (held) => keyedcacheAdmin({ [name]: held })]
}

describe('A secret that is given in the wrong place is told to nobody', () => {
  test.each(PLACES)('as %s', async (_place, give) => {
    const said: string[] = []
    const listen = (warning: Error): void => void said.push(inspect(warning, { depth: 20, showHidden: true }))
    process.on('warning', listen)
    for (const [, held] of HELD) {
      try {
        const given: unknown = await give(held, said) // eslint-disable-line no-await-in-loop -- so what is said is theirs
        if (given !== null && typeof given === 'object' && 'computing' in given) opened.push(given as KeyedCache)
      } catch (error) {
        said.push(inspect(error, { depth: 20, showHidden: true, getters: true }))
      }
    }
    await new Promise((resolve) => void setImmediate(resolve))
    process.off('warning', listen)
    cache.enable()
    expect(said.filter((text) => text.includes(SECRET))).toEqual([])
  })

  test.each(HELD)('where Redis is away: %s as `redis`', async (_what, held) => {
    const said: string[] = []
    const note = (detail: unknown): void => void said.push(inspect(detail, { depth: 20, showHidden: true }))
    try {
      const away = createKeyedCache({
        redis: held,
        keyPrefix: 'a',
        redisTimeout: '50ms',
        logger: logger(said) as never,
      })
      opened.push(away)
      away.on('error', ({ operation, error }) => note({ operation, error: reasonOf(error) }))
      away.on('state', note)
      await away.get('a', { default: 0 })
      await away.require()
    } catch (error) {
      note(error)
    }
    expect(said.length).toBeGreaterThan(0)
    expect(said.filter((text) => text.includes(SECRET))).toEqual([])
  })

  test('as the path of a Redis, where errors of Node repeat it', async () => {
    const said: string[] = []
    const redis = { path: `redis://me:${SECRET}@nowhere:6379` }
    await using away = createKeyedCache({ redis, keyPrefix: 'a', logger: logger(said) as never })
    for (const event of ['error', 'state'] as const)
      away.on(event, (detail) => said.push(inspect(detail, { depth: 20, showHidden: true })))
    said.push(inspect(await away.require().catch((error: unknown) => error), { depth: 20, showHidden: true }))
    await until(() => said.some((line) => line.includes('does not reach')), 'it is told of')
    expect(said.filter((text) => text.includes(SECRET))).toEqual([])
    expect(said.join()).toMatch(/ENOENT/)
  })

  test.each([
    ['AUTH', `redis://default:${SECRET}@`],
    ['EVALSHA', 'redis://'],
    ['SUBSCRIBE', 'redis://'],
  ])('where Redis repeats what it was sent, since %s is renamed', async (command, address) => {
    const renamed = ['--rename-command', command, '', '--rename-command', 'HELLO', '']
    const server = await startRedis({ args: renamed })
    try {
      if (command === 'AUTH') await server.client().config('SET', 'requirepass', SECRET)
      const said: string[] = []
      const redis = `${address}127.0.0.1:${server.port}`
      await using cut = createKeyedCache({ redis, keyPrefix: 'a', near: true, logger: logger(said) as never })
      let failed = 0
      for (const event of ['error', 'state'] as const) {
        cut.on(event, (detail) => {
          failed++
          said.push(inspect(detail, { depth: 20, showHidden: true }))
        })
      }
      await until(async () => {
        await cut.set('a', SECRET)
        said.push(inspect(await cut.require().catch((error: unknown) => error), { depth: 20, showHidden: true }))
        return failed > 0
      }, 'something has failed')
      expect(said.filter((text) => text.includes(SECRET))).toEqual([])
      expect(said.join()).toMatch(/unknown command/)
      expect(said.join()).not.toMatch(/args/)
    } finally {
      await server.close()
    }
  })

  test('as the name of a cache that the dashboard does not have', async () => {
    const app = express().use('/cache', keyedcacheAdmin({ cache, isStaff: () => true }))
    const server = app.listen(0, '127.0.0.1')
    try {
      await new Promise((resolve) => void server.once('listening', resolve))
      const { port } = server.address() as { port: number }
      const response = await fetch(`http://127.0.0.1:${port}/cache/?cache=redis://me:${SECRET}@localhost`)
      expect([response.status, (await response.text()).includes(SECRET)]).toEqual([404, false])
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
})

describe('A wrong option is shown', () => {
  test.each<[unknown, string]>([
    [{ host: 'localhost', password: SECRET }, '{ host, password }'],
    [Object.fromEntries('abcdefghij'.split('').map((name) => [name, 1])), '{ a, b, c, d, e, f, g, h, … }'],
    [{}, '{}'],
    [['a', 1, { password: SECRET }, [SECRET]], "[ 'a', 1, an object, an array of 1 ]"],
    [[], '[]'],
    [async function later() {}, '[AsyncFunction: later]'],
    [() => {}, '[Function: (anonymous)]'],
    [class Shop {}, '[class Shop]'],
    ['redis://me:hunter2@localhost:6379/0', "'redis://…@localhost:6379/0'"],
    ['https://example.org/', "'https://example.org/'"],
    ['me@example.org', "'me@example.org'"],
    [12n, '12n'],
    [Number.NaN, 'NaN'],
    [null, 'null'],
  ])('%o as %s', (value, shown) => {
    expect(show(value)).toBe(shown)
  })

  test('in time that grows with its length, whatever it is made of', () => {
    for (const piece of ['a:', '://', 'a@', 'password=', 'bearer ', '@', 'a://b:c@']) {
      const begin = performance.now()
      masked(piece.repeat(1_000_000))
      expect(performance.now() - begin, piece).toBeLessThan(5000)
    }
  })
})
