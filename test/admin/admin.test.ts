import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from 'express'
import session from 'express-session'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keyedcacheAdmin, type KeyedcacheAdminOptions } from '../../src/admin/admin.js'
import type { KeyedCache } from '../../src/contract/cache.js'
import { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
import { caches, closeCaches, configure } from '../../src/default-cache/configure.js'
import { linked, linksOf, textOf, unescaped } from '../support/dashboard.js'
import { confirm, previewed } from '../support/delete-form.js'
import { atMostMs } from '../support/fault-row.js'
import type { HttpClient } from '../support/http-client.js'
import { startRedis, type RedisServer } from '../support/redis-server.js'
import { application, page, serving } from '../support/serving.js'
import { until } from '../support/until.js'

let cache: KeyedCache
const { serve, url, dashboard } = serving()

beforeEach(() => {
  cache = createKeyedCache()
})

afterEach(async () => {
  await cache.close()
})

it('passes on what fails to the error handler, also in an Express that does not look at what a handler gives', async () => {
  const app = express()
  const dashboardHandler = keyedcacheAdmin({ cache, user: () => ({ isStaff: true }) })
  app.use((_req, res, next) => {
    res.set = () => {
      throw new Error('a broken response')
    }
    next()
  })
  app.use('/cache', (req, res, next) => void dashboardHandler(req, res, next))
  const told: ErrorRequestHandler = (error: Error, _req, res, _next) => void res.status(500).end(error.message)
  const response = await (await serve(app.use(told))).get('/cache/')
  expect([response.status, await response.text()]).toEqual([500, 'a broken response'])
})

describe('the guard', () => {
  it('reads the user from the session when the request has none', async () => {
    const app = express()
    app.use(session({ secret: 'a secret for tests only', resave: false, saveUninitialized: false }))
    app.get('/sign-in', (req, res) => {
      Object.assign(req.session, { user: { name: 'ann', isStaff: true } })
      res.end()
    })
    app.use('/cache', keyedcacheAdmin({ cache }))
    const client = await serve(app)
    expect((await client.get('/cache/')).status).toBe(303)
    await client.get('/sign-in')
    expect(textOf(await page(client, '/cache/'))).toContain('Signed in as ann')
  })

  it('keeps the way back on this site', async () => {
    const site = await url(application('/', { cache }))
    // fetch would take such a path for another host, so it is sent as it is
    for (const path of ['//evil.example/keys', 'http://evil.example/keys', '/\\evil.example/keys']) {
      const asked = request(site, { path, headers: { 'x-who': 'nobody' } }).end()
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      answer.resume()
      expect(answer.headers.location, path).toMatch(/^\/accounts\/login\?next=%2F(?!%2F|%5C)/)
    }
  })

  it('appends next to a sign-in page that has parameters, or is found by a function', async () => {
    const fixed = await dashboard({ cache, loginUrl: '/login?site=1#form' })
    const found = await dashboard({ cache, loginUrl: (req: Request) => `/${req.get('x-who') ?? ''}/login` })
    const headers = { 'x-who': 'nobody' }
    expect((await fixed.get('/cache/', headers)).headers.get('location')).toBe('/login?site=1&next=%2Fcache%2F#form')
    expect((await found.get('/cache/', headers)).headers.get('location')).toBe('/nobody/login?next=%2Fcache%2F')
  })
})

describe('every answer', () => {
  it('asks nothing of the session unless there is a form', async () => {
    const client = await dashboard({ cache })
    await page(client, '/cache/')
    await page(client, '/cache/keys')
    expect(client.cookies.size).toBe(0)
  })
})

describe('the mount', () => {
  it.each(['/', '/cache', '/a/b/cache'])(
    'may be %s: every link leads to a page or a file that is there',
    async (mount) => {
      const client = await serve(application(mount, { cache }))
      await cache.set(['product', 1], 'chair')
      const root = mount === '/' ? '/' : `${mount}/`
      const seen = new Set<string>()
      const todo = [root]
      for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
        if (seen.has(path)) continue
        seen.add(path)
        const response = await client.get(path)
        expect(response.status, path).toBe(200)
        if (!response.headers.get('content-type')?.includes('text/html')) continue
        const html = await response.text()
        const others = Array.from(html.matchAll(/(?:src|action|data-stats)="([^"]*)"/g), ([, link = '']) =>
          unescaped(link),
        )
        for (const link of [...linksOf(html), ...others]) {
          expect(link, `absolute link on ${path}`).not.toMatch(/^(?:\/|[a-z]+:)/)
          const target = new URL(link, `http://host${path}`)
          if (target.pathname === '/' && root !== '/') continue // the way back to the application
          expect(target.pathname.startsWith(root), `${link} on ${path}`).toBe(true)
          todo.push(target.pathname + target.search)
        }
      }
      expect(seen.size).toBeGreaterThan(10)
    },
  )

  it('leads back to the root of the application, or where it is told', async () => {
    const backOf = async (client: HttpClient, path: string): Promise<string | undefined> => {
      const html = await (await client.get(path, { 'x-who': 'visitor' })).text()
      return /<a href="([^"]*)">Back to the application</.exec(html)?.[1]
    }
    const own = await serve(application('/a/b/cache', { cache }))
    for (const [path, link] of [
      ['/a/b/cache', './cache/../../../'],
      ['/a/b/cache/', './../../../'],
      ['/a/b/cache/keys', './../../../'],
      ['/a/b/cache/assets/x', '../../../../'],
    ] as const) {
      expect(await backOf(own, path)).toBe(link)
      expect(new URL(link, `http://host${path}`).pathname).toBe('/')
    }
    expect(await backOf(await serve(application('/', { cache })), '/')).toBeUndefined()
    expect(await backOf(await dashboard({ cache, homeUrl: '/shop?a&b' }), '/cache/')).toBe('/shop?a&amp;b')
    expect(await backOf(await dashboard({ cache, homeUrl: '' }), '/cache/')).toBeUndefined()
  })

  it('leads from the mount without slash to itself, relatively and with its parameters', async () => {
    const client = await serve(application('/a/b/cache', { cache }))
    const response = await client.get('/a/b/cache?cache=default')
    expect([response.status, response.headers.get('location')]).toEqual([308, './cache/?cache=default'])
    const keys = await client.get('/a/b/cache/keys/?limit=5')
    expect([keys.status, keys.headers.get('location')]).toEqual([308, '../keys?limit=5'])
    for (const path of ['api/stats', 'api/keys', 'metrics']) {
      const answer = await client.get(`/a/b/cache/${path}/?x=1`)
      const { pathname, search } = new URL(answer.headers.get('location') ?? '', `http://host/a/b/cache/${path}/`)
      expect([answer.status, pathname + search]).toEqual([308, `/a/b/cache/${path}?x=1`])
    }
  })

  it('shows its refusals to staff with all styles, and to others with those that say nothing of the cache', async () => {
    const client = await dashboard({ cache })
    const toStaff = await (await client.get('/cache/a/b')).text()
    const styles = linksOf(toStaff).filter((link) => link.includes('.css'))
    expect(styles).toHaveLength(2)
    for (const style of styles) {
      expect((await client.get(new URL(style, 'http://host/cache/a/').pathname)).status).toBe(200)
    }
    const toVisitor = await (await client.get('/cache', { 'x-who': 'visitor' })).text()
    const [style = '', ...more] = linksOf(toVisitor).filter((link) => link.includes('assets'))
    expect(more).toEqual([])
    expect(toVisitor).toContain('<meta name="color-scheme" content="light dark">')
    expect(toVisitor).not.toContain('<script')
    for (const who of ['visitor', 'nobody']) {
      const loaded = await client.get(new URL(style, 'http://host/cache').pathname, { 'x-who': who })
      expect([loaded.status, loaded.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8'])
      expect((await client.post('/cache/assets/base.css', {}, { 'x-who': who })).status).toBe(405)
    }
    expect((await client.get('/cache/assets/dashboard.css', { 'x-who': 'visitor' })).status).toBe(403)
  })

  it('has the same header on every page, also on those that say what is wrong', async () => {
    const client = await dashboard({ cache, readOnly: true })
    const headers: string[] = []
    for (const path of [
      '',
      'keys',
      `key?k=${linked('none')}`,
      'delete',
      'activity',
      'nowhere',
      'a/b',
      'keys?limit=x',
      '?cache=x',
    ]) {
      const html = await (await client.get(`/cache/${path}`)).text()
      headers.push(textOf(/<header.*?<\/header>/s.exec(html)?.[0] ?? ''))
      expect(textOf(html), path).toContain('This dashboard is read-only. The application has made')
    }
    expect(new Set(headers)).toEqual(
      new Set([' Cache admin Overview Keys Delete Activity Backend: up Signed in as staff Back to the application ']),
    )
  })

  it('serves files that may be kept, under names that change with their content', async () => {
    const client = await dashboard({ cache })
    const style = linksOf(await page(client, '/cache/')).find((link) => link.includes('dashboard.css')) ?? ''
    expect(style).toMatch(/^\.\/assets\/dashboard\.css\?v=[\w-]{12}$/)
    const response = await client.get(`/cache/${style}`)
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
  })

  it('serves files that are asked for by the name of another version as they are now, to be asked for again', async () => {
    const app = application('/cache', { cache }).disable('etag')
    const client = await serve(app)
    for (const search of ['', '?v=', '?v=of-tomorrow', '?v=x&v=y', '?v[]=x', '?other']) {
      const response = await client.get(`/cache/assets/dashboard.css${search}`)
      expect([search, response.status, response.headers.get('cache-control')]).toEqual([
        search,
        200,
        'private, no-cache',
      ])
      const tag = response.headers.get('etag') ?? ''
      expect(tag).toMatch(/^"[\w-]{12}"$/)
      const again = await client.get(`/cache/assets/dashboard.css${search}`, {
        'if-none-match': tag,
        'cache-control': 'max-age=0', // fetch would ask for no-cache
      })
      expect([again.status, await again.text()]).toEqual([304, ''])
    }
  })
})

describe('Overview', () => {
  it('says that there were no calls, in words', async () => {
    const text = textOf(await page(await dashboard({ cache }), '/cache/'))
    expect(text).toContain('Hit rate — No calls yet')
    expect(text).not.toMatch(/NaN|Infinity|undefined|null/)
  })

  it('shows calls, hits, misses, hit rate and keys, as the API does', async () => {
    await cache.set(['product', 1], 'chair')
    for (let call = 0; call < 100; call++) await cache.get(['product', call < 93 ? 1 : call], { default: null })
    const client = await dashboard({ cache })
    const text = textOf(await page(client, '/cache/'))
    expect(text).toContain('Hit rate 93.0 % of 100 calls')
    expect(text).toContain('Calls 100 Hits 93 Misses 7 Keys 1')
    expect(text).toContain('product 100 93 93.0 %')
    const stats: unknown = await (await client.get('/cache/api/stats')).json()
    expect(stats).toMatchObject({ calls: 100, hits: 93, misses: 7, hitRate: 0.93, keys: 1, backend: { up: true } })
  })

  it.each([
    [300, '5 minutes (300 s)'],
    [3600, '1 hour (3,600 s)'],
    ['250ms', '250 ms'],
    [Infinity, 'never expires'],
  ])('shows the default timeout %s as “%s”', async (ttl, text) => {
    const other = createKeyedCache({ ttl })
    expect(textOf(await page(await dashboard({ cache: other }), '/cache/'))).toContain(`Default timeout ${text}`)
    await other.close()
  })

  it('says when the cache is disabled', async () => {
    cache.enable(false)
    expect(textOf(await page(await dashboard({ cache }), '/cache/'))).toContain(
      'This cache is disabled in this process',
    )
  })

  it('shows title and environment', async () => {
    const html = await page(await dashboard({ cache, title: 'Shop <cache>', environment: 'staging' }), '/cache/')
    expect(html).toContain('<title>Overview – Shop &lt;cache&gt;</title>')
    expect(textOf(html)).toContain('staging')
  })
})

describe('Keys', () => {
  beforeEach(async () => {
    for (let id = 0; id < 120; id++) await cache.set(['product', id], { id })
    await cache.set('product', 'all of them')
    await cache.set(['product', 1, 'reviews'], [])
    await cache.set(['production', 1], 'another group')
  })

  it('lists every key once, in order, page by page', async () => {
    const client = await dashboard({ cache })
    const found: string[] = []
    let next: string | undefined = './keys?limit=50'
    let pages = 0
    while (next !== undefined) {
      const html: string = await page(client, new URL(next, 'http://host/cache/').href.slice('http://host'.length))
      expect(textOf(html)).toContain('123 keys')
      found.push(
        ...Array.from(html.matchAll(/<th scope="row"><a [^>]*><bdi class="key">([^<]*)/g), ([, key = '']) => key),
      )
      next = /rel="next" href="([^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&')
      pages++
    }
    expect(pages).toBe(3)
    expect(found).toEqual((await cache.keys(undefined, { limit: 1000 })).keys)
  })

  it('finds by whole parts', async () => {
    const client = await dashboard({ cache })
    const text = textOf(await page(client, '/cache/keys?prefix=product::1'))
    expect(text).toContain('2 keys at and below this one')
    expect(text).toContain('product::1::reviews')
    expect(text).not.toMatch(/product::1\d/)
    const none = await page(client, '/cache/keys?prefix=prod')
    expect(textOf(none)).toContain('No key starts with “ prod ”')
    expect(linksOf(none)).toContain('./keys')
  })

  it('stays below 60 kB unless more keys are asked for than by default, of which a page takes up to 1,000', async () => {
    await cache.clear()
    const parts = Array.from({ length: 150 }, (_, i) => ['catalogue', 'product', `c0ffee-4242-${i}`, 'price'])
    for (const part of parts) await cache.set(part, 'v')
    for (const part of parts) await cache.set(part.slice(0, 3), 'v')
    const client = await dashboard({ cache })
    for (const query of ['', 'view=tree&prefix=catalogue::product']) {
      expect(Buffer.byteLength(await page(client, `/cache/keys?${query}`))).toBeLessThanOrEqual(60_000)
    }
    const rows = (html: string): number => html.match(/<tr><th scope="row">/g)?.length ?? 0
    for (const where of ['keys', 'api/keys']) {
      for (const limit of ['0', '-1', 'many', '1001', '1e3']) {
        const answer = await client.get(`/cache/${where}?limit=${limit}`)
        expect([limit, answer.status, await answer.text()]).toEqual([limit, 400, expect.stringContaining('from 1 to')])
      }
      for (const limit of [1, 61, 1000]) expect((await client.get(`/cache/${where}?limit=${limit}`)).status).toBe(200)
    }
    expect(rows(await page(client, '/cache/keys?limit=61'))).toBe(61)
    expect(rows(await page(client, '/cache/keys?limit=1000'))).toBe(300)
    expect(rows(await page(client, '/cache/keys?limit=1000&view=tree&prefix=catalogue::product'))).toBe(300)
  })

  it('has a tree by levels, with counts, in which a key that is a group too stands as both', async () => {
    const client = await dashboard({ cache })
    const top = textOf(await page(client, '/cache/keys?view=tree'))
    expect(top).toMatch(
      /product group 121 Delete all product product key in 5 minutes \d+ bytes Delete product production group 1/,
    )
    const html = await page(client, '/cache/keys?view=tree&prefix=product&limit=60')
    expect(textOf(html)).toMatch(/ 1 group 1 Delete all 1 1 key in 5 minutes \d+ bytes Delete 1 10 key/)
    expect(linksOf(html)).toContain('./keys?view=tree&limit=60&prefix=product%3A%3A1')
  })

  it('says in a sentence that a page is beyond the end, and that nothing is cached', async () => {
    const client = await dashboard({ cache })
    expect(textOf(await page(client, '/cache/keys?after=zzz'))).toContain('beyond the last key')
    await cache.clear()
    expect(textOf(await page(client, '/cache/keys'))).toContain('Nothing cached yet')
  })

  it('gives machines the same pages', async () => {
    const client = await dashboard({ cache })
    const first = (await (await client.get('/cache/api/keys?prefix=product&limit=60')).json()) as Record<
      string,
      unknown
    >
    expect(first).toEqual(JSON.parse(JSON.stringify(await cache.keys('product', { limit: 60 }))))
    const after = encodeURIComponent(String(first['next']))
    const second = (await (await client.get(`/cache/api/keys?prefix=product&limit=62&after=${after}`)).json()) as object
    expect(second).toMatchObject({ total: 122, keys: { length: 62 } })
  })
})

describe('one key', () => {
  it('shows parts, time and value, and counts as no call', async () => {
    await cache.set(['product', 'a::b'], { name: 'chair', at: [1, null] }, { ttl: 7200 })
    await cache.set(['product', 'a::b', 'reviews'], 1)
    const client = await dashboard({ cache })
    const html = await page(client, `/cache/key?k=${linked('product::a%3A%3Ab')}`)
    const text = textOf(html)
    expect(text).toContain('product a::b')
    expect(text).toMatch(/Expires in 2 hours/)
    expect(text).toContain('State fresh')
    expect(text).toContain('Delete this key and its 1 child')
    expect(unescaped(html)).toContain('{\n  "name": "chair",\n  "at": [\n    1,\n    null\n  ]\n}')
    expect((await cache.stats()).calls).toBe(0)
  })

  it('shows what JSON cannot say, and cuts what is long', async () => {
    await cache.set(
      'map',
      new Map<unknown, unknown>([
        ['date', new Date(0)],
        ['big', 1n],
      ]),
      { ttl: Infinity },
    )
    await cache.set('long', 'x'.repeat(100_000))
    const client = await dashboard({ cache })
    const map = textOf(await page(client, `/cache/key?k=${linked('map')}`))
    expect(map).toContain("Map(2) { 'date' => 1970-01-01T00:00:00.000Z, 'big' => 1n }")
    expect(map).toContain('never expires')
    const long = await page(client, `/cache/key?k=${linked('long')}`)
    expect(textOf(long)).toContain('Cut: the first 64 KiB of 97.7 KiB')
    expect(long.length).toBeLessThan(80_000)
  })

  it('hides what is named like a secret, and lets the application decide instead', async () => {
    await cache.set('user::1', { name: 'ann', passwordHash: 'abc', deep: [{ authToken: 'def' }], author: 'shown' })
    await cache.set('session::1', { any: 'ghi' })
    const client = await dashboard({ cache })
    const user = textOf(await page(client, `/cache/key?k=${linked('user::1')}`))
    expect(user).toContain('"passwordHash": "Hidden"')
    expect(user).not.toMatch(/abc|def/)
    expect(user).toContain('"author": "shown"')
    expect(textOf(await page(client, `/cache/key?k=${linked('session::1')}`))).not.toContain('ghi')
    const own = await dashboard({ cache, redact: (key, value) => ({ key, kind: typeof value }) })
    expect(textOf(await page(own, `/cache/key?k=${linked('session::1')}`))).toContain('"kind": "object"')
    const failing = await dashboard({
      cache,
      redact: () => {
        throw new Error('no')
      },
    })
    expect(textOf(await page(failing, `/cache/key?k=${linked('session::1')}`))).toContain('Hidden')
  })
})

describe('several caches', () => {
  it('show by their tabs which of them is down', async () => {
    const redis = await startRedis()
    const logger = { info() {}, warn() {}, error() {} }
    const remote = createKeyedCache({ name: 'remote', redis: redis.url, keyPrefix: 'tabs', logger })
    try {
      await until(() => remote.set('a', 1), 'the cache is there')
      const client = await dashboard({ caches: [cache, remote] })
      const tabs = async (): Promise<string> =>
        textOf(/<nav class="caches".*?<\/nav>/s.exec(await page(client, '/cache/activity'))?.[0] ?? '')
      expect(await tabs()).toBe(' default remote ')
      await redis.kill()
      await until(async () => !(await remote.stats()).backend.up, 'the cache knows that Redis is down')
      expect(await tabs()).toBe(' default remote down ')
      const html = await page(client, '/cache/keys')
      expect(textOf(html)).toContain('Backend: up')
      expect(html).not.toContain('role="alert"')
    } finally {
      await remote.close()
      await redis.close()
    }
  })

  it('are chosen by the parameter cache, which every link keeps', async () => {
    const other = createKeyedCache({ name: 'other' })
    await cache.set('mine', 1)
    await other.set('yours', 1)
    for (const given of [{ caches: [cache, other] }, { caches: { default: cache, other } }]) {
      const client = await dashboard(given)
      expect(textOf(await page(client, '/cache/keys'))).toContain('mine')
      const html = await page(client, '/cache/keys?cache=other')
      expect(textOf(html)).toContain('yours')
      expect(linksOf(html)).toContain(`./key?k=${linked('yours')}&cache=other`)
      expect(linksOf(html)).toContain('./?cache=other')
    }
    const client = await dashboard({ caches: [cache, other] })
    expect((await confirm(client, '/cache/delete?mode=all&cache=other')).status).toBe(303)
    expect([await cache.count(), await other.count()]).toEqual([1, 0])
    await other.close()
  })

  it('are the configured ones when none are given, looked up for each request', async () => {
    const client = await dashboard({})
    try {
      configure({ caches: { default: {}, second: {} } })
      await caches('second').set('there', 1)
      expect(textOf(await page(client, '/cache/keys?cache=second'))).toContain('there')
      configure({ caches: { default: {}, second: {} }, alias: 'second' })
      await caches().set('anew', 1)
      expect(textOf(await page(client, '/cache/keys'))).toContain('anew')
      expect(textOf(await page(client, '/cache/keys?cache=default'))).toContain('Nothing cached yet')
    } finally {
      await closeCaches()
    }
  })
})

describe('the options', () => {
  it.each([
    [{ isstaff: () => true }, /no option `isstaff`\. Did you mean `isStaff`\?/],
    [{ redacts: () => 1 }, /Did you mean `redact`\?/],
    [{ color: 'red' }, /no option `color`\. The options are: cache, caches/],
    [{ cache: {} }, /`cache` of keyedcacheAdmin to be a cache .*, got \{\}/],
    [{ caches: [] }, /`caches` .* at least one cache, got \[\]/],
    [{ caches: { a: 1 } }, /`caches` .*, got 1/],
    [{ isStaff: true }, /`isStaff` .* a function, got true/],
    [{ user: 'ann' }, /`user` .* a function, got 'ann'/],
    [{ homeUrl: 1 }, /`homeUrl` .* text, got 1/],
    [{ loginUrl: '' }, /`loginUrl` .* text or a function, got ''/],
    [{ readOnly: 'yes' }, /`readOnly` .*, got 'yes'/],
    [{ trustedOrigins: ['example.org'] }, /`trustedOrigins` .*, got 'example\.org'/],
    [{ trustedOrigins: ['https://example.org/'] }, /`trustedOrigins` .*, got 'https:\/\/example\.org\/'/],
    [{ title: '' }, /`title` .*, got ''/],
    [null, /the options .* an object, got null/],
  ])('%o are a TypeError that says why', (options, message) => {
    const call = (): unknown => keyedcacheAdmin(options as KeyedcacheAdminOptions)
    expect(call).toThrow(TypeError)
    expect(call).toThrow(message)
  })

  it('are not a cache: that says what to write', () => {
    expect(() => keyedcacheAdmin(cache as KeyedcacheAdminOptions)).toThrow(
      new TypeError('Expected the options of keyedcacheAdmin, got a cache: write `keyedcacheAdmin({ cache })`'),
    )
  })

  it('are not a request: mounting without parentheses says what to write', async () => {
    const app = express()
    app.use('/cache', keyedcacheAdmin as unknown as RequestHandler)
    const answer = await (await serve(app)).get('/cache/')
    expect(answer.status).toBe(500)
    expect(unescaped(await answer.text())).toContain(
      "TypeError: Expected the options of keyedcacheAdmin, got a request: write `app.use('/cache', keyedcacheAdmin())`, with parentheses",
    )
  })

  it('may be absent or undefined', () => {
    expect(keyedcacheAdmin()).toBeTypeOf('function')
    expect(keyedcacheAdmin({ cache: undefined, isStaff: undefined, readOnly: undefined })).toBeTypeOf('function')
  })
})

describe('with Redis down', () => {
  let redis: RedisServer
  let remote: KeyedCache

  beforeAll(async () => {
    redis = await startRedis()
  })

  afterAll(async () => {
    await redis.close()
  })

  it('every page answers within a second, with a sentence', async () => {
    remote = createKeyedCache({
      redis: redis.url,
      keyPrefix: 'admin-test',
      logger: { info() {}, warn() {}, error() {} },
    })
    try {
      await until(() => remote.set(['product', 1], 'chair'), 'the cache answers')
      const client = await dashboard({ cache: remote })
      const form = await previewed(client, '/cache/delete?mode=all')
      expect(textOf(await page(client, '/cache/'))).toContain('Redis: up')
      await redis.kill()
      await until(async () => !(await remote.stats()).backend.up, 'the cache knows that Redis is down')
      const expected: [string, number, RegExp][] = [
        ['/', 200, /Backend down since \d{4}-\d\d-\d\d .* Keys unavailable/],
        ['/keys?prefix=abc', 503, /The cache does not respond/],
        ['/keys?view=tree', 503, /The cache does not respond/],
        [`/key?k=${linked('product::1')}`, 503, /The cache does not respond/],
        ['/delete', 503, /Backend down since .* Nothing can be deleted now\./],
        ['/delete?mode=all', 503, /The cache does not respond/],
        ['/api/stats', 200, /"up":false/],
        ['/api/keys', 503, /does not respond/],
      ]
      for (const [path, status, sentence] of expected) {
        const startMs = performance.now()
        const response = await client.get(`/cache${path}`)
        expect(performance.now() - startMs, path).toBeLessThan(atMostMs(1000))
        expect(response.status, path).toBe(status)
        const text = await response.text()
        expect(textOf(text), path).toMatch(sentence)
        if (!path.startsWith('/api')) {
          expect(textOf(text), path).toContain('Backend: down')
          expect(text.match(/<div role="alert" class="notice danger"/g), path).toHaveLength(1)
          expect(text, path).not.toMatch(/<form method="post"|name="mode"/)
        }
        if (path === '/') expect(textOf(text)).toContain('Computing now unavailable')
        if (path.startsWith('/keys?prefix')) expect(text).toContain('value="abc"')
      }
      const post = await client.post(form.path, form.fields)
      expect(post.status).toBe(503)
      expect(textOf(await post.text())).toContain('Nothing was deleted')
    } finally {
      await remote.close()
    }
  })
})
