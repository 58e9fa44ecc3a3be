import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { routes } from '../../../../src/admin/routes.js'
import type { AuditEvent } from '../../../../src/contract/audit-event.js'
import type { Cache, KeyedCache } from '../../../../src/contract/cache.js'
import { CacheNotRespondingError, NotCachedError } from '../../../../src/contract/errors.js'
import { StoreBackedCache } from '../../../../src/cache/keyed-cache.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../../../src/cache/create-keyed-cache.js'
import { CachedObject } from '../../../../src/default-cache/cached-object.js'
import { RequestCache } from '../../../../src/request/request-cache.js'
import { hashTags } from '../../../../src/stores/redis/shards/hash-tags.js'
import {
  allow,
  commandsOf,
  BY_ITSELF_ON_A_CLUSTER,
  denied,
  documentedRule,
  PASSWORD,
  PREFIX,
  USER,
} from '../../../support/acl.js'
import { linked } from '../../../support/dashboard.js'
import { bannerAfter, confirm } from '../../../support/delete-form.js'
import { inRequest } from '../../../support/in-request.js'
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { page, serving } from '../../../support/serving.js'
import { until } from '../../../support/until.js'

const { dashboard } = serving()
afterEach(() => void vi.restoreAllMocks())

/** The names of an interface's methods. */
type MethodOf<T> = { [M in keyof T]: T[M] extends (...args: any[]) => unknown ? M : never }[keyof T] & string

/** Uses every method of `KeyedCache` that scopes and `req.cache` have too. */
const USES: { readonly [M in MethodOf<Cache>]: (cache: Cache) => unknown } = {
  key: (cache) => expect(cache.key('a', 1)).toMatch(/a::1$/),
  keyUnder: (cache) => expect(cache.keyUnder('a', 1)).toMatch(/a::1$/),
  get: async (cache) => {
    await cache.set('get', { id: 1 })
    expect(await cache.get('get')).toEqual({ id: 1 })
    await expect(cache.get('nothing')).rejects.toThrow(NotCachedError)
  },
  getMany: async (cache) => {
    await cache.setMany([['got::1', 1], ['got::2', 2]]) // prettier-ignore
    expect(await cache.getMany(['got::1', 'got::2', 'nothing'])).toEqual([1, 2, undefined])
  },
  set: async (cache) => {
    expect(await cache.set('set', 1, { ttl: '1m', grace: '1m', tags: ['set', 'other'] })).toBe(true)
    expect(await cache.set('set', 2, { ttl: 0 })).toBe(true)
  },
  setMany: async (cache) => {
    expect(await cache.setMany([['many::1', 1], ['many::2', 2]], { ttl: Infinity, tags: ['many'] })).toBe(true) // prettier-ignore
  },
  has: async (cache) => {
    await cache.set('has', 1)
    expect(await cache.has('has')).toBe(true)
  },
  delete: async (cache) => {
    await cache.setMany(['gone', 'gone::1', 'gone::2', 'gone::2::3'].map((key) => [key, key]))
    expect(await cache.delete('gone::1')).toHaveLength(1)
    expect(await cache.delete('gone', { children: true })).toHaveLength(3)
  },
  getOrSet: async (cache) => {
    const compute = (): string => 'computed'
    expect(await cache.getOrSet('computed', compute, { tags: ['computed'] })).toBe('computed')
    expect(await cache.getOrSet('computed', compute, { tags: ['computed'], refresh: true })).toBe('computed')
    await expect(cache.getOrSet('fails', () => Promise.reject(new Error('own')))).rejects.toThrow('own')
  },
  getOrSetMany: async (cache) => {
    expect(await cache.getOrSetMany(['all::1', 'all::2'], (keys) => keys)).toEqual(['all::1', 'all::2'])
  },
  scope: (cache) => cache.scope('deep', 1).set('a', 1),
}

/** What a use may need besides its cache. */
interface Surroundings {
  /** A cache of the same keys in another client. */
  readonly other: KeyedCache
  open(): KeyedCache
}

/** Uses every other method of `KeyedCache`. */
const OWN_USES: {
  readonly [M in Exclude<MethodOf<KeyedCache>, MethodOf<Cache>>]: (cache: KeyedCache, around: Surroundings) => unknown
} = {
  require: (cache) => cache.require(),
  enable: async (cache) => {
    cache.enable(false)
    expect(await cache.set('off', 1)).toBe(false)
    cache.enable()
  },
  clear: async (cache) => {
    await cache.set('cleared', 1)
    expect(await cache.clear()).toBeGreaterThan(0)
  },
  deleteTag: async (cache) => {
    await cache.setMany([['t::1', 1], ['t::2', 2]], { tags: ['t'] }) // prettier-ignore
    expect((await cache.deleteTag('t')).toSorted()).toEqual(['t::1', 't::2'])
  },
  tagged: async (cache) => {
    await cache.set('tagged', 1, { tags: ['tagged'] })
    expect(await cache.tagged('tagged')).toEqual({ keys: ['tagged'], total: 1 })
  },
  wrap: async (cache) => {
    const square = cache.wrap(async (n: number) => n * n, { name: 'square' })
    expect(await square(3)).toBe(9)
    expect(await square.refresh(3)).toBe(9)
    expect(await square.delete(3)).toEqual(['func::square::3'])
    await square(4)
    expect(await square.clear()).toBe(1)
  },
  keys: async (cache) => {
    await cache.setMany(['k', 'k::1', 'k::2'].map((key) => [key, key]))
    expect((await cache.keys('k')).keys).toEqual(['k', 'k::1', 'k::2'])
    expect((await cache.keys('k', { limit: 1, after: 'k' })).keys).toEqual(['k::1'])
  },
  children: async (cache) => {
    await cache.setMany(['c::1', 'c::1::2', 'c::3::4'].map((key) => [key, key]))
    expect((await cache.children('c')).children.map(({ segment }) => segment)).toEqual(['1', '3'])
  },
  count: async (cache) => {
    await cache.setMany(['n', 'n::1'].map((key) => [key, key]))
    expect(await cache.count('n')).toBe(2)
    expect(await cache.count()).toBeGreaterThan(1)
  },
  entry: async (cache) => {
    await cache.set('entry', 1, { tags: ['entry'] })
    expect(await cache.entry('entry', { value: true })).toMatchObject({ value: 1, tags: ['entry'] })
  },
  bytes: async (cache) => {
    await cache.set('bytes', 1)
    expect((await cache.bytes('bytes'))?.length).toBeGreaterThan(1)
  },
  entries: async (cache) => {
    await cache.set('outlined', 1)
    const [outlined, nothing] = await cache.entries(['outlined', 'nothing'])
    expect(outlined?.size).toBeGreaterThan(1)
    expect(nothing).toBeUndefined()
  },
  computing: async (cache, { other }) => {
    let end: (value: string) => void = () => {}
    const slow = (): Promise<string> => new Promise((resolve) => (end = resolve))
    const both = [cache, other].map((each) => each.getOrSet('slow', slow, { tags: ['slow'] }))
    await until(async () => (await other.computing()).length === 1, 'it is computed')
    end('computed')
    expect(await Promise.all(both)).toEqual(['computed', 'computed'])
  },
  stats: (cache) =>
    until(async () => {
      const { scope, calls } = await cache.stats()
      return scope === 'fleet' && calls > 0
    }, 'the numbers of all processes are counted'),
  audit: (cache) => cache.audit(EVENT),
  activity: async (cache) => {
    await cache.audit(EVENT)
    expect(await cache.activity()).toContainEqual(EVENT)
  },
  on: (cache) => cache.on('hit', () => {}),
  off: (cache) => cache.off('hit', () => {}),
  close: (_cache, { open }) => open().close(),
}

const EVENT: AuditEvent = {
  id: 'an-event',
  time: new Date(),
  phase: 'result',
  actor: 'ann',
  ip: '127.0.0.1',
  mode: 'one',
  target: 'a',
  previewed: 1,
  outcome: 'done',
  deleted: 1,
  ms: 1,
  reason: undefined,
}

/** What of a class is for the other classes alone. */
const INSIDE = ['constructor', 'onChange', 'lookup', 'lookupMany', 'obtain', 'obtainMany']

/** The methods that a class has now, also those of which the tables above know nothing yet. */
function methodsOf({ prototype }: { prototype: object }): string[] {
  const all = Object.entries(Object.getOwnPropertyDescriptors(prototype))
  return all.flatMap(([name, { value }]) => (typeof value === 'function' && !INSIDE.includes(name) ? [name] : []))
}

class Product extends CachedObject() {
  readonly id: number = 1
}

/** Every path of the dashboard, with what is asked for there. */
const PAGES: Readonly<Record<string, readonly string[]>> = {
  '/': [''],
  '/keys': ['', '?view=tree', '?prefix=page', '?view=tree&prefix=page', '?prefix=pag'],
  '/key': [`?k=${linked('page::1')}`, `?k=${linked('page::2')}`],
  '/delete': ['', '?mode=one&key=page::1', '?mode=tree&key=page', '?mode=tag&tag=paged', '?mode=all'],
  '/activity': [''],
  '/metrics': [''],
  '/api/stats': [''],
  '/api/keys': ['', '?prefix=page'],
}

/** Every path that takes changes, with what is confirmed there, one after the other. */
const CHANGES: Readonly<Record<string, readonly string[]>> = {
  '/delete': ['?mode=one&key=page::1', '?mode=tree&key=page', '?mode=tag&tag=paged', '?mode=all'],
}

/* eslint-disable no-await-in-loop -- one after the other */

async function useMethods(cache: KeyedCache, around: Surroundings): Promise<void> {
  for (const use of Object.values(USES)) {
    await use(cache)
    await use(cache.scope('scope'))
    await inRequest((req) => use(req.cache), { cache })
  }
  for (const use of Object.values(OWN_USES)) await use(cache, around)
  class Cached extends CachedObject(Product, { cache }) {}
  const product = new Cached()
  expect(await product.cacheSet()).toBe(true)
  expect(await product.cacheGet()).toEqual(product)
  expect(await product.isCached()).toBe(true)
  expect(await product.cacheReset()).toBe(true)
  expect(await Cached.findCached(2, () => product)).toEqual(product)
  expect(await product.cacheDelete()).toHaveLength(1)
}

async function usePages(cache: KeyedCache): Promise<void> {
  const client = await dashboard({ cache })
  await cache.setMany([['page::1', 1], ['page::2', 2], ['page::2::3', 3], ['else', 4]], { tags: ['paged'] }) // prettier-ignore
  for (const [path, queries] of Object.entries(PAGES))
    for (const query of queries) await page(client, `/cache${path}${query}`)
  for (const [path, queries] of Object.entries(CHANGES)) {
    for (const query of queries) {
      await cache.setMany([['page::1', 1], ['page::2', 2], ['else', 4]], { tags: ['paged'] }) // prettier-ignore
      expect(await bannerAfter(client, await confirm(client, `/cache${path}${query}`))).toMatch(/deleted/i)
    }
  }
}

/** Waits until a read is answered by a copy in the process. */
async function readsNear(cache: KeyedCache): Promise<void> {
  let isNear = false
  cache.on('hit', ({ by }) => (isNear ||= by === 'near'))
  await cache.set('near', 1)
  await until(async () => (await cache.get('near')) === 1 && isNear, 'a copy is near')
}

/** What needs a `db`, or a Cluster that changes. */
const SELDOM = ['select', 'asking', 'readwrite']

/** The commands that some servers were sent, also by scripts, since their statistics were emptied. */
async function commandsUsed(servers: readonly RedisServer[]): Promise<Set<string>> {
  const stats = await Promise.all(servers.map((server) => server.client().info('commandstats')))
  return new Set(stats.flatMap((text) => Array.from(text.matchAll(/^cmdstat_(\S+?):/gm), ([, name = '']) => name)))
}

/** How often they refused what they do not know, since then: no log tells of that. */
async function unknownTo(servers: readonly RedisServer[]): Promise<string[]> {
  const stats = await Promise.all(servers.map((server) => server.client().info('errorstats')))
  return stats.flatMap((text) => text.match(/^errorstat_(?:ERR|NOPERM):.*$/gm) ?? [])
}

describe('The tests of the user of SECURITY.md', () => {
  test('use every method and every page there is', () => {
    expect([...Object.keys(USES), ...Object.keys(OWN_USES)].toSorted()).toEqual(methodsOf(StoreBackedCache).toSorted())
    expect(Object.keys(USES).toSorted()).toEqual(methodsOf(RequestCache).toSorted())
    expect(Object.keys(PAGES).toSorted()).toEqual([...routes.keys()].toSorted())
    const changing = [...routes].flatMap(([path, { post }]) => (post === undefined ? [] : [path]))
    expect(Object.keys(CHANGES).toSorted()).toEqual(changing.toSorted())
  })
})

describe.each(['one server', 'a Cluster'] as const)('The user of SECURITY.md, on %s', (where) => {
  const isCluster = where === 'a Cluster'
  let cluster: RedisCluster | undefined
  let nodes: readonly RedisServer[]
  beforeAll(async () => {
    cluster = isCluster ? await startCluster() : undefined
    nodes = cluster?.nodes ?? [await startRedis()]
  })
  afterAll(async () => {
    await (cluster ?? nodes[0])?.close()
  })

  function open(options: KeyedCacheOptions = {}): KeyedCache {
    const urls = urlsOf(nodes)
    return createKeyedCache({
      redis: isCluster ? urls : urls[0],
      keyPrefix: PREFIX,
      redisTimeout: '5s',
      logger: { info() {}, warn() {}, error() {} },
      ...options,
    })
  }

  async function ready(cache: KeyedCache): Promise<void> {
    const keys = Array.from({ length: 100 }, (_, i) => `ready::${i}`)
    await until(() => cache.setMany(keys.map((key) => [key, key])), 'the cache answers')
    await cache.clear()
  }

  /** The names of a kind that a server keeps: of all shards, or of the only one. */
  async function namesOn(server: RedisServer, kind: RegExp): Promise<string[]> {
    const names = await server.client().keys(`${PREFIX}:*`)
    return names.filter((name) => kind.test(name.slice(PREFIX.length + 1)))
  }

  async function masters(): Promise<readonly RedisServer[]> {
    return cluster?.mastersNow() ?? nodes
  }

  /** Has the cache find its keys again. */
  async function loseIndex(cache: KeyedCache): Promise<void> {
    await cache.clear()
    await cache.set(['p', 1], 1, { tags: ['a'] })
    for (const server of await masters()) {
      const lost = await namesOn(server, /^(?:index|expiry):/)
      for (const name of lost) await server.client().unlink(name)
    }
    expect(await cache.delete('p', { children: true })).toEqual(['p::1'])
    await cache.set(['p', 2], 2)
    expect((await cache.keys()).keys).toEqual(['p::2'])
  }

  /** Has all servers evict entries, and the cache drop their names. */
  async function evict(cache: KeyedCache): Promise<void> {
    const full = await masters()
    try {
      for (const server of full) {
        const used = /used_memory:(\d+)/.exec(await server.client().info('memory'))?.[1]
        await server.client().config('SET', 'maxmemory-policy', 'volatile-lru')
        await server.client().config('SET', 'maxmemory', Number(used) + 2_000_000)
      }
      const large = 'x'.repeat(30_000)
      for (let i = 0; i < 500; i++) await cache.set(['flood', i], large)
      await until(async () => {
        const swept = await Promise.all(full.map(isSwept))
        return swept.every(Boolean)
      }, 'each server was swept after evictions')
    } finally {
      for (const server of full) await server.client().config('SET', 'maxmemory', 0)
    }
  }

  async function isSwept(server: RedisServer): Promise<boolean> {
    const sweeps = await namesOn(server, /^sweep(?:\{|$)/)
    const cursors = await Promise.all(sweeps.map((name) => server.client().hexists(name, 'cursor')))
    return cursors.includes(1)
  }

  test.each([false, true])(
    'may do everything that a cache and its dashboard do, with near: %s, and is denied nothing',
    async (near) => {
      const rule = documentedRule({ near, cluster: isCluster })
      for (const server of await masters()) await server.client().flushall()
      for (const server of nodes) await server.client().config('RESETSTAT')
      await allow(nodes, rule)
      const errors: string[] = []
      {
        await using cache = open({ near })
        await using other = open({ near })
        for (const each of [cache, other]) {
          await ready(each)
          each.on('error', ({ operation, error }) => errors.push(`${operation}: ${String(error)}`))
        }
        await useMethods(cache, { other, open: () => open({ near }) })
        await usePages(cache)
        if (near) await readsNear(cache)
        await loseIndex(cache)
        expect(errors).toEqual([])
        await evict(cache)
        // Also what is done in the background, again and again.
        let unused: string[] = []
        await until(async () => {
          const used = await commandsUsed(nodes)
          unused = commandsOf(rule).filter((name) => !used.has(name) && !SELDOM.includes(name))
          return unused.length === 0
        }, 'every command of the rule was used').catch(() => {})
        expect(unused).toEqual([])
      }
      expect(await denied(nodes)).toEqual([])
      expect(await unknownTo(nodes)).toEqual([])
    },
  )
  /* eslint-enable no-await-in-loop */

  // Without one of those of a Cluster it is not used at all, and nothing else is sent.
  test.each(isCluster ? [[['cluster|slots']], [['cluster|info']]] : [[['client|setname', 'info', 'select']]])(
    'needs what ioredis sends by itself: %j',
    async (left) => {
      // ioredis says there that it goes on without INFO.
      vi.spyOn(console, 'warn').mockImplementation(() => {})
      const rule = documentedRule({ cluster: isCluster })
      await allow(nodes, rule.filter((word) => !left.includes(word.slice(1)))) // prettier-ignore
      const one = { port: nodes[0]?.port ?? 0, username: USER, password: PASSWORD, db: 1 }
      const cache = open(isCluster ? {} : { redis: one })
      const missed = left.map((name) => `toplevel: command ${name}`)
      await until(async () => {
        const log = await denied(nodes)
        return missed.every((line) => log.includes(line))
      }, 'they are denied')
      await cache.close()
    },
  )
})

describe('The user of SECURITY.md, on a Cluster that changes', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.close())

  test('is denied nothing while a slot moves to another master, and when a replica becomes one', async () => {
    await allow(cluster.nodes, documentedRule({ cluster: true }))
    await using cache = createKeyedCache({ redis: urlsOf(cluster.nodes), keyPrefix: PREFIX, redisTimeout: '5s' })
    const keys = Array.from({ length: 60 }, (_, i) => `key::${i}`)
    await until(() => cache.setMany(keys.map((key) => [key, key])), 'the cache answers')
    const [moved = ''] = hashTags(16)
    const source = await cluster.masterOf(moved)
    const target = (await cluster.mastersNow()).find((master) => master !== source)
    await cluster.migrate(moved, target as RedisServer, async () => {
      // One after the other: many in one command are not redirected but asked for again.
      for (const key of keys) expect(await cache.get(key)).toBe(key) // eslint-disable-line no-await-in-loop
    })
    const replica = cluster.nodes.find((node) => !cluster.masters.includes(node))
    await replica?.client().cluster('FAILOVER')
    const sent = Object.keys(BY_ITSELF_ON_A_CLUSTER)
    await until(
      async () => {
        const used = await cluster.commandsUsed()
        return sent.every((name) => used.includes(name))
      },
      `${sent.join(', ')} were sent`,
    )
    await until(() => cache.setMany(keys.map((key) => [key, key])), 'the cache answers')
    expect(await denied(cluster.nodes)).toEqual([])
  })
})

/** The addresses of these servers, with the name and password of the user. */
function urlsOf(servers: readonly RedisServer[]): string[] {
  return servers.map(({ port }) => `redis://${USER}:${PASSWORD}@127.0.0.1:${port}`)
}

describe('The user of SECURITY.md', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
    await allow([server], documentedRule())
  })
  afterAll(() => server.close())

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
    const redis = new Redis({ port: server.port, username: USER, password: PASSWORD, retryStrategy: () => null })
    try {
      const error: unknown = await command(redis).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(Error)
      expect(String(error)).toMatch(/NOPERM|ERR The user executing the script can't|no permission/i)
      expect(await server.client().get('other:secret')).toBe('canary')
    } finally {
      redis.disconnect()
    }
  })

  test('may not be anybody with a wrong password: the cache misses, and tells no password', async () => {
    const wrong = 'canary-of-a-wrong-password'
    const lines: string[] = []
    const log = (line: string): void => void lines.push(line)
    await using cache = createKeyedCache({
      redis: { port: server.port, username: USER, password: wrong },
      keyPrefix: PREFIX,
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
