import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { ImproperlyConfiguredError } from '../../src/contract/errors.js'
import type { Logger } from '../../src/contract/events/safe-logger.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import { caches, closeCaches, configure, type KeyedCacheConfiguration } from '../../src/default-cache/configure.js'
import { cacheEnabled, cacheGet, cacheSet } from '../../src/default-cache/functions.js'
import { freshPrefix } from '../support/both-stores.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'
import { warningsDuring } from '../support/warnings.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(() => {
  for (const name of ['REDIS_URL', 'KEYEDCACHE_KEY_PREFIX', 'KEYEDCACHE_TTL', 'KEYEDCACHE_ALIAS'])
    vi.stubEnv(name, undefined)
})
afterEach(async () => {
  await closeCaches()
  vi.unstubAllEnvs()
})

const opened: KeyedCache[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})

function open(options: KeyedCacheOptions): KeyedCache {
  const cache = createKeyedCache(options)
  opened.push(cache)
  return cache
}

describe('The options of a cache', () => {
  test.each<[string, unknown, RegExp]>([
    ['redis', '', /`redis`/],
    ['redis', 'localhost:6379', /`redis`.*got text without `redis:\/\/` in front/],
    ['redis', 'http://localhost', /`redis`.*got text of another kind, http:/],
    ['redis', 6379, /`redis`.*6379/],
    ['redis', null, /`redis`.*null/],
    ['keyPrefix', '', /`keyPrefix`.*''/],
    ['keyPrefix', 'a b', /`keyPrefix`.*'a b'/],
    ['keyPrefix', 'a:b', /`keyPrefix`.*'a:b'/],
    ['keyPrefix', 'a\n', /`keyPrefix`/],
    ['keyPrefix', 'é', /`keyPrefix`/],
    ['keyPrefix', 'x'.repeat(65), /`keyPrefix`.*64/],
    ['keyPrefix', null, /`keyPrefix`.*null/],
    ['keyPrefix', 5, /`keyPrefix`.*5/],
    ['ttl', -1, /`ttl`.*-1/],
    ['ttl', NaN, /`ttl`.*NaN/],
    ['ttl', '300', /`ttl`.*'300'/],
    ['ttl', null, /`ttl`.*null/],
    ['grace', '5 minutes', /`grace`.*'5 minutes'/],
    ['lease', -1, /`lease`.*-1/],
    ['maxCompute', 'soon', /`maxCompute`.*'soon'/],
    ['retryAfter', -1, /`retryAfter`.*-1/],
    ['retryAfter', '2h', /`retryAfter` to be at most 1 hour, got '2h'$/],
    ['retryAfter', 5000, /`retryAfter`.*got 5000: numbers are seconds, '5000ms' is milliseconds/],
    ['redisTimeout', 0, /`redisTimeout`.*0/],
    ['redisTimeout', Infinity, /`redisTimeout`.*Infinity$/],
    ['redisTimeout', 5000, /`redisTimeout`.*got 5000: numbers are seconds, '5000ms' is milliseconds/],
    ['lease', 10_000, /`lease`.*got 10000: numbers are seconds, '10000ms' is milliseconds/],
    ['lease', '2h', /`lease`.*got '2h'$/],
    ['upkeep', 'none', /`upkeep` to be 'shared' or 'low', got 'none'$/],
    ['upkeep', true, /`upkeep` to be 'shared' or 'low', got true$/],
    ['maxEntries', 0, /`maxEntries`.*0/],
    ['maxEntries', 1.5, /`maxEntries`.*1\.5/],
    ['maxBytes', -1, /`maxBytes`.*-1/],
    ['maxBytes', '64mb', /`maxBytes`.*'64mb'/],
    ['maxValueBytes', NaN, /`maxValueBytes`.*NaN/],
    ['serializer', {}, /`serializer`.*\{\}/],
    ['serializer', 'json', /serializer.*'json'/],
    [
      'serializer',
      { name: '', encode: () => Buffer.from(''), decode: () => 1 },
      /`serializer` to have a name.*{ name, encode, decode }/,
    ],
    ['near', [], /`near`.*\[\]/],
    ['near', { entries: 5 }, /`entries` of near.*maxEntries/],
    ['fallback', 'yes', /`fallback`.*'yes'/],
    ['fallback', null, /`fallback`.*null/],
    ['fallback', { ttl: 0 }, /`fallback.ttl`.*above 0/],
    ['fallback', { maxEntries: 1.5 }, /`fallback.maxEntries`.*1.5/],
    ['fallback', { entries: 5 }, /`entries` of fallback.*maxEntries/],
    ['name', '', /`name`.*''/],
    ['name', 5, /`name`.*5/],
    ['logger', {}, /`logger`.*\{\}/],
    ['logger', 'console', /logger.*'console'/],
    ['ttls', 5, /`ttls`.*ttl/],
    ['constructor', 5, /`constructor`/],
  ])('are checked at once: %s cannot be %j', (option, value, message) => {
    const create = (): KeyedCache => createKeyedCache({ [option]: value })
    expect(create).toThrow(TypeError)
    expect(create).toThrow(message)
  })

  test.each<[unknown, string]>([
    ['redis://:hunter2@localhost', 'got a URL: write `createKeyedCache({ redis: url })`'],
    [new Redis({ lazyConnect: true }), 'got a client: write `createKeyedCache({ redis: client })`'],
    [
      { host: 'a', port: 1 },
      '`host` says how Redis is reached, and is no option of createKeyedCache: write `createKeyedCache({ redis: { host: … } })`',
    ],
    [
      { url: 'redis://:hunter2@a' },
      '`url` says how Redis is reached, and is no option of createKeyedCache: write `createKeyedCache({ redis: url })`',
    ],
    [{ ttls: 5 }, 'no option `ttls` of createKeyedCache: did you mean `ttl`? it knows redis, '],
    [{ keyPrefx: 'a' }, 'did you mean `keyPrefix`?'],
    [{ expires: 5 }, 'no option `expires` of createKeyedCache: it knows redis, '],
  ])('say what was meant: %o', (options, said) => {
    const wrong = (): KeyedCache => createKeyedCache(options as KeyedCacheOptions)
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(said)
    expect(wrong).not.toThrow(/hunter2/)
  })

  test.each<[unknown]>([[5], ['text'], [null], [[]]])('cannot be %j as a whole', (options) => {
    expect(() => createKeyedCache(options as KeyedCacheOptions)).toThrow(/options of createKeyedCache/)
  })

  test('do not show the password of a URL that is wrong', () => {
    const wrong = (): KeyedCache => createKeyedCache({ redis: 'http://:secret@localhost' })
    expect(wrong).toThrow(TypeError)
    expect(wrong).not.toThrow(/secret/)
  })

  test('may each be undefined', async () => {
    const names = [
      'redis',
      'keyPrefix',
      'ttl',
      'grace',
      'lease',
      'maxCompute',
      'retryAfter',
      'redisTimeout',
      'maxEntries',
      'maxBytes',
    ]
    const others = ['maxValueBytes', 'serializer', 'upkeep', 'name', 'logger']
    const cache = open(Object.fromEntries([...names, ...others].map((name) => [name, undefined])))
    expect(await cache.set('a', 1)).toBe(true)
    expect(cache).toMatchObject({ name: 'default', ttl: 300, enabled: true })
  })

  test('may name Redis by a URL or by options', async () => {
    const keyPrefix = freshPrefix()
    const one = open({ redis: server.url, keyPrefix, redisTimeout: '5s' })
    const two = open({ redis: { host: '127.0.0.1', port: server.port }, keyPrefix, redisTimeout: '5s' })
    await one.set('a', 1)
    expect(await two.get('a')).toBe(1)
  })

  test('take a prefix of each sign that is allowed', () => {
    expect(() => open({ keyPrefix: 'Az09._-' })).not.toThrow()
    expect(() => open({ keyPrefix: 'x'.repeat(64) })).not.toThrow()
  })

  test('name a Cluster by URLs of its nodes, and by nothing else', () => {
    for (const redis of [[], [''], ['x'], [server.url, 'x'], [server.url, 6379], ['http://x']]) {
      expect(() => createKeyedCache({ redis: redis as string[], keyPrefix: 'x' })).toThrow(/`redis` to list URLs like/)
    }
  })

  test('use the serializer that is given, and its entries are no answer to another', async () => {
    const keyPrefix = freshPrefix()
    const serializer = {
      name: 'json',
      encode: (value: unknown) => Buffer.from(JSON.stringify(value)),
      decode: (bytes: Buffer): unknown => JSON.parse(bytes.toString()),
    }
    const one = open({ redis: server.url, keyPrefix, redisTimeout: '5s', serializer })
    const two = open({ redis: server.url, keyPrefix, redisTimeout: '5s' })
    await one.set('a', { b: 1 })
    expect(await one.get('a')).toEqual({ b: 1 })
    expect(await two.get('a', { default: 'nothing' })).toBe('nothing')
  })

  test('tell the logger that Redis is reached, or else nobody', async () => {
    const lines: string[] = []
    const logger: Logger = {
      info: (line) => lines.push(`info ${line}`),
      warn: (line) => lines.push(`warn ${line}`),
      error: (line) => lines.push(`error ${line}`),
    }
    await open({ redis: server.url, keyPrefix: freshPrefix(), name: 'mine', redisTimeout: '5s', logger }).require()
    expect(lines).toEqual(["info The cache 'mine' reaches its Redis"])
  })
})

describe('A ttl of 0', () => {
  test('disables the cache, with a warning that names it', async () => {
    const warnings = await warningsDuring('KEYEDCACHE_DISABLED', async () => {
      const cache = open({ ttl: 0, name: 'mine' })
      expect(cache.enabled).toBe(false)
      expect(await cache.set('a', 1)).toBe(false)
      expect(await cache.getOrSet('a', () => 2)).toBe(2)
    })
    expect(warnings).toEqual([expect.stringMatching(/'mine'.*`ttl`.*0/)])
    expect(await warningsDuring('KEYEDCACHE_DISABLED', () => open({ ttl: '1ms' }))).toEqual([])
  })
})

describe('In production, a cache that lacks the Redis that was meant', () => {
  beforeEach(() => {
    vi.stubEnv('NODE_ENV', 'production')
  })
  const warned = (make: () => unknown): Promise<string[]> => warningsDuring('KEYEDCACHE_EMBEDDED', make)

  test('is warned of once, where `redis` is given as undefined', async () => {
    expect(await warned(() => open({ redis: process.env['REDIS_URL'], name: 'mine' }))).toEqual([
      "The cache 'mine' is kept in each process for itself, and deletes do not reach the others, since its `redis` is undefined: " +
        'set what it is read from, or leave `redis` out where one process is all there is',
    ])
    expect(await warned(() => configure({ caches: { default: { redis: undefined } } }))).toHaveLength(1)
  })

  test('is warned of once, where the default cache is made without REDIS_URL', async () => {
    for (const url of [undefined, '']) {
      vi.stubEnv('REDIS_URL', url)
      // oxlint-disable-next-line no-await-in-loop -- each is made when the one before is closed
      const warnings = await warned(async () => {
        await cacheSet('a', 1)
        await cacheGet('a')
      })
      expect(warnings).toEqual([
        expect.stringMatching(
          /'default'.*in each process.*deletes do not reach.*REDIS_URL.*redis:\/\/host:6379.*configure/,
        ),
      ])
      await closeCaches() // oxlint-disable-line no-await-in-loop
    }
  })

  test('is not where `redis` is not mentioned, nor where there is one', async () => {
    expect(await warned(() => open({}))).toEqual([])
    expect(await warned(() => configure({ caches: { default: {}, other: { ttl: 5 } } }))).toEqual([])
    expect(await warned(() => open({ redis: server.url, keyPrefix: freshPrefix() }))).toEqual([])
    await closeCaches()
    vi.stubEnv('REDIS_URL', server.url)
    vi.stubEnv('KEYEDCACHE_KEY_PREFIX', freshPrefix())
    expect(await warned(() => caches())).toEqual([])
  })

  test('is not in development', async () => {
    vi.stubEnv('NODE_ENV', 'development')
    expect(await warned(() => open({ redis: undefined }))).toEqual([])
    expect(await warned(() => caches())).toEqual([])
  })
})

describe('Without a keyPrefix', () => {
  test('Redis is refused in production', () => {
    vi.stubEnv('NODE_ENV', 'production')
    expect(() => createKeyedCache({ redis: server.url })).toThrow(ImproperlyConfiguredError)
    expect(() => createKeyedCache({ redis: server.url })).toThrow(
      expect.objectContaining({
        code: 'ERR_IMPROPERLY_CONFIGURED',
        message: expect.stringMatching(/`keyPrefix`.*KEYEDCACHE_KEY_PREFIX/),
      }),
    )
    expect(() => open({ redis: server.url, keyPrefix: 'given' })).not.toThrow()
    expect(() => open({})).not.toThrow()
  })

  test('Redis is used under `keyedcache` elsewhere, with a warning', async () => {
    const warnings = await warningsDuring('KEYEDCACHE_KEY_PREFIX', async () => {
      const cache = open({ redis: server.url, redisTimeout: '5s' })
      await cache.set('a', 1)
      expect(await server.client().exists('keyedcache:v:a')).toBe(1)
      await cache.clear()
    })
    expect(warnings).toHaveLength(1)
    expect(await warningsDuring('KEYEDCACHE_KEY_PREFIX', () => open({}))).toEqual([])
  })

  test('a wrong `redis` is told of first, without a warning', async () => {
    const warnings = await warningsDuring('KEYEDCACHE_KEY_PREFIX', () => {
      expect(() => createKeyedCache({ redis: 6379 as never })).toThrow(/`redis`.*6379/)
    })
    expect(warnings).toEqual([])
    vi.stubEnv('NODE_ENV', 'production')
    expect(() => createKeyedCache({ redis: 'localhost' })).toThrow(/`redis`/)
  })
})

describe('configure', () => {
  test('makes caches by alias, and gives the default one', async () => {
    const cache = configure({ caches: { default: { ttl: 60 }, sessions: { ttl: 10, name: 'other name' } } })
    expect(cache).toBe(caches())
    expect(cache).toBe(caches('default'))
    expect(cache).toMatchObject({ name: 'default', ttl: 60 })
    expect(caches('sessions')).toMatchObject({ name: 'other name', ttl: 10 })
    await cacheSet('a', 1)
    expect(await cache.get('a')).toBe(1)
    expect(await caches('sessions').has('a')).toBe(false)
  })

  test('names a cache after its alias', () => {
    configure({ caches: { default: {}, sessions: {} } })
    expect(caches('sessions').name).toBe('sessions')
    configure({ caches: { default: {}, b: { name: undefined } } })
    expect(caches('b').name).toBe('b')
    expect(() => configure({ caches: { default: { name: null as never } } })).toThrow(/`name`.*null/)
  })

  test('takes the default cache by `alias`, else by KEYEDCACHE_ALIAS, else `default`', () => {
    const config = { caches: { default: {}, one: {}, two: {} } }
    expect(configure(config).name).toBe('default')
    expect(configure({ ...config, alias: 'one' }).name).toBe('one')
    vi.stubEnv('KEYEDCACHE_ALIAS', 'two')
    expect(configure(config).name).toBe('two')
    expect(caches().name).toBe('two')
    expect(configure({ ...config, alias: 'one' }).name).toBe('one')
    vi.stubEnv('KEYEDCACHE_ALIAS', '')
    expect(configure(config).name).toBe('default')
  })

  test('warns of an unknown alias and falls back to `default`', async () => {
    const config = { caches: { default: {}, one: {} } }
    const given = await warningsDuring('KEYEDCACHE_ALIAS', () => {
      expect(configure({ ...config, alias: 'nothing' }).name).toBe('default')
    })
    expect(given).toEqual([expect.stringContaining("'nothing'")])
    vi.stubEnv('KEYEDCACHE_ALIAS', '__proto__')
    const fromEnvironment = await warningsDuring('KEYEDCACHE_ALIAS', () => {
      expect(configure(config).name).toBe('default')
    })
    expect(fromEnvironment).toEqual([expect.stringContaining("'__proto__'")])
  })

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /`caches`/],
    ['null', null, /null/],
    ['no caches', {}, /`caches`.*undefined/],
    ['caches that are none', { caches: 'redis://localhost' }, /`caches`.*'redis/],
    ['no cache', { caches: {} }, /`caches`.*\{\}/],
    ['options that are none', { caches: { default: 'redis://localhost' } }, /cache default.*'redis/],
    ['a wrong option', { caches: { default: { ttl: -1 } } }, /`ttl`.*-1/],
    ['an alias that is no text', { caches: { default: {} }, alias: 5 }, /`alias`.*5/],
    ['an unknown option', { caches: { default: {} }, aliases: 'a' }, /`aliases`/],
  ])('throws a TypeError for %s', (_what, config, message) => {
    expect(() => configure(config as KeyedCacheConfiguration)).toThrow(TypeError)
    expect(() => configure(config as KeyedCacheConfiguration)).toThrow(message)
  })

  test.each(['redis', 'ttl', 'keyPrefix', 'near'])('says where the option `%s` of a cache belongs', (option) => {
    const wrong = (): KeyedCache => configure({ [option]: 'redis://:hunter2@localhost' } as never)
    expect(wrong).toThrow(
      new TypeError(
        `\`${option}\` is an option of a cache, not of configure: write \`configure({ caches: { default: { ${option}: … } } })\``,
      ),
    )
  })

  test('asks for a cache with the alias `default`, and names those there are', () => {
    expect(() => configure({ caches: { one: {}, two: {} } })).toThrow(
      new ImproperlyConfiguredError(
        "There is no cache with the alias 'default', only 'one', 'two': choose the default one by the option `alias`",
      ),
    )
    expect(() => configure({ caches: { one: {} }, alias: 'three' })).toThrow(/no cache with the alias 'three'.*'one'/)
  })

  test('leaves the caches as they were when it throws', async () => {
    const cache = configure({ caches: { default: {} } })
    await cache.set('a', 1)
    expect(() => configure({ caches: { default: {}, one: { ttl: -1 } } })).toThrow(TypeError)
    expect(caches()).toBe(cache)
    expect(await cacheGet('a')).toBe(1)
  })

  test('closes the caches of the call before', async () => {
    const name = freshPrefix()
    const connections = async (): Promise<number> =>
      ((await server.client().client('LIST')) as string).split('\n').filter((line) => line.includes('name=keyedcache'))
        .length
    await until(async () => (await connections()) === 0, 'no other cache is connected')
    const first = configure({ caches: { default: { redis: server.url, keyPrefix: name, redisTimeout: '5s' } } })
    await first.require()
    expect(await connections()).toBeGreaterThan(0)
    const second = configure({ caches: { default: {} } })
    expect(caches()).toBe(second)
    await until(async () => (await connections()) === 0, 'the connections of the first are closed')
  })
})

describe('A cache that does not close', () => {
  test('is told of by a warning with a code', async () => {
    const first = configure({ caches: { default: {} } })
    const close = vi.spyOn(first, 'close').mockRejectedValue(new Error('stuck'))
    const warnings = await warningsDuring('KEYEDCACHE_CLOSE', () => configure({ caches: { default: {} } }))
    expect(warnings).toEqual([expect.stringContaining('stuck')])
    close.mockRestore()
    await first.close()
  })
})

describe('caches', () => {
  test.each(['unknown', '', '__proto__', 'toString'])(
    'throws for the unknown alias %j, and names those there are',
    (alias) => {
      configure({ caches: { default: {}, one: {} } })
      expect(() => caches(alias)).toThrow(ImproperlyConfiguredError)
      expect(() => caches(alias)).toThrow(/'default', 'one'/)
    },
  )

  test('throws for an unknown alias also without configure', () => {
    expect(() => caches('unknown')).toThrow(ImproperlyConfiguredError)
  })

  test('begins anew from the environment after closeCaches', async () => {
    const first = configure({ caches: { default: { ttl: 5 } } })
    await closeCaches()
    await closeCaches()
    expect(caches()).not.toBe(first)
    expect(caches().ttl).toBe(300)
  })
})

describe('Without configure, the default cache', () => {
  test('is in the embedded store, for 300 s', async () => {
    expect(caches()).toMatchObject({ name: 'default', ttl: 300, enabled: true })
    await cacheSet('a', 1)
    expect(await cacheGet('a')).toBe(1)
    expect((await caches().stats()).backend.kind).toBe('memory')
    expect(caches()).toBe(caches('default'))
  })

  test('reads REDIS_URL and KEYEDCACHE_KEY_PREFIX', async () => {
    const keyPrefix = freshPrefix()
    vi.stubEnv('REDIS_URL', server.url)
    vi.stubEnv('KEYEDCACHE_KEY_PREFIX', keyPrefix)
    await until(() => cacheSet('a', 1), 'the value is stored')
    expect(await server.client().exists(`${keyPrefix}:v:a`)).toBe(1)
    expect((await caches().stats()).backend.kind).toBe('redis')
  })

  test.each([
    ['60', 60],
    ['5m', 300],
    ['0.5', 0.5],
    [' 60 ', 60],
    ['', 300],
    ['  ', 300],
  ])('reads KEYEDCACHE_TTL: %j', (text, seconds) => {
    vi.stubEnv('KEYEDCACHE_TTL', text)
    expect(caches().ttl).toBe(seconds)
  })

  test('warns of variables that nothing reads, by their names', async () => {
    vi.stubEnv('KEYEDCACHE_PREFIX', 'hunter2')
    vi.stubEnv('KEYEDCACHE_REDIS_URL', 'redis://:hunter2@a')
    const warnings = await warningsDuring('KEYEDCACHE_ENVIRONMENT', () => caches())
    expect(warnings).toEqual([
      'Nothing reads KEYEDCACHE_PREFIX, KEYEDCACHE_REDIS_URL: the default cache knows REDIS_URL, KEYEDCACHE_KEY_PREFIX, ' +
        'KEYEDCACHE_TTL, KEYEDCACHE_ALIAS, and all else is given to `configure`',
    ])
    expect(await warningsDuring('KEYEDCACHE_ENVIRONMENT', () => configure({ caches: { default: {} } }))).toEqual([])
  })

  test('is disabled by a KEYEDCACHE_TTL of 0', async () => {
    vi.stubEnv('KEYEDCACHE_TTL', '0')
    expect(await warningsDuring('KEYEDCACHE_DISABLED', () => expect(cacheEnabled()).toBe(false))).toHaveLength(1)
  })

  test.each(['-1', 'abc', '5minutes', '-Infinity'])('refuses a KEYEDCACHE_TTL of %j, by its name', async (text) => {
    vi.stubEnv('KEYEDCACHE_TTL', text)
    expect(() => caches()).toThrow(TypeError)
    expect(() => caches()).toThrow(`KEYEDCACHE_TTL is '${text}': expected seconds`)
    await expect(cacheGet('a', { default: null })).rejects.toThrow(TypeError)
  })

  test('says which units KEYEDCACHE_TTL may have', () => {
    vi.stubEnv('KEYEDCACHE_TTL', '5minutes')
    expect(() => caches()).toThrow(/the units are ms, s, m, h, d, w, y$/)
  })

  test('refuses a KEYEDCACHE_KEY_PREFIX, by its name', () => {
    vi.stubEnv('KEYEDCACHE_KEY_PREFIX', 'a b')
    expect(() => caches()).toThrow(
      new TypeError("KEYEDCACHE_KEY_PREFIX is 'a b': expected 1 to 64 of A-Z a-z 0-9 . _ -"),
    )
  })

  test.each([
    [':hunter2@localhost:6379', 'text without `redis://` in front: write redis://host:6379'],
    ['"redis://:hunter2@localhost"', 'text in quotes: leave the quotes out'],
    ['   ', 'text that is empty: say where Redis is'],
    ['redis://:hunter2@localhost/cache', 'a URL whose database cache is no number: write redis://host:6379/0'],
  ])('refuses a REDIS_URL, by its name and without its password: %j', async (url, what) => {
    vi.stubEnv('REDIS_URL', url)
    const refusal = new TypeError(`Expected REDIS_URL to be a URL like redis://host:6379, got ${what}`)
    expect(() => caches()).toThrow(refusal)
    await expect(cacheGet('a', { default: null })).rejects.toThrow(refusal)
  })

  test('reads KEYEDCACHE_ALIAS, of which it knows only `default`', async () => {
    vi.stubEnv('KEYEDCACHE_ALIAS', 'nothing')
    const warnings = await warningsDuring('KEYEDCACHE_ALIAS', () => {
      expect(caches().name).toBe('default')
    })
    expect(warnings).toEqual([expect.stringContaining("'nothing'")])
  })

  test('is refused in production with Redis and no prefix, by a rejection where a promise is returned', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    vi.stubEnv('REDIS_URL', server.url)
    expect(() => caches()).toThrow(ImproperlyConfiguredError)
    await expect(cacheGet('a')).rejects.toThrow(ImproperlyConfiguredError)
    vi.stubEnv('KEYEDCACHE_KEY_PREFIX', freshPrefix())
    expect(caches().enabled).toBe(true)
  })
})
