import { Redis, Cluster } from 'ioredis'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { ImproperlyConfiguredError } from '../../src/contract/errors.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../support/both-stores.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'
import { warningsDuring } from '../support/warnings.js'

const SECRET = 'a-secret-that-nobody-sees'
const WRONG = 'another-secret-that-is-wrong'
const KEY = 'a-key-that-is-somebodys'
const VALUE = 'a-value-that-is-somebodys'

let server: RedisServer
const opened: { close(): unknown }[] = []
beforeEach(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
  await server.close()
})

/** A cache, and all that it tells anybody, as text. */
function open(options: KeyedCacheOptions): { cache: KeyedCache; lines: string[]; told: string[] } {
  const lines: string[] = []
  const told: string[] = []
  const logger = {
    info: (line: string) => void lines.push(`info ${line}`),
    warn: (line: string) => void lines.push(`warn ${line}`),
    error: (line: string) => void lines.push(`error ${line}`),
  }
  const cache = createKeyedCache({ keyPrefix: freshPrefix(), logger, ...options })
  opened.push(cache)
  for (const event of ['error', 'state'] as const) {
    cache.on(event, (detail) => told.push(inspect(detail.error, { depth: 20, showHidden: true, getters: true })))
  }
  return { cache, lines, told }
}

async function failures(calls: readonly Promise<unknown>[]): Promise<string[]> {
  const ended = await Promise.allSettled(calls)
  return ended.flatMap((each) =>
    each.status === 'rejected' ? [inspect(each.reason, { depth: 20, showHidden: true, getters: true })] : [],
  )
}

function callsThatFail(cache: KeyedCache): Promise<unknown>[] {
  return [
    cache.get(KEY, { default: 0 }),
    cache.set(KEY, VALUE),
    cache.delete(KEY),
    cache.clear(),
    cache.keys(),
    cache.require(),
    cache.getOrSet(KEY, () => VALUE),
  ]
}

describe('What a cache tells of its trouble', () => {
  test('holds no password, no key and no value, whatever goes wrong', async () => {
    await server.client().config('SET', 'requirepass', SECRET)
    const [wrong, right] = [WRONG, SECRET].map((password) => `redis://:${password}@127.0.0.1:${server.port}`)
    const { cache: shut, lines, told } = open({ redis: wrong })
    const all = await failures(callsThatFail(shut))
    await until(() => lines.length > 0, 'the cache has noticed')
    expect(lines[0]).toMatch(/^warn .*WRONGPASS/)

    const { cache, lines: more, told: others } = open({ redis: right })
    await until(() => cache.set('a', 1), 'the cache answers')
    await server.client().acl('SETUSER', 'default', '-evalsha', '-eval', '-get')
    all.push(...(await failures(callsThatFail(cache))))
    await server.client().acl('SETUSER', 'default', '+@all')
    await server.kill()
    all.push(...(await failures(callsThatFail(cache))))
    await until(() => more.length > 1, 'the cache has noticed')

    const text = [...all, ...lines, ...told, ...more, ...others].join('\n')
    expect(all.length).toBeGreaterThan(10)
    expect(told.length + others.length).toBeGreaterThan(10)
    for (const secret of [SECRET, WRONG, VALUE]) expect(text).not.toContain(secret)
    expect([...lines, ...more].join('\n')).not.toContain(KEY)
  })

  test('holds no password of a Cluster', async () => {
    const { cache, lines, told } = open({ redis: [`redis://:${WRONG}@127.0.0.1:${server.port}`] })
    await server.client().config('SET', 'requirepass', SECRET)
    const all = await failures(callsThatFail(cache))
    await until(() => lines.length > 0, 'the cache has noticed')
    const text = [...all, ...lines, ...told].join('\n')
    for (const secret of [SECRET, WRONG, VALUE]) expect(text).not.toContain(secret)
  })

  test.each([
    ['a command', ['-eval', '-evalsha'], 'NOPERM .*'],
    ['a command of a script', ['-time'], '.*script.*'],
    ['the names of its prefix', ['resetkeys', '~other:*'], 'NOPERM .*'],
  ])('says where the rights are written down that a Redis user lacks: %s', async (_what, denied, reason) => {
    await server.client().acl('SETUSER', 'poor', 'on', `>${SECRET}`, '~*', '&*', '+@all', ...denied)
    const redis = { host: '127.0.0.1', port: server.port, username: 'poor', password: SECRET }
    const { cache, lines } = open({ redis, name: 'shop' })
    await failures(callsThatFail(cache))
    await until(() => lines.length > 0, 'the cache has noticed')
    const hint = 'the Redis user lacks rights, which “The Redis user” in SECURITY.md lists'
    expect(lines[0]).toMatch(new RegExp(`^warn The cache 'shop' does not reach its Redis \\(${reason}: ${hint}\\)$`))
    const warnings = await warningsDuring('KEYEDCACHE_DOWN', async () => {
      const silent = open({ redis, name: 'other', logger: undefined })
      await failures(callsThatFail(silent.cache))
      await until(() => silent.told.length > 0, 'the cache has noticed')
    })
    expect(warnings).toEqual([expect.stringContaining('SECURITY.md')])
  })

  test('is one line a minute for each kind of what fails in the background', async () => {
    const { cache, lines } = open({ redis: server.url, keyPrefix: 'told' })
    await until(() => cache.set('a', 1), 'the cache answers')
    lines.length = 0
    await server.client().set('told:v:a', 'x')
    for (let i = 0; i < 20; i++) await cache.get('a', { default: 0 }) // eslint-disable-line no-await-in-loop
    await server.client().acl('SETUSER', 'default', '-set')
    let failed = 0
    cache.on('error', ({ operation }) => {
      if (operation === 'upkeep') failed++
    })
    await until(() => failed > 2, 'the upkeep has failed several times')
    await until(() => lines.length === 2, 'it is written, once it is certain that Redis answers')
    expect(lines.toSorted().map((line) => line.replace(/\(.*/, ''))).toEqual([
      'error The cache "default" failed in the background: read ',
      'error The cache "default" failed in the background: upkeep ',
    ])
  })
})

describe('A client that the user made', () => {
  async function warned(client: Redis | Cluster): Promise<string[]> {
    client.on('error', () => {})
    const cache: KeyedCache[] = []
    try {
      return await warningsDuring('KEYEDCACHE_CLIENT', () => {
        cache.push(createKeyedCache({ redis: client, keyPrefix: freshPrefix() }))
      })
    } finally {
      await Promise.all(cache.map((each) => each.close()))
      client.disconnect()
    }
  }

  test('whose settings suit a cache is taken without a word', async () => {
    expect(await warned(new Redis(server.url, { socketTimeout: 1000 }))).toEqual([])
    expect(await warned(new Cluster([server.url], { redisOptions: { socketTimeout: 1000 } }))).toEqual([])
  })

  test('is warned of once, with all that is wrong, and stays as it is', async () => {
    const client = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => null })
    const before = { ...client.options }
    const warnings = await warned(client)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/'default' has settings.*maxRetriesPerRequest.*socketTimeout/)
    expect(client.options).toEqual(before)
  })

  test('is refused where it would give wrong answers', () => {
    const client = new Redis(server.url, { stringNumbers: true, lazyConnect: true })
    expect(() => createKeyedCache({ redis: client, keyPrefix: 'a' })).toThrow(ImproperlyConfiguredError)
    client.disconnect()
  })
})
