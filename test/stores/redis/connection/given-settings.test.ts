import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createKeyedCache, type KeyedCacheOptions } from '../../../../src/cache/create-keyed-cache.js'
import { reasonOf } from '../../../../src/checks/reason.js'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { ImproperlyConfiguredError } from '../../../../src/contract/errors.js'
import { ENDED } from '../../../../src/stores/redis/reasons/attempts.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'
import { warningsDuring } from '../../../support/warnings.js'

let folder: string
let socket: string
let server: RedisServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyedcache settings '))
  socket = join(folder, 'redis.sock')
  server = await startRedis({ args: ['--unixsocket', socket] })
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

const opened: { close: () => unknown }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
})

const quiet = { info: () => {}, warn: () => {}, error: () => {} }

function open(redis: NonNullable<KeyedCacheOptions['redis']>, keyPrefix: string = freshPrefix()): KeyedCache {
  const cache = createKeyedCache({ redis, keyPrefix, logger: quiet })
  opened.push(cache)
  return cache
}

function client(options: object = {}): Redis {
  const made = new Redis(server.url, { socketTimeout: 5000, ...options }).on('error', () => {})
  opened.push({ close: () => made.disconnect() })
  return made
}

describe('Settings that are right', () => {
  test.each<[string, () => NonNullable<KeyedCacheOptions['redis']>]>([
    ['a URL', () => `redis://127.0.0.1:${server.port}`],
    ['a URL with white space around it', () => ` ${server.url}\n`],
    ['a URL in capitals', () => `REDIS://127.0.0.1:${server.port}`],
    ['a URL with database 0', () => `${server.url}/0`],
    ['a URL with settings', () => `${server.url}?family=4&connectTimeout=500&lazyConnect=true&connectionName=mine`],
    ['unix: and a path', () => `unix:${socket}`],
    ['unix:// and an encoded path', () => `unix://${encodeURI(socket)}?db=0`],
    ['the path as option', () => ({ path: socket })],
    ['a port as text', () => ({ host: '127.0.0.1', port: String(server.port) as never })],
    ['options that are undefined', () => ({ host: '127.0.0.1', port: server.port, db: undefined, tls: undefined })],
    ['no TLS', () => ({ host: '127.0.0.1', port: server.port, tls: false as never })],
    ['an instance of a class of the application', () => new (class { host = '127.0.0.1'; port = server.port })()], // prettier-ignore
    ['the options of another client', () => ({ ...client().options })],
    ['a client', () => client()],
    ['a client that connects later', () => client({ lazyConnect: true })],
  ])('work without a word: %s', async (_what, redis) => {
    const keyPrefix = freshPrefix()
    const warnings = await warningsDuring('KEYEDCACHE_CLIENT', async () => {
      const cache = open(redis(), keyPrefix)
      await until(() => cache.set('a', 1), 'it is stored')
    })
    expect(warnings).toEqual([])
    expect(await server.client().exists(`${keyPrefix}:v:a`)).toBe(1)
  })
})

describe('Settings that ioredis takes otherwise than they look', () => {
  test('without a host are warned of, since that means localhost', async () => {
    const warnings = await warningsDuring('KEYEDCACHE_CLIENT', async () => {
      const cache = open({ port: server.port })
      await until(() => cache.set('a', 1), 'it is stored')
    })
    expect(warnings).toEqual([expect.stringContaining('without `host` ioredis takes localhost: write where Redis is')])
  })

  test.each([
    ['maxRetriesPerRequest', 'keeps what was given up in memory'],
    ['retryStrategy', 'lost for good'],
  ])('are warned of: `%s: null`', async (name, said) => {
    const warnings = await warningsDuring('KEYEDCACHE_CLIENT', () =>
      open({ host: '127.0.0.1', port: server.port, [name]: null }),
    )
    expect(warnings).toEqual([expect.stringContaining(said)])
  })

  test('are refused of a client: what gives wrong answers', () => {
    expect(() => open(client({ role: 'slave', lazyConnect: true }))).toThrow(ImproperlyConfiguredError)
    const cluster = new Cluster([server.url], { lazyConnect: true, redisOptions: { db: 1 } })
    opened.push({ close: () => cluster.disconnect() })
    expect(() => open(cluster)).toThrow('a Cluster has database 0 alone')
  })

  test('are refused of a client that only subscribes or monitors', async () => {
    const subscriber = client({ protocol: 2 })
    await subscriber.subscribe('a')
    expect(() => open(subscriber)).toThrow(TypeError)
    expect(() => open(subscriber)).toThrow('got one in the mode subscriber: give one that does nothing else')
    expect(() => open(client({ monitor: true, lazyConnect: true }))).toThrow('got one in the mode monitor')
  })

  test('are told of in the state, of a client that is closed', async () => {
    const closed = client()
    await closed.quit()
    await until(() => closed.status === 'end', 'it has ended')
    const cache = open(closed)
    const states: unknown[] = []
    cache.on('state', ({ up, error }) => states.push([up, reasonOf(error)]))
    expect(await cache.get('a', { default: 0 })).toBe(0)
    expect(states).toEqual([[false, ENDED]])
  })
})

describe('A strategy of the user that fails', () => {
  /** A port on which nothing listens. */
  const NOWHERE = { host: '127.0.0.1', port: 1 }

  test.each([
    ['retryStrategy', NOWHERE],
    ['sentinelRetryStrategy', { sentinels: [NOWHERE], name: 'mymaster' }],
  ])('ends nothing, and is warned of once: %s', async (name, where) => {
    let calls = 0
    const warnings = await warningsDuring('KEYEDCACHE_CLIENT', async () => {
      open({
        ...where,
        [name]: () => {
          calls++
          throw new Error('broken password=hunter2')
        },
      })
      await until(() => calls >= 2, 'it was tried again')
    })
    expect(warnings).toEqual([
      `The \`${name}\` of \`redis\` has thrown, and what the cache does without it is done: broken password=…`,
    ])
  })

  test('ends nothing where it is asked whether to connect again', async () => {
    const warnings = await warningsDuring('KEYEDCACHE_CLIENT', async () => {
      const cache = open({
        host: '127.0.0.1',
        port: server.port,
        reconnectOnError: () => {
          throw new Error('broken')
        },
      })
      await until(() => cache.set('a', 1), 'it is stored, though the first EVALSHA may be refused')
      await server.client().script('FLUSH')
      await until(() => cache.set('a', 2), 'it is stored, though the script was forgotten')
    })
    expect(warnings).toEqual([expect.stringContaining('`reconnectOnError` of `redis` has thrown')])
  })

  test.each([0, -5, Number.NaN])('has a pause of %d: it is tried again, but not without a pause', async (pause) => {
    let calls = 0
    const startMs = performance.now()
    open({ ...NOWHERE, retryStrategy: () => (calls++, pause) })
    await until(() => calls >= 3, 'it was tried again')
    expect(performance.now() - startMs).toBeGreaterThan(35)
  })
})
