import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedcacheAdminOptions } from '../src/admin/admin.js'
import type { KeyedCache } from '../src/contract/cache.js'
import type { Logger } from '../src/contract/events/safe-logger.js'
import { CachedObject } from '../src/default-cache/cached-object.js'
import { createKeyedCache } from '../src/cache/create-keyed-cache.js'
import { codeBlocks } from './support/code-blocks.js'
import { linked, textOf } from './support/dashboard.js'
import { confirm } from './support/delete-form.js'
import { type RedisServer, startRedis } from './support/redis-server.js'
import { serving } from './support/serving.js'
import { until } from './support/until.js'
import { warningsDuring } from './support/warnings.js'

const SECRET = 'a value that stays hidden'
/** Every way in which something that a user gave us may fail. */
const WAYS: [string, () => any][] = [
  ['throws an error', () => fail(new Error('own failure'))],
  ['throws text', () => fail('own failure')],
  ['throws nothing', () => fail(undefined)],
  ['throws what cannot be shown', () => fail(Object.create(null))],
  ['rejects with an error', async () => fail(new Error('own failure'))],
  ['rejects with nothing', async () => fail(undefined)],
  ['rejects later', () => turn().then(() => fail(Symbol('own failure')))],
  ['rejects by a promise of another library', () => new OtherPromise('own failure')],
]

class OtherPromise {
  readonly #reason: string

  constructor(reason: string) {
    this.#reason = reason
  }

  // eslint-disable-next-line unicorn/no-thenable -- what makes it one
  then(_fulfilled: unknown, rejected: (reason: unknown) => void): void {
    rejected(this.#reason)
  }
}

function fail(thrown: unknown): never {
  throw thrown
}

const { dashboard } = serving()
const unhandled: unknown[] = []
const noteUnhandled = (error: unknown): void => void unhandled.push(error)
let cache: KeyedCache
beforeEach(async () => {
  process.on('unhandledRejection', noteUnhandled)
  cache = createKeyedCache()
  await cache.set('a', SECRET)
})
afterEach(async () => {
  await cache.close()
  await turn()
  process.off('unhandledRejection', noteUnhandled)
  expect(unhandled.splice(0)).toEqual([])
})

describe.each(WAYS)('What a user gave us and %s', (_way, failing) => {
  test('as a listener concerns no caller and no other listener', async () => {
    const heard: string[] = []
    for (const event of ['hit', 'miss', 'set', 'delete', 'compute', 'error', 'state'] as const) {
      cache.on(event, failing)
      cache.on(event, () => void heard.push(event))
    }
    const warnings = await warningsDuring('KEYEDCACHE_LISTENER', async () => {
      expect(await cache.get('a')).toBe(SECRET)
      expect(await cache.get('none', { default: 0 })).toBe(0)
      expect(await cache.set('b', 1)).toBe(true)
      expect(await cache.getOrSet('c', () => 2)).toBe(2)
      expect(await cache.delete('b')).toEqual(['b'])
      await turn()
    })
    expect(new Set(heard)).toEqual(new Set(['hit', 'miss', 'set', 'delete', 'compute']))
    expect(warnings).toHaveLength(5)
    expect(warnings[0]).toMatch(/^A listener of the cache event 'hit' failed: ./)
  })

  test('as a logger is a warning, and the cache works on', async () => {
    let server: RedisServer | undefined = await startRedis()
    const logger: Logger = { info: failing, warn: failing, error: failing }
    const { url } = server
    const warnings = await warningsDuring('KEYEDCACHE_LOGGER', async () => {
      await using remote = createKeyedCache({ redis: url, keyPrefix: 'hooks', logger })
      await until(() => remote.set('x', 1), 'the cache answers')
      await server?.close()
      server = undefined
      await until(async () => !(await remote.stats()).backend.up, 'it has noticed that Redis is away')
      expect(await remote.get('x', { default: 'missing' })).toBe('missing')
      await turn()
    })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/^The `logger` of a cache failed, and a line of the log is lost: ./)
  })

  test('as a serializer stores nothing and is a miss', async () => {
    await using own = createKeyedCache({ serializer: { name: 'own', encode: failing, decode: failing } })
    await expect(Promise.resolve(own.set('x', 1)).then(() => 'stored')).rejects.not.toBe('stored')
    expect(await own.getOrSet('x', () => 2)).toBe(2)
    await using half = createKeyedCache({
      serializer: { name: 'half', encode: (value) => Buffer.from(JSON.stringify(value)), decode: failing },
    })
    await half.set('x', 1)
    const errors: string[] = []
    half.on('error', ({ operation }) => void errors.push(operation))
    expect(await half.get('x', { default: 'missing' })).toBe('missing')
    expect(await half.getOrSet('x', () => 2)).toBe(2)
    expect(errors).toContain('read')
  })

  test('as `redact` leaves the value hidden', async () => {
    const client = await dashboard({ cache, redact: failing })
    for (const format of ['json', 'text', 'hex']) {
      const response = await client.get(`/cache/key?k=${linked('a')}&as=${format}`) // eslint-disable-line no-await-in-loop
      const html = await response.text() // eslint-disable-line no-await-in-loop
      expect(response.status).toBe(200)
      expect(html).toContain(format === 'hex' ? '48 69 64 64 65 6e' : 'Hidden')
      expect(html).not.toContain(SECRET)
    }
  })

  test.each<[keyof KeyedcacheAdminOptions, string, number]>([
    ['user', 'staff', 303],
    ['isStaff', 'staff', 403],
    ['isScraper', 'nobody', 303],
    ['loginUrl', 'nobody', 401],
  ])('as `%s` opens nothing, and is no error of the server', async (name, who, status) => {
    const client = await dashboard({ cache, [name]: failing })
    for (const path of ['/', '/keys', '/api/stats', '/metrics', `/key?k=${linked('a')}`]) {
      const isMachine = path === '/metrics' || path === '/api/stats'
      const response = await client.get(`/cache${path}`, { 'x-who': who }) // eslint-disable-line no-await-in-loop
      expect(response.status, path).toBe(isMachine && status === 303 ? 401 : status)
      expect(await response.text()).not.toContain(SECRET) // eslint-disable-line no-await-in-loop
    }
  })

  test('as `readOnly` leaves the dashboard read-only', async () => {
    const client = await dashboard({ cache, readOnly: failing })
    const html = await (await client.get('/cache/')).text()
    expect(textOf(html)).toContain('read-only')
    expect((await client.post('/cache/delete', { mode: 'one', key: 'a' })).status).toBe(403)
    expect(await cache.has('a')).toBe(true)
  })

  test('as `onAudit` keeps a deletion from being done, before it, and changes nothing afterwards', async () => {
    const before = await dashboard({ cache, onAudit: failing })
    const preview = `/cache/delete?mode=one&k=${linked('a')}`
    expect((await confirm(before, preview)).status).toBe(503)
    expect(await cache.has('a')).toBe(true)
    const after = await dashboard({ cache, onAudit: ({ phase }) => (phase === 'result' ? failing() : undefined) })
    expect((await confirm(after, preview)).status).toBe(303)
    expect(await cache.has('a')).toBe(false)
  })
})

describe('What is no hook and asynchronous all the same ends no process', () => {
  const later = async (): Promise<never> => fail(new Error('own failure'))

  test('a `key`', async () => {
    const cached = cache.wrap(async (id: number) => id, { name: 'byKey', key: later as never })
    await expect(cached(1)).rejects.toThrow('Expected `key` to give an array of parts, got a promise')
  })

  test('a `toCache`', async () => {
    class Product extends CachedObject(undefined, { cache }) {
      id = 1
      override toCache(): unknown {
        return later()
      }
    }
    const refusal = 'Expected `toCache` of Product to give its fields at once, got a promise'
    await expect(new Product().cacheSet()).rejects.toThrow(refusal)
    await expect(Product.findCached(1, () => new Product())).rejects.toThrow(refusal)
  })

  test('a listener that gives a function with a `then`, or a promise with one of its own', async () => {
    const gives = [
      // eslint-disable-next-line unicorn/no-thenable -- what makes it one
      () => Object.assign(() => 1, { then: (_: unknown, reject: (reason: unknown) => void) => reject('own') }),
      // eslint-disable-next-line unicorn/no-thenable
      () => Object.assign(later(), { then: () => 'another' }),
    ]
    const warnings = await warningsDuring('KEYEDCACHE_LISTENER', async () => {
      for (const give of gives) {
        const own = createKeyedCache()
        // eslint-disable-next-line typescript/no-misused-promises -- as JavaScript may give it
        own.on('set', give)
        await own.set('a', 1) // eslint-disable-line no-await-in-loop
        await turn() // eslint-disable-line no-await-in-loop
        await own.close() // eslint-disable-line no-await-in-loop
      }
    })
    expect(warnings).toHaveLength(2)
  })
})

describe('What cannot even be looked at', () => {
  const revoked = (): object => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }
  const throwing = (): object =>
    new Proxy(
      {},
      {
        getPrototypeOf: () => fail(revoked()),
      },
    )

  test.each<[string, KeyedcacheAdminOptions]>([
    ['as what `isStaff` gives', { isStaff: throwing }],
    ['as what `isStaff` throws', { isStaff: () => fail(revoked()) }],
    ['as who is signed in', { user: () => fail(throwing()) }],
    ['as an instance of a class without a name', { isStaff: () => new (class { static name = Symbol('x') as never })() }], // prettier-ignore
  ])('%s opens nothing, and is no error of the server', async (_what, options) => {
    const client = await dashboard({ cache, ...options })
    for (const path of ['/', '/metrics']) {
      const response = await client.get(`/cache${path}`, { 'x-who': 'visitor' }) // eslint-disable-line no-await-in-loop
      expect([303, 401, 403]).toContain(response.status)
    }
  })

  test('as what is in the way of the answer is told without a stack', async () => {
    const client = await dashboard({ cache, redact: throwing })
    const response = await client.get(`/cache/key?k=${linked('a')}`)
    expect([response.status, (await response.text()).includes(SECRET)]).toEqual([200, false])
    const broken = new Proxy(cache, { get: (_target, name) => (name === 'stats' ? () => fail(throwing()) : 1) })
    const other = await dashboard({ cache: Object.assign(Object.create(broken), { name: 'x' }) as KeyedCache })
    const answer = await other.get('/cache/api/stats')
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toMatch(/\bat /)
  })
})

describe('What a serializer says of a value that does not decode', () => {
  test('is told to listeners, and neither shown nor logged, since it may hold a piece of the value', async () => {
    const PIECE = 'SSN-123'
    const lines: string[] = []
    const log = (line: string): void => void lines.push(line)
    await using own = createKeyedCache({
      logger: { info: log, warn: log, error: log },
      serializer: {
        name: 'lines',
        encode: (value) => Buffer.from(String(value)),
        decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
      },
    })
    await own.set('x', PIECE)
    let told: unknown
    own.on('error', ({ error }) => void (told = error))
    const client = await dashboard({ cache: own, redact: () => 'Hidden' })
    const html = await (await client.get(`/cache/key?k=${linked('x')}`)).text()
    expect(textOf(html)).toContain("serializer 'lines' could not decode it")
    expect(html).not.toContain(PIECE)
    expect(String((told as Error).cause)).toContain(PIECE)
    await until(() => lines.length > 0, 'it is logged')
    expect(lines.join()).not.toContain(PIECE)
  })
})

describe('An asynchronous hook', () => {
  test('is waited for: what `redact` gives later is shown, and nothing else', async () => {
    const redact = async (key: string): Promise<unknown> => turn({ shown: `${key}, redacted` })
    const client = await dashboard({ cache, redact })
    const html = await (await client.get(`/cache/key?k=${linked('a')}`)).text()
    expect(textOf(html)).toContain('"shown": "a, redacted"')
    expect(html).not.toContain(SECRET)
  })

  test('of a serializer is refused: it has no time', async () => {
    const serializer = { name: 'later', encode: async () => Buffer.from('1') as never, decode: () => 1 }
    await using later = createKeyedCache({ serializer: serializer as never })
    await expect(later.set('x', 1)).rejects.toThrow("Expected serializer 'later' to encode at once, got a promise")
  })
})

describe('isScraper', () => {
  const isScraper = (req: { get(name: string): string | undefined }): boolean =>
    req.get('authorization') === 'Bearer a token of tests'
  const authorization = 'Bearer a token of tests'
  const scraper = { 'x-who': 'nobody', authorization }

  test('opens the metrics, and nothing else, to who is no staff', async () => {
    const client = await dashboard({ cache, isScraper })
    const response = await client.get('/cache/metrics', scraper)
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ])
    expect(await response.text()).toContain('keyedcache_up{cache="default"} 1')
    expect((await client.request('/cache/metrics', { method: 'HEAD', headers: scraper })).status).toBe(200)
    for (const path of ['/', '/keys', '/delete', '/activity', `/key?k=${linked('a')}`, '/assets/dashboard.js']) {
      expect((await client.get(`/cache${path}`, scraper)).status, path).toBe(303) // eslint-disable-line no-await-in-loop
    }
    for (const path of ['/api/stats', '/api/keys', '/metrics/', '/Metrics', '/metrics/x', '/%6detrics', '//metrics']) {
      const other = await client.get(`/cache${path}`, scraper) // eslint-disable-line no-await-in-loop
      expect([303, 401, 404], path).toContain(other.status)
      expect(await other.text()).not.toContain('keyedcache_up') // eslint-disable-line no-await-in-loop
    }
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const other = await client.request('/cache/metrics', { method, headers: scraper }) // eslint-disable-line no-await-in-loop
      expect(other.status, method).toBe(401)
    }
    expect((await client.post('/cache/delete', { mode: 'all' }, scraper)).status).toBe(303)
    expect(await cache.has('a')).toBe(true)
  })

  test('lets nobody else in, and staff as before', async () => {
    const client = await dashboard({ cache, isScraper })
    expect((await client.get('/cache/metrics', { 'x-who': 'nobody' })).status).toBe(401)
    expect((await client.get('/cache/metrics', { 'x-who': 'visitor' })).status).toBe(403)
    expect((await client.get('/cache/metrics', { 'x-who': 'nobody', authorization: `${authorization}x` })).status).toBe(
      401,
    )
    expect((await client.get('/cache/metrics')).status).toBe(200)
  })

  test('opens by a literal `true` alone, also a later one, and says so of anything else', async () => {
    const later = await dashboard({ cache, isScraper: async () => turn(true) })
    expect((await later.get('/cache/metrics', { 'x-who': 'nobody' })).status).toBe(200)
    const warnings = await warningsDuring('KEYEDCACHE_ADMIN_CLOSED', async () => {
      for (const verdict of ['yes', 1, {}, [authorization]]) {
        const client = await dashboard({ cache, isScraper: () => verdict }) // eslint-disable-line no-await-in-loop
        expect((await client.get('/cache/metrics', { 'x-who': 'nobody' })).status).toBe(401) // eslint-disable-line no-await-in-loop
      }
    })
    expect(warnings).toContain(
      'The dashboard denied a request for which `isScraper` gave text: only a literal `true` opens it',
    )
  })

  test('is given by the example in docs/dashboard.md, which opens nothing without a token', async () => {
    const example = codeBlocks('docs/dashboard.md').find(({ code }) => code.includes('isScraper'))?.code ?? ''
    const [, imports = '', body = ''] = /^(import .*?\n)\n(.*)$/s.exec(example) ?? []
    const source = `${imports.replace(/^.* from 'keyedcache'\n/m, '')}export default (app, keyedcacheAdmin) => { ${body} }`
    const { default: mount } = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
      default: (app: object, keyedcacheAdmin: (options: KeyedcacheAdminOptions) => void) => void
    }
    const status = async (sent: string): Promise<number> => {
      let given: KeyedcacheAdminOptions = {}
      mount({ use: () => {} }, (options) => void (given = options))
      const client = await dashboard({ cache, ...given })
      return (await client.get('/cache/metrics', { 'x-who': 'nobody', authorization: sent })).status
    }
    process.env['METRICS_TOKEN'] = 'a token'
    expect([await status('Bearer a token'), await status('Bearer another')]).toEqual([200, 401])
    delete process.env['METRICS_TOKEN']
    expect([await status('Bearer undefined'), await status('Bearer ')]).toEqual([401, 401])
  })

  test('makes no session', async () => {
    const client = await dashboard({ cache, isScraper })
    await client.get('/cache/metrics', scraper)
    expect(client.cookies.size).toBe(0)
  })
})
