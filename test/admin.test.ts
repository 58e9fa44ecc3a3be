import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import express, { type Express, type Request } from 'express'
import session from 'express-session'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keyedcacheAdmin, type KeyedcacheAdminOptions } from '../src/admin/admin.js'
import type { KeyedCache } from '../src/cache/cache.js'
import { createKeyedCache } from '../src/create-keyed-cache.js'
import { caches, closeCaches, configure } from '../src/defaults/configure.js'
import { HttpClient } from './support/http-client.js'
import { listen, type Listening } from './support/listen.js'
import { startRedis, type RedisServer } from './support/redis-server.js'
import { until } from './support/until.js'

const PAGES = ['/', '/keys', '/key?k=cHJvZHVjdA', '/delete', '/delete?mode=all', '/assets/dashboard.css', '/nowhere']
const API = ['/api/stats', '/api/keys']

let cache: KeyedCache
const open: Listening[] = []

beforeEach(() => {
  cache = createKeyedCache()
})

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
  await cache.close()
})

/** An application whose visitors say by a header who they are: `staff` (also without a header), `visitor` or `nobody`. */
function application(mount: string, options: KeyedcacheAdminOptions = { cache }, withSession = true): Express {
  const app = express()
  if (withSession) app.use(session({ secret: 'a secret for tests only', resave: false, saveUninitialized: false }))
  app.use((req, _res, next) => {
    const who = req.get('x-who') ?? 'staff'
    if (who !== 'nobody') Object.assign(req, { user: { name: who, isStaff: who === 'staff' } })
    next()
  })
  app.use(mount, keyedcacheAdmin(options))
  app.get('/host', (_req, res) => void res.send('the page of the host'))
  return app
}

async function serve(app: Express): Promise<HttpClient> {
  const server = await listen(app)
  open.push(server)
  return new HttpClient(server.url)
}

async function dashboard(options: KeyedcacheAdminOptions = { cache }): Promise<HttpClient> {
  return serve(application('/cache', options))
}

async function page(client: HttpClient, path: string): Promise<string> {
  const response = await client.get(path)
  expect(response.status, path).toBe(200)
  return response.text()
}

/** The text of a page: without markup, entities read, white space as one blank. */
function textOf(html: string): string {
  return unescape(html.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ')
}

function unescape(html: string): string {
  const names: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&', '#34': '"', '#39': "'" }
  return html.replace(/&(#?\w+);/g, (entity, name: string) => names[name] ?? entity)
}

function links(html: string): string[] {
  return Array.from(html.matchAll(/href="([^"]*)"/g), ([, href = '']) => unescape(href))
}

function encoded(key: string): string {
  return Buffer.from(key).toString('base64url')
}

function field(html: string, name: string): string {
  return unescape(new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? '')
}

/** Confirms a deletion: loads its preview and posts the form that is there. */
async function confirm(client: HttpClient, path: string, headers: Record<string, string> = {}): Promise<Response> {
  const html = await page(client, path)
  const action = unescape(/<form method="post" action="([^"]*)"/.exec(html)?.[1] ?? '')
  expect(action).not.toBe('')
  const fields = { _csrf: field(html, '_csrf'), previewed: field(html, 'previewed') }
  return client.post(new URL(action, `http://host${path}`).href.slice('http://host'.length), fields, headers)
}

describe('the guard', () => {
  it('sends strangers to the sign-in page, with the way back, from every page', async () => {
    const client = await dashboard()
    await cache.set('product', 1)
    for (const path of PAGES) {
      const response = await client.get(`/cache${path}`, { 'x-who': 'nobody' })
      expect(response.status, path).toBe(303)
      expect(response.headers.get('location')).toBe(`/accounts/login?next=${encodeURIComponent(`/cache${path}`)}`)
      expect(await response.text()).toBe('')
    }
    const bare = await client.get('/cache', { 'x-who': 'nobody' })
    expect(bare.headers.get('location')).toBe('/accounts/login?next=%2Fcache')
  })

  it('tells machines 401 in JSON', async () => {
    const client = await dashboard()
    for (const path of API) {
      const response = await client.get(`/cache${path}`, { 'x-who': 'nobody' })
      expect(response.status, path).toBe(401)
      expect(response.headers.get('content-type')).toContain('application/problem+json')
    }
    const asJson = await client.get('/cache/', { 'x-who': 'nobody', accept: 'application/json' })
    expect(asJson.status).toBe(401)
  })

  it('answers 403 to who is signed in but not staff, with no key in it', async () => {
    const client = await dashboard()
    await cache.set('product', 1)
    for (const path of [...PAGES, ...API]) {
      const response = await client.get(`/cache${path}`, { 'x-who': 'visitor' })
      expect(response.status, path).toBe(403)
      expect(await response.text()).not.toContain('product')
    }
    expect(textOf(await (await client.get('/cache/', { 'x-who': 'visitor' })).text())).toContain('Signed in as visitor')
  })

  it.each([
    ['no', () => 'no'],
    ['1', () => 1],
    ['undefined', () => undefined],
    ['a promise of false', async () => false],
    ['a promise of 1', async () => 1],
    [
      'a throw',
      () => {
        throw new Error('no database')
      },
    ],
    [
      'a rejection',
      async () => {
        throw new Error('no database')
      },
    ],
  ])('denies when isStaff gives %s', async (_name, isStaff) => {
    const client = await dashboard({ cache, isStaff })
    expect((await client.get('/cache/')).status).toBe(403)
  })

  it('admits when isStaff gives true, at once or later, also without a user', async () => {
    for (const isStaff of [() => true, async () => true]) {
      const client = await dashboard({ cache, isStaff })
      expect((await client.get('/cache/api/stats', { 'x-who': 'nobody' })).status).toBe(200)
    }
  })

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

  it('asks nothing of the cache, and reads no body, before it has admitted', async () => {
    const asked: (string | symbol)[] = []
    const watched = new Proxy(cache, {
      get(target, name) {
        asked.push(name)
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    const client = await dashboard({ cache: watched })
    asked.length = 0
    for (const path of [...PAGES, ...API]) {
      await client.get(`/cache${path}`, { 'x-who': 'nobody' })
      await client.post(`/cache${path}`, { a: 'x'.repeat(100_000) }, { 'x-who': 'visitor' })
    }
    expect(asked).toEqual([])
    await client.get('/cache/')
    expect(asked).not.toEqual([])
  })

  it('keeps the way back on this site', async () => {
    const server = await listen(application('/'))
    open.push(server)
    // fetch would take such a path for another host, so it is sent as it is
    for (const path of ['//evil.example/keys', 'http://evil.example/keys', '/\\evil.example/keys']) {
      const asked = request(server.url, { path, headers: { 'x-who': 'nobody' } }).end()
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
  it('has strict headers, and leaves those of the host alone', async () => {
    const client = await dashboard()
    for (const path of ['/', '/keys', '/api/stats', '/nowhere', '/keys?limit=x']) {
      const { headers } = await client.get(`/cache${path}`)
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';" +
          "form-action 'self';base-uri 'none';frame-ancestors 'none'",
      )
      expect(headers.get('referrer-policy')).toBe('same-origin')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-robots-tag')).toContain('noindex')
      expect(headers.get('strict-transport-security')).toBeNull()
      expect(headers.get('x-powered-by')).toBeNull()
    }
    const host = await client.get('/host')
    expect(host.headers.get('content-security-policy')).toBeNull()
    expect(host.headers.get('x-powered-by')).toBe('Express')
  })

  it('is 405 with Allow for another method, and 404 for another path, by pages of its own', async () => {
    const client = await dashboard()
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const response = await client.request('/cache/delete', { method })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('GET, HEAD, POST')
    }
    const post = await client.post('/cache/keys', { a: 'b' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    for (const path of ['/nowhere', '/a/b/c', '/%E0%A4%A', '/assets/../package.json', '/assets/nothing.css', '/Keys']) {
      const response = await client.get(`/cache${path}`)
      expect(response.status, path).toBe(404)
      expect(textOf(await response.text())).toContain('There is no page at this address')
    }
  })

  it.each([
    ['/key?k=a&k=b', 400],
    ['/key?k[x]=1', 400],
    ['/key?k[]=1', 400],
    ['/key', 400],
    ['/key?k=', 400],
    ['/key?k=***', 400],
    ['/key?k=AP8', 400],
    ['/key?k=cHJv*ZHVjdA', 400],
    [`/key?k=${encoded('nothing here')}`, 404],
    ['/keys?prefix=a&prefix=b', 400],
    ['/keys?prefix[x]=1', 400],
    ['/keys?limit=0', 400],
    ['/keys?limit=1e9', 400],
    ['/keys?view=other', 400],
    ['/keys?after=zzzz', 200],
    ['/keys?prefix=%00%0A', 200],
    ['/keys?__proto__=1&constructor=2', 200],
    ['/delete?mode=other&key=a', 400],
    ['/delete?mode=one&k=*', 400],
    ['/?cache=unknown', 404],
    ['/api/keys?limit=1001', 400],
  ])('to %s is %i with a sentence', async (path, status) => {
    const client = await dashboard()
    const response = await client.get(`/cache${path}`)
    expect(response.status).toBe(status)
    const text = await response.text()
    expect(text).not.toMatch(/node_modules|\.ts:|\.js:\d/)
    expect(textOf(text)).toMatch(/\w+ \w+ \w+.*\./)
  })

  it('refuses keys that are too long or have too many parts', async () => {
    const client = await dashboard()
    for (const path of [`/key?k=${'a'.repeat(13_000)}`, `/keys?prefix=${'a::'.repeat(40)}a`]) {
      expect((await client.get(`/cache${path}`)).status).toBe(400)
    }
  })

  it('is the same whatever a request says to the template engine', async () => {
    const app = express()
    app.set('query parser', 'extended')
    app.use(application('/cache'))
    const client = await serve(app)
    const plain = await page(client, '/cache/delete')
    for (const attack of ['delimiter=x', 'debug=1', 'async=1', 'client=1&escapeFunction=1', '__proto__=x']) {
      expect(await page(client, `/cache/delete?${attack}`)).toBe(plain)
    }
    expect((await client.get('/cache/delete?settings[view options][client]=1')).status).toBe(400)
  })

  it('asks nothing of the session unless there is a form', async () => {
    const client = await dashboard()
    await page(client, '/cache/')
    await page(client, '/cache/keys')
    expect(client.cookies.size).toBe(0)
  })
})

describe('the mount', () => {
  it.each(['/', '/cache', '/a/b/cache'])(
    'may be %s: every link leads to a page or a file that is there',
    async (mount) => {
      const client = await serve(application(mount))
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
          unescape(link),
        )
        for (const link of [...links(html), ...others]) {
          expect(link, `absolute link on ${path}`).not.toMatch(/^(?:\/|[a-z]+:)/)
          const target = new URL(link, `http://host${path}`)
          expect(target.pathname.startsWith(root), `${link} on ${path}`).toBe(true)
          todo.push(target.pathname + target.search)
        }
      }
      expect(seen.size).toBeGreaterThan(10)
    },
  )

  it('leads from the mount without slash to itself, relatively and with its parameters', async () => {
    const client = await serve(application('/a/b/cache'))
    const response = await client.get('/a/b/cache?cache=default')
    expect([response.status, response.headers.get('location')]).toEqual([308, './cache/?cache=default'])
    const keys = await client.get('/a/b/cache/keys/?limit=5')
    expect([keys.status, keys.headers.get('location')]).toEqual([308, '../keys?limit=5'])
  })

  it('shows its refusals to staff with their styles, and to others without, who may not load them', async () => {
    const client = await dashboard()
    const toStaff = await (await client.get('/cache/a/b')).text()
    const style = links(toStaff).find((link) => link.includes('dashboard.css')) ?? ''
    expect((await client.get(new URL(style, 'http://host/cache/a/').pathname)).status).toBe(200)
    const toVisitor = await (await client.get('/cache', { 'x-who': 'visitor' })).text()
    expect(links(toVisitor).filter((link) => link.includes('assets'))).toEqual([])
    expect((await client.get('/cache/assets/dashboard.css', { 'x-who': 'visitor' })).status).toBe(403)
  })

  it('serves files that may be kept, under names that change with their content', async () => {
    const client = await dashboard()
    const style = links(await page(client, '/cache/')).find((link) => link.includes('.css')) ?? ''
    expect(style).toMatch(/^\.\/assets\/dashboard\.css\?v=[\w-]{12}$/)
    const response = await client.get(`/cache/${style}`)
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
  })
})

describe('Overview', () => {
  it('says that there were no calls, in words', async () => {
    const text = textOf(await page(await dashboard(), '/cache/'))
    expect(text).toContain('Hit rate — No calls yet')
    expect(text).not.toMatch(/NaN|Infinity|undefined|null/)
  })

  it('shows calls, hits, misses, hit rate and keys, as the API does', async () => {
    await cache.set(['product', 1], 'chair')
    for (let call = 0; call < 100; call++) await cache.get(['product', call < 93 ? 1 : call], { default: null })
    const client = await dashboard()
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
    expect(textOf(await page(await dashboard(), '/cache/'))).toContain('This cache is disabled in this process')
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
    const client = await dashboard()
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
    const client = await dashboard()
    const text = textOf(await page(client, '/cache/keys?prefix=product::1'))
    expect(text).toContain('2 keys at and below this one')
    expect(text).toContain('product::1::reviews')
    expect(text).not.toMatch(/product::1\d/)
    const none = await page(client, '/cache/keys?prefix=prod')
    expect(textOf(none)).toContain('No key starts with “ prod ”')
    expect(links(none)).toContain('./keys')
  })

  it('has a tree by levels, with counts, in which a key that is a group too stands as both', async () => {
    const client = await dashboard()
    const top = textOf(await page(client, '/cache/keys?view=tree'))
    expect(top).toMatch(/product group 121 Delete all product product key Delete product production group 1/)
    const html = await page(client, '/cache/keys?view=tree&prefix=product&limit=500')
    expect(textOf(html)).toMatch(/ 1 group 1 Delete all 1 1 key Delete 1 10 key/)
    expect(links(html)).toContain('./keys?view=tree&limit=500&prefix=product%3A%3A1')
  })

  it('says in a sentence that a page is beyond the end, and that nothing is cached', async () => {
    const client = await dashboard()
    expect(textOf(await page(client, '/cache/keys?after=zzz'))).toContain('beyond the last key')
    await cache.clear()
    expect(textOf(await page(client, '/cache/keys'))).toContain('Nothing cached yet')
  })

  it('gives machines the same pages', async () => {
    const client = await dashboard()
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
    const client = await dashboard()
    const html = await page(client, `/cache/key?k=${encoded('product::a%3A%3Ab')}`)
    const text = textOf(html)
    expect(text).toContain('product a::b')
    expect(text).toMatch(/Expires in 2 hours/)
    expect(text).toContain('State fresh')
    expect(text).toContain('Delete this key and the 1 key below it')
    expect(unescape(html)).toContain('{\n  "name": "chair",\n  "at": [\n    1,\n    null\n  ]\n}')
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
    const client = await dashboard()
    const map = textOf(await page(client, `/cache/key?k=${encoded('map')}`))
    expect(map).toContain("Map(2) { 'date' => 1970-01-01T00:00:00.000Z, 'big' => 1n }")
    expect(map).toContain('never expires')
    const long = await page(client, `/cache/key?k=${encoded('long')}`)
    expect(textOf(long)).toContain('Cut: the first 65,536 of 100,000 characters')
    expect(long.length).toBeLessThan(80_000)
  })

  it('hides what is named like a secret, and lets the application decide instead', async () => {
    await cache.set('user::1', { name: 'ann', passwordHash: 'abc', deep: [{ authToken: 'def' }], author: 'shown' })
    await cache.set('session::1', { any: 'ghi' })
    const client = await dashboard()
    const user = textOf(await page(client, `/cache/key?k=${encoded('user::1')}`))
    expect(user).toContain('"passwordHash": "Hidden"')
    expect(user).not.toMatch(/abc|def/)
    expect(user).toContain('"author": "shown"')
    expect(textOf(await page(client, `/cache/key?k=${encoded('session::1')}`))).not.toContain('ghi')
    const own = await dashboard({ cache, redact: (key, value) => ({ key, kind: typeof value }) })
    expect(textOf(await page(own, `/cache/key?k=${encoded('session::1')}`))).toContain('"kind": "object"')
    const failing = await dashboard({
      cache,
      redact: () => {
        throw new Error('no')
      },
    })
    expect(textOf(await page(failing, `/cache/key?k=${encoded('session::1')}`))).toContain('Hidden')
  })
})

describe('Delete', () => {
  beforeEach(async () => {
    await cache.setMany([
      ['product', 0],
      ['product::1', 1],
      ['product::1::reviews', 2],
      ['product::10', 3],
      ['city', 4],
    ])
  })

  async function left(): Promise<string[]> {
    return (await cache.keys()).keys
  }

  it('has nothing chosen at first, and says so when nothing was chosen', async () => {
    const client = await dashboard()
    const html = await page(client, '/cache/delete')
    expect(html.match(/type="radio"/g)).toHaveLength(3)
    expect(html).not.toContain('checked')
    const response = await client.get('/cache/delete?key=')
    expect(response.status).toBe(400)
    const error = await response.text()
    expect(textOf(error)).toContain('There is a problem Choose what to delete')
    expect(error).toContain('<title>Error: Delete')
    const noKey = await (await client.get('/cache/delete?mode=tree&key=')).text()
    expect(textOf(noKey)).toContain('Enter the key to delete')
    expect(await left()).toHaveLength(5)
  })

  it.each([
    ['mode=one&key=product', 1, ['city', 'product::1', 'product::10', 'product::1::reviews']],
    ['mode=tree&key=product::1', 2, ['city', 'product', 'product::10']],
    ['mode=tree&key=product', 4, ['city']],
    ['mode=all&key=', 5, []],
  ])('by %s previews %i and deletes exactly them', async (query, count, remaining) => {
    const client = await dashboard()
    const path = `/cache/delete?${query}`
    const amount = count === 1 ? '1 key' : `${count} keys`
    expect(textOf(await page(client, path))).toContain(`This will delete ${amount}`)
    expect(await left()).toHaveLength(5)
    const response = await confirm(client, path)
    expect(response.status).toBe(303)
    const result = new URL(response.headers.get('location') ?? '', 'http://host/cache/delete')
    const banner = textOf(await page(client, result.pathname + result.search))
    expect(banner).toContain(`Deleted ${amount} in`)
    expect(banner).not.toContain('The preview had shown')
    expect(await left()).toEqual(remaining)
  })

  it('shows the first 20 names, and says when more or fewer were there in the end', async () => {
    const client = await dashboard()
    for (let id = 100; id < 130; id++) await cache.set(['many', id], id)
    const path = '/cache/delete?mode=tree&key=many'
    const html = await page(client, path)
    expect(textOf(html)).toContain('and 10 more keys')
    expect(html.match(/<li><bdi class="key">many::/g)).toHaveLength(20)
    await cache.set(['many', 'late'], 1)
    const fields = { _csrf: field(html, '_csrf'), previewed: field(html, 'previewed') }
    const response = await client.post('/cache/delete?mode=tree&key=many', fields)
    const result = response.headers.get('location')?.slice(1) ?? ''
    expect(textOf(await page(client, `/cache${result}`))).toMatch(/Deleted 31 keys in .* The preview had shown 30/)
  })

  it('offers no button when there is nothing to delete', async () => {
    const client = await dashboard()
    for (const mode of ['one', 'tree']) {
      const html = await page(client, `/cache/delete?mode=${mode}&key=prod`)
      expect(textOf(html)).toContain('Nothing to delete')
      expect(html).not.toContain('<form')
    }
  })

  it('changes nothing by GET', async () => {
    const client = await dashboard()
    const html = await page(client, '/cache/delete?mode=all')
    await client.get(`/cache/delete?mode=all&_csrf=${field(html, '_csrf')}&previewed=5&_method=POST`)
    expect(await left()).toHaveLength(5)
  })

  it('takes only the token of this session', async () => {
    const client = await dashboard()
    const path = '/cache/delete?mode=all'
    const token = field(await page(client, path), '_csrf')
    expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    const others = await Promise.all([
      client.post(path, { a: 'b' }),
      client.post(path, { _csrf: '' }),
      client.post(path, { _csrf: `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}` }),
      client.request(path, {
        method: 'POST',
        body: new URLSearchParams([
          ['_csrf', token],
          ['_csrf', token],
        ]),
      }),
      client.post(path, { '_csrf[x]': token }),
      client.post(path, { _csrf: token }, { cookie: '' }),
    ])
    expect(others.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403])
    const stranger = await dashboard()
    await page(stranger, path)
    expect((await stranger.post(path, { _csrf: token })).status).toBe(403)
    expect(await left()).toHaveLength(5)
    expect((await client.post(path, { _csrf: token })).status).toBe(303)
  })

  it.each([
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'same-origin' }, 303],
    [{ 'sec-fetch-site': 'none' }, 303],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'nonsense' }, 403],
    [{ origin: 'null' }, 303],
    [{ origin: 'https://admin.example' }, 303],
  ])('with %o answers %i', async (headers, status) => {
    const client = await dashboard({ cache, trustedOrigins: ['https://admin.example'] })
    expect((await confirm(client, '/cache/delete?mode=all', headers)).status).toBe(status)
    expect(await left()).toHaveLength(status === 303 ? 0 : 5)
  })

  it('takes forms from its own origin, as a trusted proxy names it', async () => {
    const app = express().set('trust proxy', true)
    app.use(application('/cache').set('trust proxy', true))
    const client = await serve(app)
    const headers = { origin: 'https://shop.example', 'x-forwarded-host': 'shop.example', 'x-forwarded-proto': 'https' }
    expect((await confirm(client, '/cache/delete?mode=all', headers)).status).toBe(303)
  })

  it('refuses what is no small form', async () => {
    const client = await dashboard()
    const path = '/cache/delete?mode=all'
    const token = field(await page(client, path), '_csrf')
    const json = {
      method: 'POST',
      body: JSON.stringify({ _csrf: token }),
      headers: { 'content-type': 'application/json' },
    }
    expect((await client.request(path, json)).status).toBe(415)
    expect((await client.request(path, { method: 'POST', body: `_csrf=${token}` })).status).toBe(415)
    const parts = new FormData()
    parts.set('_csrf', token)
    expect((await client.request(path, { method: 'POST', body: parts })).status).toBe(415)
    expect((await client.post(path, { _csrf: token, more: 'x'.repeat(9000) })).status).toBe(413)
    expect((await client.request(path, { method: 'POST' })).status).toBe(422)
    expect(await left()).toHaveLength(5)
  })

  it('takes a form that the host has parsed already', async () => {
    const app = express()
    app.use(express.urlencoded({ extended: true }), express.json())
    app.use(application('/cache'))
    expect((await confirm(await serve(app), '/cache/delete?mode=all')).status).toBe(303)
    expect(await left()).toEqual([])
  })

  it('is explained, not offered, when the dashboard is read-only', async () => {
    for (const readOnly of [true, () => true, () => undefined as unknown as boolean]) {
      const client = await dashboard({ cache, readOnly })
      const html = await page(client, '/cache/delete?mode=all')
      expect(textOf(html)).toContain('This dashboard is read-only')
      expect(html).not.toContain('<form')
      expect(links(await page(client, '/cache/keys')).join()).not.toContain('mode=')
      expect((await client.post('/cache/delete?mode=all', { _csrf: 'x' })).status).toBe(403)
    }
    const writable = await dashboard({ cache, readOnly: () => false })
    expect((await confirm(writable, '/cache/delete?mode=one&key=city')).status).toBe(303)
    expect(await left()).toHaveLength(4)
  })

  it('is not offered without a session, which the page says', async () => {
    const client = await serve(application('/cache', { cache }, false))
    expect(textOf(await page(client, '/cache/delete'))).toContain('Requests have no session here')
    expect((await client.post('/cache/delete?mode=all', { _csrf: 'x' })).status).toBe(403)
    expect(await left()).toHaveLength(5)
  })

  it('deletes nothing when the session has ended, and leads back to the preview', async () => {
    const client = await dashboard()
    const response = await client.post('/cache/delete?mode=all', { _csrf: 'x' }, { 'x-who': 'nobody' })
    expect(response.headers.get('location')).toBe('/accounts/login?next=%2Fcache%2Fdelete%3Fmode%3Dall')
    expect(await left()).toHaveLength(5)
  })
})

describe('hostile keys', () => {
  const PARTS = [
    '<script>document.title="bad"</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '<%= 7*7 %>',
    '&lt;b&gt;',
    '#f?x=1&y=2',
    '..',
    '%2e%2e%2f',
    '‮gnp.exe',
    '​',
    '  leading',
    '👩‍🚀',
    'x'.repeat(250),
    'a\0b',
    'a\nb',
    'ab',
    'a\r\nb',
    '__proto__',
    'constructor',
    'x*',
    'x[ab]',
    'a::b',
    'a+b c',
  ]

  it('are listed, opened and deleted exactly, with no live markup', async () => {
    const keys = PARTS.map((part) => cache.key('hostile', part))
    for (const key of keys) await cache.set(key, { [key]: key })
    const client = await dashboard()
    const list = await page(client, '/cache/keys?limit=500')
    expect(list).not.toMatch(/<script>|<img|onerror=alert\(1\)>/)
    expect(textOf(list)).toContain('⟨U+202E⟩gnp.exe')
    expect(textOf(list)).toContain('a␀b')
    expect(textOf(list)).toContain('a⏎b')
    for (const [index, key] of keys.entries()) {
      const link = `./key?k=${encoded(key)}`
      expect(links(list)).toContain(link)
      const html = await page(client, `/cache/key?k=${encoded(key)}`)
      expect(html).not.toMatch(/<script>|<img|onerror=alert\(1\)>/)
      expect(html).toContain('<h1><bdi class="key">hostile::')
      const deleting = links(html).find((each) => each.startsWith('./delete?mode=one')) ?? ''
      expect((await confirm(client, `/cache/${deleting.slice(2)}`)).status).toBe(303)
      expect((await cache.keys(undefined, { limit: 1000 })).keys.toSorted()).toEqual(keys.slice(index + 1).toSorted())
    }
  })

  it('do not break the search they are typed into', async () => {
    const client = await dashboard()
    for (const part of PARTS) {
      const response = await client.get(`/cache/keys?prefix=${encodeURIComponent(part)}`)
      expect(response.status).toBe(200)
      expect(await response.text()).not.toMatch(/<script>|<img|onerror=alert\(1\)>/)
    }
  })
})

describe('several caches', () => {
  it('are chosen by the parameter cache, which every link keeps', async () => {
    const other = createKeyedCache({ name: 'other' })
    await cache.set('mine', 1)
    await other.set('yours', 1)
    for (const given of [{ caches: [cache, other] }, { caches: { default: cache, other } }]) {
      const client = await dashboard(given)
      expect(textOf(await page(client, '/cache/keys'))).toContain('mine')
      const html = await page(client, '/cache/keys?cache=other')
      expect(textOf(html)).toContain('yours')
      expect(links(html)).toContain(`./key?k=${encoded('yours')}&cache=other`)
      expect(links(html)).toContain('./?cache=other')
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
      await remote.set(['product', 1], 'chair')
      const client = await dashboard({ cache: remote })
      const preview = await page(client, '/cache/delete?mode=all')
      expect(textOf(await page(client, '/cache/'))).toContain('Redis: up')
      await redis.kill()
      await until(async () => !(await remote.stats()).backend.up, 'the cache knows that Redis is down')
      const expected: [string, number, RegExp][] = [
        ['/', 200, /Backend down since \d{4}-\d\d-\d\d .* Keys unavailable/],
        ['/keys?prefix=abc', 503, /The cache does not respond/],
        ['/keys?view=tree', 503, /The cache does not respond/],
        [`/key?k=${encoded('product::1')}`, 503, /The cache does not respond/],
        ['/delete', 200, /What to delete/],
        ['/delete?mode=all', 503, /The cache does not respond/],
        ['/api/stats', 200, /"up":false/],
        ['/api/keys', 503, /does not respond/],
      ]
      for (const [path, status, sentence] of expected) {
        const startMs = performance.now()
        const response = await client.get(`/cache${path}`)
        expect(performance.now() - startMs, path).toBeLessThan(1000)
        expect(response.status, path).toBe(status)
        const text = await response.text()
        expect(textOf(text), path).toMatch(sentence)
        if (path.startsWith('/keys?prefix')) expect(text).toContain('value="abc"')
      }
      const post = await client.post('/cache/delete?mode=all', { _csrf: field(preview, '_csrf') })
      expect(post.status).toBe(503)
      expect(textOf(await post.text())).toContain('is carried out as soon as it answers again')
    } finally {
      await remote.close()
    }
  })
})
