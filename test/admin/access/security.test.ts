import { readdir, readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import express, { type Request } from 'express'
import session from 'express-session'
import helmet from 'helmet'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keyedcacheAdmin, type KeyedcacheAdminOptions } from '../../../src/admin/admin.js'
import { isFromThisSite } from '../../../src/admin/access/csrf.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { linked, linksOf, textOf } from '../../support/dashboard.js'
import { bannerAfter, confirm, previewed } from '../../support/delete-form.js'
import { HttpClient } from '../../support/http-client.js'
import { listen } from '../../support/listen.js'
import { callsDuring } from '../../support/monitor.js'
import { startRedis, type RedisServer } from '../../support/redis-server.js'
import { application, page, serving } from '../../support/serving.js'
import { warningsDuring } from '../../support/warnings.js'

const ROOT = join(import.meta.dirname, '../../..')
const PAGES = [
  '/',
  '/keys',
  '/keys?view=tree',
  '/key?k=cHJvZHVjdA',
  '/delete',
  '/delete?mode=all',
  '/delete?mode=one&k=cHJvZHVjdA',
  '/activity',
  '/assets/dashboard.css',
  '/assets/dashboard.js',
  '/nowhere',
  '/keys/',
]
const MACHINES = ['/api/stats', '/api/keys', '/metrics', '/api/stats/', '/metrics/']
const CSP =
  "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';" +
  "form-action 'self';base-uri 'none';frame-ancestors 'none'"

const { serve, url, dashboard } = serving()

let cache: KeyedCache

beforeEach(async () => {
  cache = createKeyedCache()
  await cache.setMany(['city', 'product', 'product::1'].map((key) => [key, key]))
})

afterEach(async () => {
  await cache.close()
})

describe('the guard', () => {
  it('S2 sends strangers to the sign-in page, with the way back, from every page and file', async () => {
    const client = await dashboard({ cache })
    for (const path of PAGES) {
      const response = await client.get(`/cache${path}`, { 'x-who': 'nobody' })
      expect(response.status, path).toBe(303)
      expect(response.headers.get('location')).toBe(`/accounts/login?next=${encodeURIComponent(`/cache${path}`)}`)
      expect(await response.text()).toBe('')
    }
    const bare = await client.get('/cache', { 'x-who': 'nobody' })
    expect(bare.headers.get('location')).toBe('/accounts/login?next=%2Fcache')
  })

  it('S2 tells machines 401 in JSON, and who is no staff 403, with no key in it', async () => {
    const client = await dashboard({ cache })
    const json = PAGES.map((path): [string, Record<string, string>] => [path, { accept: 'application/json' }])
    for (const [path, headers] of [...MACHINES.map((each): [string, object] => [each, {}]), ...json]) {
      const response = await client.get(`/cache${path}`, { ...headers, 'x-who': 'nobody' })
      expect(response.status, path).toBe(401)
      expect(response.headers.get('content-type')).toContain('application/problem+json')
      expect(await response.text()).not.toContain('product')
    }
    for (const path of [...PAGES, ...MACHINES]) {
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
    ['an object', () => ({})],
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
  ])('S3 denies when isStaff gives %s', async (_name, isStaff) => {
    const client = await dashboard({ cache, isStaff })
    for (const path of [...PAGES, ...MACHINES]) expect((await client.get(`/cache${path}`)).status).toBe(403)
  })

  it('S3 admits when isStaff gives true, at once or later, also without a user', async () => {
    for (const isStaff of [() => true, async () => true]) {
      const client = await dashboard({ cache, isStaff })
      expect((await client.get('/cache/api/stats', { 'x-who': 'nobody' })).status).toBe(200)
    }
  })

  describe('S3 when what the host was asked throws', () => {
    const no = (): never => {
      throw new Error('no database')
    }
    /** The statuses for staff, a visitor and a stranger, on a page and for a machine, and the warnings. */
    async function answers(
      options: KeyedcacheAdminOptions,
      code: string,
      ...whos: string[]
    ): Promise<{ statuses: number[][]; warnings: string[]; texts: string[] }> {
      const client = await dashboard({ cache, ...options })
      const texts: string[] = []
      const statuses: number[][] = []
      const warnings = await warningsDuring(code, async () => {
        for (const who of whos) {
          const each = [
            await client.get('/cache/', { 'x-who': who }),
            await client.get('/cache/metrics', { 'x-who': who }),
          ]
          statuses.push(each.map(({ status }) => status))
          texts.push(await (each[0] as Response).text())
        }
      })
      return { statuses, warnings, texts }
    }

    it('denies where the user has a throwing isStaff, and leaves out a name that throws', async () => {
      const user = (): object => ({
        get isStaff() {
          return no()
        },
      })
      const denied = await answers({ user }, 'KEYEDCACHE_ADMIN_DENIED', 'staff')
      expect(denied.statuses).toEqual([[403, 403]])
      expect(denied.warnings).toHaveLength(1)
      const nameless = (): object => ({
        isStaff: true,
        get name() {
          return no()
        },
      })
      const admitted = await answers({ user: nameless }, 'KEYEDCACHE_ADMIN_ERROR', 'staff')
      expect([admitted.statuses, admitted.warnings]).toEqual([[[200, 200]], []])
      expect(admitted.texts[0]).not.toContain('Signed in as')
    })

    it.each([
      ['throws', no],
      ['gives nothing', () => undefined as unknown as string],
      ['gives no text', () => ({}) as unknown as string],
      ['gives an empty text', () => ''],
      ['gives a promise that is rejected', (async () => no()) as unknown as () => string],
    ])('answers without a link where loginUrl %s, with one warning', async (_name, loginUrl) => {
      const { statuses, warnings, texts } = await answers({ loginUrl }, 'KEYEDCACHE_ADMIN_LOGIN', 'visitor', 'nobody')
      expect(statuses).toEqual([
        [403, 403],
        [401, 401],
      ])
      for (const text of texts) expect(linksOf(text).filter((link) => /login|undefined|next/.test(link))).toEqual([])
      expect(textOf(texts[1] ?? '')).toContain('Nobody is signed in')
      expect(warnings).toEqual([expect.stringContaining('loginUrl')])
    })

    it('shows only, where readOnly throws, with a warning', async () => {
      const { statuses, warnings } = await answers({ readOnly: no }, 'KEYEDCACHE_ADMIN_READONLY', 'staff')
      expect([statuses, warnings.length]).toEqual([[[200, 200]], 1])
      const client = await dashboard({ cache, readOnly: no })
      expect(textOf(await page(client, '/cache/delete'))).toContain('This dashboard is read-only')
      expect((await client.post('/cache/delete?mode=all', { _csrf: 'x' })).status).toBe(403)
    })
  })

  it('S4 stands before the mount in other case, and before paths with more slashes', async () => {
    const server = await listen(application('/cache', { cache }))
    try {
      for (const path of ['/CACHE/keys', '/Cache', '/cache//keys', '/cache//', '/cache/./keys', '/cache/%6beys']) {
        const [answer] = (await once(
          request(server.url, { path, headers: { 'x-who': 'nobody' } }).end(),
          'response',
        )) as [IncomingMessage]
        answer.resume()
        expect(answer.statusCode, path).toBe(303)
        expect(answer.headers.location).toMatch(/^\/accounts\/login\?next=/)
      }
    } finally {
      await server.close()
    }
  })

  it('S5 asks nothing of the cache, and reads no body, before it has admitted', async () => {
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
    for (const path of [...PAGES, ...MACHINES]) {
      await client.get(`/cache${path}`, { 'x-who': 'nobody' })
      await client.post(`/cache${path}`, { a: 'x'.repeat(100_000) }, { 'x-who': 'visitor' })
    }
    expect(asked).toEqual([])
    await client.get('/cache/')
    expect(asked).not.toEqual([])
  })
})

describe('a form whose session has ended', () => {
  it('S2 deletes nothing, and leads by the sign-in page back to its preview', async () => {
    const client = await dashboard({ cache })
    const { path, fields } = await previewed(client, '/cache/delete?mode=all')
    const response = await client.post(path, fields, { 'x-who': 'nobody' })
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe('/accounts/login?next=%2Fcache%2Fdelete%3Fmode%3Dall%26ended%3D1')
    expect(await cache.count()).toBe(3)
    const next = new URL(response.headers.get('location') ?? '', 'http://host').searchParams.get('next') ?? ''
    const html = await page(client, next)
    expect(textOf(html)).toContain('Your session ended; nothing was deleted.')
    expect(await bannerAfter(client, await confirm(client, next))).toContain('Deleted 3 keys')
  })
})

describe('forms', () => {
  it('S6 are taken with the token of this session only', async () => {
    const client = await dashboard({ cache })
    const { path, fields } = await previewed(client, '/cache/delete?mode=one&key=city')
    const token = fields['_csrf'] ?? ''
    expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    const { _csrf: _, ...without } = fields
    const twice = new URLSearchParams(fields)
    twice.append('_csrf', token)
    const others = await Promise.all([
      client.post(path, without),
      client.post(path, { ...fields, _csrf: '' }),
      client.post(path, { ...fields, _csrf: `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}` }),
      client.request(path, { method: 'POST', body: twice }),
      client.post(path, { ...without, '_csrf[x]': token }),
      client.post(path, { ...without, '_csrf[]': token }),
      client.post(path, fields, { cookie: '' }),
    ])
    expect(others.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403, 403])
    const other = await dashboard({ cache })
    const otherForm = await previewed(other, '/cache/delete?mode=one&key=city')
    expect((await other.post(path, fields)).status).toBe(403)
    // the token is right, the preview is another session's
    expect((await other.post(path, { ...fields, _csrf: otherForm.fields['_csrf'] ?? '' })).status).toBe(403)
    expect(await cache.count()).toBe(3)
    expect((await client.post(path, fields)).status).toBe(303)
  })

  it('S6 are worth nothing in the session that follows', async () => {
    const app = express()
    app.use(session({ secret: 'a secret for tests only', resave: false, saveUninitialized: true }))
    app.get('/again', (req, res) => {
      req.session.regenerate(() => void res.end())
    })
    app.use(application('/cache', { cache }, false))
    const client = await serve(app)
    const { path, fields } = await previewed(client, '/cache/delete?mode=one&key=city')
    await client.get('/again')
    expect((await client.post(path, fields)).status).toBe(403)
    await previewed(client, '/cache/delete?mode=one&key=city')
    expect((await client.post(path, fields)).status).toBe(403)
    expect(await cache.count()).toBe(3)
  })

  it('S6 are good for what was previewed, in the cache where it was', async () => {
    const other = createKeyedCache({ name: 'other' })
    await other.set('city', 1)
    const client = await dashboard({ caches: { shop: cache, other } })
    const { fields } = await previewed(client, '/cache/delete?mode=one&key=city')
    const targets = ['mode=one&key=product', 'mode=tree&key=city', 'mode=tag&tag=city', 'mode=all']
    for (const target of [...targets, 'mode=one&key=city&cache=other'])
      expect((await client.post(`/cache/delete?${target}`, fields)).status, target).toBe(403)
    const [id = '', count = '', expires = '', signed = ''] = fields['preview']?.split('.') ?? []
    for (const forged of [`${id}.${count}.9${expires}.${signed}`, `${id}.2.${expires}.${signed}`, 'a.b.c.d', ''])
      expect((await client.post('/cache/delete?mode=one&key=city', { ...fields, preview: forged })).status).toBe(403)
    expect([await cache.count(), await other.count()]).toEqual([3, 1])
    await other.close()
  })

  it.each([
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'nonsense' }, 403],
    [{ 'sec-fetch-site': 'cross-site', origin: 'https://admin.example' }, 403],
    [{ 'sec-fetch-site': 'same-origin' }, 303],
    [{ 'sec-fetch-site': 'none' }, 303],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'nonsense' }, 403],
    [{ origin: 'http://evil.example', 'x-forwarded-host': 'evil.example' }, 403],
    [{ origin: 'null' }, 303],
    [{}, 303],
    [{ origin: 'https://admin.example' }, 303],
  ])('S7 with %o are answered %i', async (headers, status) => {
    const client = await dashboard({ cache, trustedOrigins: ['https://admin.example'] })
    expect((await confirm(client, '/cache/delete?mode=all', headers)).status).toBe(status)
    expect(await cache.count()).toBe(status === 303 ? 0 : 3)
  })

  it.each([
    ['http', 'shop.example', 'shop.example'],
    ['https', 'shop.example', 'shop.example, inner.example'],
    ['https', 'shop.example:8443', 'shop.example:8443 , inner.example'],
  ])(
    'S7 come over %s from %s through a proxy that rewrites Host and forwards %s, where the host trusts it',
    async (protocol, site, forwarded) => {
      const headers = {
        origin: `${protocol}://${site}`,
        'x-forwarded-host': forwarded,
        'x-forwarded-proto': protocol,
      }
      const trusting = await serve(application('/cache', { cache }).set('trust proxy', true))
      const other = await serve(application('/cache', { cache }))
      const named = await dashboard({ cache, trustedOrigins: [`${protocol}://${site}`] })
      expect((await confirm(other, '/cache/delete?mode=one&key=city', headers)).status).toBe(403)
      expect((await confirm(trusting, '/cache/delete?mode=one&key=city', headers)).status).toBe(303)
      await cache.set('city', 1)
      expect((await confirm(named, '/cache/delete?mode=one&key=city', headers)).status).toBe(303)
    },
  )

  it('S7 come from this port of the host, where browsers tell the origin alone', async () => {
    const site = await url(application('/cache', { cache }))
    const client = new HttpClient(site)
    const statusFrom = async (origin: string): Promise<number> =>
      (await confirm(client, '/cache/delete?mode=all', { origin })).status
    expect(await statusFrom('http://127.0.0.1')).toBe(403)
    expect(await statusFrom('http://127.0.0.1:1')).toBe(403)
    expect(await statusFrom(site)).toBe(303)
  })

  it('S7 come from their own host and port, whatever the default port is written as', () => {
    const judge = (host: string, origin: string): boolean =>
      isFromThisSite(
        {
          app: { get: () => () => false },
          socket: {},
          get: (name: string) => ({ origin, host })[name],
        } as unknown as Request,
        new Set(),
      )
    expect(judge('shop.example', 'https://shop.example')).toBe(true)
    expect(judge('shop.example:443', 'https://shop.example')).toBe(true)
    expect(judge('shop.example:8080', 'http://shop.example:8080')).toBe(true)
    expect(judge('shop.example:8080', 'http://shop.example')).toBe(false)
    expect(judge('shop.example', 'http://shop.example.evil.example')).toBe(false)
  })

  it('S9 are small and urlencoded: anything else is 415, 413 or 422', async () => {
    const client = await dashboard({ cache })
    const { path, fields } = await previewed(client, '/cache/delete?mode=one&key=city')
    const body = new URLSearchParams(fields).toString()
    const multipart = new FormData()
    for (const [name, value] of Object.entries(fields)) multipart.set(name, value)
    const json = { 'content-type': 'application/json' }
    const answers = [
      await client.request(path, { method: 'POST', body: JSON.stringify(fields), headers: json }),
      await client.request(path, { method: 'POST', body }),
      await client.request(path, { method: 'POST', body: multipart }),
      await client.post(path, { ...fields, more: 'x'.repeat(9000) }),
      await client.request(path, { method: 'POST' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([415, 415, 415, 413, 422])
    expect(await cache.count()).toBe(3)
    expect((await client.post(path, fields)).status).toBe(303)
  })

  it('S9 are taken where the host has parsed them already', async () => {
    const app = express()
    app.use(express.urlencoded({ extended: true }), express.json())
    app.use(application('/cache', { cache }))
    expect((await confirm(await serve(app), '/cache/delete?mode=all')).status).toBe(303)
    expect(await cache.count()).toBe(0)
  })

  it('S10 need no csurf', async () => {
    const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object }
    expect(Object.keys(dependencies)).not.toContain('csurf')
  })
})

describe('every answer', () => {
  it('S11 S14 S15 has strict headers, is kept by nobody, and names no framework', async () => {
    const client = await dashboard({ cache })
    const away = { 'x-who': 'nobody' }
    const asked: [string, Record<string, string>][] = [...PAGES, ...MACHINES, '', '/keys?limit=x'].map((path) => [
      path,
      {},
    ])
    for (const [path, headers] of [
      ...asked,
      ['/', away],
      ['/api/stats', away],
      ['/', { 'x-who': 'visitor' }],
    ] as const) {
      const response = await client.get(`/cache${path}`, headers)
      const value = (name: string): string | null => response.headers.get(name)
      expect(value('content-security-policy'), path).toBe(CSP)
      expect(value('referrer-policy')).toBe('same-origin')
      expect(value('x-frame-options')).toBe('DENY')
      expect(value('x-content-type-options')).toBe('nosniff')
      expect(value('cross-origin-opener-policy')).toBe('same-origin')
      expect(value('x-robots-tag')).toContain('noindex')
      expect(value('strict-transport-security')).toBeNull()
      expect(value('x-powered-by')).toBeNull()
      const isFile = path.startsWith('/assets/')
      expect(value('cache-control')).toBe(isFile ? 'private, no-cache' : 'no-store')
    }
  })

  it('S12 leaves the headers of the host alone, whose own policy does not touch the dashboard', async () => {
    const app = express()
    app.use(helmet())
    app.use(application('/cache', { cache }))
    const bare = express()
    bare.use(helmet())
    bare.get('/host', (_req, res) => void res.send('the page of the host'))
    const [client, host] = [await serve(app), await serve(bare)]
    const own = await client.get('/cache/')
    expect(own.headers.get('content-security-policy')).toBe(CSP)
    const hsts = 'strict-transport-security'
    expect(own.headers.get(hsts)).toBe((await client.get('/host')).headers.get(hsts))
    const headersOf = ({ headers }: Response): string[] =>
      Array.from(headers, ([name, value]) => `${name}: ${value}`).filter((each) => !/^(date|x-powered-by):/.test(each))
    expect(headersOf(await client.get('/host'))).toEqual(headersOf(await host.get('/host')))
  })

  it('S13 has nothing inline, in any template', async () => {
    const views = join(ROOT, 'views')
    const names = (await readdir(views)).filter((name) => name.endsWith('.ejs'))
    expect(names.length).toBeGreaterThan(8)
    for (const name of names) {
      const text = (await readFile(join(views, name), 'utf8')).replace(/<%.*?%>/gs, '')
      expect(text, name).not.toMatch(/\sstyle=|\son\w+=|<style|javascript:|<script(?![^>]*\ssrc=)/i)
    }
  })

  it('S14 says of its files what they hold, and nothing of what others may not keep', async () => {
    const client = await dashboard({ cache })
    const style = linksOf(await page(client, '/cache/')).find((link) => link.includes('dashboard.css')) ?? ''
    expect(style).toMatch(/^\.\/assets\/dashboard\.css\?v=[\w-]{12}$/)
    const response = await client.get(`/cache/${style}`)
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8')
  })

  it('S15 is the dashboard’s own when a path makes no sense, without a stack', async () => {
    const client = await dashboard({ cache })
    for (const path of ['/nowhere', '/a/b/c', '/%E0%A4%A', '/assets/../package.json', '/assets/nothing.css', '/Keys']) {
      const response = await client.get(`/cache${path}`)
      expect(response.status, path).toBe(404)
      const html = await response.text()
      expect(textOf(html)).toContain('There is no page at this address')
      expect(html).not.toMatch(/node_modules|\.ts:|\.js:\d/)
    }
    const broken = await dashboard({
      cache: new Proxy(cache, {
        get: (target, name) => {
          if (name === 'stats') throw new Error('a secret reason')
          const member: unknown = Reflect.get(target, name, target)
          return typeof member === 'function' ? member.bind(target) : member
        },
      }),
    })
    const response = await broken.get('/cache/')
    expect(response.status).toBe(500)
    const html = await response.text()
    expect(html).not.toMatch(/a secret reason|node_modules|\.ts:/)
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
    [`/key?k=${linked('nothing here')}`, 404],
    ['/keys?prefix=a&prefix=b', 400],
    ['/keys?prefix[x]=1', 400],
    ['/keys?limit=0', 400],
    ['/keys?limit=1e9', 400],
    ['/keys?view=other', 400],
    ['/keys?after=zzzz', 200],
    ['/keys?__proto__=1&constructor=2', 200],
    ['/delete?mode=other&key=a', 400],
    ['/delete?mode=one&k=*', 400],
    ['/delete?mode=tag&t=*', 400],
    ['/delete?mode[]=all', 400],
    ['/?cache=unknown', 404],
    ['/?cache=__proto__', 404],
    ['/api/keys?limit=1001', 400],
  ])('S26 to %s is %i with a sentence, whatever parser the host has', async (path, status) => {
    const app = express().set('query parser', 'extended')
    app.use(application('/cache', { cache }).set('query parser', 'extended'))
    for (const client of [await dashboard({ cache }), await serve(app)]) {
      const response = await client.get(`/cache${path}`)
      expect(response.status).toBe(status)
      const text = await response.text()
      expect(text).not.toMatch(/node_modules|\.ts:|\.js:\d/)
      expect(textOf(text)).toMatch(/\w+ \w+ \w+.*\./)
    }
  })

  it('S36 to another method is 405 with Allow, and no method can be put in its place', async () => {
    const client = await dashboard({ cache })
    for (const path of [...PAGES, ...MACHINES].filter((each) => !/nowhere|\/$/.test(each)).concat('/')) {
      const allow = path.startsWith('/delete') ? 'GET, HEAD, POST' : 'GET, HEAD'
      const methods = ['PUT', 'PATCH', 'DELETE', 'OPTIONS', ...(allow.includes('POST') ? [] : ['POST'])]
      for (const method of methods) {
        const response = await client.request(`/cache${path}`, { method })
        expect([path, response.status, response.headers.get('allow')]).toEqual([path, 405, allow])
      }
    }
    const { fields } = await previewed(client, '/cache/delete?mode=one&key=city')
    const query = new URLSearchParams({ mode: 'one', key: 'city', ...fields, _method: 'POST' })
    expect((await client.get(`/cache/delete?${query}`)).status).toBe(200)
    expect((await client.get(`/cache/delete?${query}`, { 'x-http-method-override': 'POST' })).status).toBe(200)
    expect(await cache.count()).toBe(3)
  })
})

describe('names that are hostile', () => {
  const PARTS = [
    '<script>document.title="bad"</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    'javascript:alert(1)',
    '</title><script>alert(1)</script>',
    '<%= 7*7 %>',
    '{{7*7}}',
    '&lt;b&gt;',
    '#f?x=1&y=2',
    '.',
    '..',
    '%2e%2e%2f',
    '\u202egnp.exe',
    '\u200b',
    '  leading',
    '👩‍🚀',
    'x'.repeat(2000),
    'a\0b',
    'a\nb',
    'ab',
    'a\r\nb',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'x*',
    'x[ab]',
    'a::b',
    'a+b c',
  ]

  it('S16 S17 S18 S27 are listed, opened and deleted exactly, with no live markup', async () => {
    await cache.clear()
    const keys = PARTS.map((part) => cache.key('hostile', part))
    for (const key of keys) await cache.set(key, { [key === 'hostile::__proto__' ? 'proto' : key]: key })
    const client = await dashboard({ cache })
    const list = await page(client, '/cache/keys?limit=60')
    expect(list).not.toMatch(/<script>|<img|onerror=alert\(1\)>|="javascript:/)
    for (const shown of ['⟨U+202E⟩gnp.exe', '⟨U+200B⟩', 'a␀b', 'a⏎b']) expect(textOf(list)).toContain(shown)
    for (const [index, key] of keys.entries()) {
      expect(linksOf(list)).toContain(`./key?k=${linked(key)}`)
      const html = await page(client, `/cache/key?k=${linked(key)}`)
      expect(html).not.toMatch(/<script>|<img|onerror=alert\(1\)>/)
      expect(html).toContain('<bdi class="key">')
      const deleting = linksOf(html).find((each) => each.startsWith('./delete?mode=one')) ?? ''
      const banner = await bannerAfter(client, await confirm(client, `/cache/${deleting.slice(2)}`))
      expect(banner).toContain('Deleted 1 key')
      expect((await cache.keys(undefined, { limit: 1000 })).keys.toSorted()).toEqual(keys.slice(index + 1).toSorted())
    }
    const activity = await page(client, '/cache/activity')
    expect(activity).not.toMatch(/<script>|<img|onerror=alert\(1\)>/)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('S16 do no harm as values, as prefixes, as tags, and in what is typed', async () => {
    const client = await dashboard({ cache })
    const live = /<script>|<img|onerror=alert\(1\)>|' onmouseover='alert/
    for (const part of PARTS) {
      await cache.set('value', part)
      const typed = encodeURIComponent(part)
      const paths = [
        `/key?k=${linked('value')}`,
        `/keys?prefix=${typed}`,
        `/keys?after=${typed}`,
        `/delete?mode=tree&key=${typed}`,
        `/delete?mode=tag&tag=${typed}`,
        `/delete?mode=one&key=&tag=${typed}`,
        `/delete?key=${typed}`,
        `/delete?result=${typed}`,
        `/?cache=${typed}`,
      ]
      for (const path of paths) {
        const response = await client.get(`/cache${path}`)
        expect([200, 400, 404], path).toContain(response.status)
        expect(await response.text(), path).not.toMatch(live)
      }
    }
  })

  it('S16 that are no text at all are refused', async () => {
    const client = await dashboard({ cache })
    for (const bytes of [Buffer.from([0xff, 0xfe]), Buffer.from([0xed, 0xa0, 0x80])]) {
      for (const path of ['key?', 'delete?mode=one&'])
        expect((await client.get(`/cache/${path}k=${bytes.toString('base64url')}`)).status).toBe(400)
    }
    expect((await client.get('/cache/keys?prefix=%ED%A0%80')).status).toBe(200)
  })

  it('S19 S20 stand in no script, and are handed out as no file', async () => {
    await cache.set('json', { html: '</script><script>alert(1)</script>' })
    const client = await dashboard({ cache })
    for (const path of ['/', '/keys', `/key?k=${linked('json')}`]) {
      const response = await client.get(`/cache${path}`)
      expect(response.headers.get('content-disposition')).toBeNull()
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      const scripts = Array.from((await response.text()).matchAll(/<script[^>]*>([^<]*)/g), ([, text]) => text)
      expect(scripts).toEqual([''])
    }
  })

  it('S21 cannot begin a new line or label among the metrics', async () => {
    await cache.get(['a"} 1\n\\forged 2', 'x'], { default: null })
    const client = await dashboard({ cache })
    const metrics = await page(client, '/cache/metrics')
    expect(metrics).toContain(String.raw`group="a\"} 1\n\\forged 2"`)
    expect(metrics).not.toMatch(/^(?!# |keyedcache_)./m)
  })

  it('S22 S25 reach no template as markup or as its name', async () => {
    const views = join(ROOT, 'views')
    for (const name of (await readdir(views)).filter((each) => each.endsWith('.ejs'))) {
      const raw = (await readFile(join(views, name), 'utf8')).match(/<%-.*?%>/gs) ?? []
      for (const tag of raw) expect(tag, name).toMatch(/^<%- include\('[a-z-]+'[,)]/)
    }
  })

  it('S23 S24 do not reach the template engine, whatever a request says', async () => {
    const { dependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    // It compiles the views when the package is built, and is not there while they are shown.
    expect(dependencies).not.toHaveProperty('ejs')
    expect(await readFile(join(ROOT, 'src/admin/render.ts'), 'utf8')).not.toMatch(/from 'ejs'/)
    const app = express().set('query parser', 'extended')
    app.use(application('/cache', { cache }).set('query parser', 'extended'))
    const client = await serve(app)
    const code = 'process.emitWarning("canary")//'
    const attacks = [
      `outputFunctionName=${code}`,
      `client=1&escapeFunction=${code}`,
      'delimiter=x',
      'debug=1',
      'async=1',
      '__proto__=x&constructor=y',
    ]
    const canaries: Error[] = []
    const listener = (warning: Error): void => void canaries.push(warning)
    process.on('warning', listener)
    for (const path of ['/delete', '/keys', '/activity', `/key?k=${linked('city')}`]) {
      const bodyOf = async (query: string): Promise<string> =>
        // links keep what they were asked with nowhere, so pages are equal but for the clock
        (await page(client, `/cache${path}${path.includes('?') ? '&' : '?'}${query}`)).replaceAll(
          /<time[^>]*>[^<]*<\/time>|\(\w[^)]* ago\)|\(just now\)|in \d[\d.]* \w+/g,
          '',
        )
      const plain = await bodyOf('a=b')
      for (const attack of attacks) expect(await bodyOf(attack), attack).toBe(plain)
      const nested = `settings[view options][outputFunctionName]=${code}&settings[view options][client]=1`
      expect((await client.get(`/cache${path}${path.includes('?') ? '&' : '?'}${nested}`)).status).toBe(400)
    }
    process.off('warning', listener)
    expect(canaries).toEqual([])
  })
})

describe('Redis', () => {
  let redis: RedisServer
  let remote: KeyedCache

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(async () => {
    await redis.close()
  })
  beforeEach(async () => {
    remote = createKeyedCache({ redis: redis.url, keyPrefix: 'shop', redisTimeout: '5s' })
  })
  afterEach(async () => {
    await remote.close()
    await redis.client().flushall()
  })

  it('S32 finds keys with signs of patterns literally', async () => {
    const parts = ['x*', 'xa', 'xb', 'x[ab]', 'x?', 'x\\', 'x']
    for (const part of parts)
      await remote.setMany([
        [[part], 1],
        [[part, 1], 1],
      ])
    const client = await dashboard({ cache: remote })
    for (const part of parts) {
      expect(textOf(await page(client, `/cache/keys?prefix=${encodeURIComponent(part)}`))).toContain('2 keys')
      await bannerAfter(client, await confirm(client, `/cache/delete?mode=tree&key=${encodeURIComponent(part)}`))
      expect(await remote.count(part)).toBe(0)
    }
    expect(await remote.count()).toBe(0)
  })

  it('S33 is never asked for KEYS, FLUSHDB or FLUSHALL, nor scanned, by any page or deletion', async () => {
    await remote.setMany(Array.from({ length: 1500 }, (_, i) => [['many', i], { i }]))
    await remote.set('tagged', 1, { tags: ['spring'] })
    const client = await dashboard({ cache: remote })
    const calls = await callsDuring(redis, async () => {
      for (const path of [...PAGES, ...MACHINES, '/keys?prefix=many&after=x', '/delete?mode=tag&tag=spring'])
        await (await client.get(`/cache${path}`)).text()
      for (const query of ['mode=one&key=many::1', 'mode=tag&tag=spring', 'mode=tree&key=many', 'mode=all'])
        if (query !== 'mode=all' || (await remote.count()) > 0) await confirm(client, `/cache/delete?${query}`)
    })
    expect(calls.length).toBeGreaterThan(50)
    const names = new Set(calls.map(([name = '']) => name.toLowerCase()))
    for (const forbidden of ['keys', 'flushdb', 'flushall', 'scan']) expect(names).not.toContain(forbidden)
    expect(await remote.count()).toBe(0)
  })

  it('S34 keeps what is not the cache’s when everything is deleted', async () => {
    const foreign = Array.from({ length: 1000 }, (_, i) => [
      ['other', 'shop2', 'shop', ''][i % 4] + `:v:foreign${i}`,
      'x',
    ])
    await redis
      .client()
      .mset(Object.fromEntries(foreign.filter(([key]) => !key?.startsWith('shop:')) as [string, string][]))
    const before = await redis.client().dbsize()
    await remote.setMany([
      ['a', 1],
      ['b', 2],
    ])
    const client = await dashboard({ cache: remote })
    expect(await bannerAfter(client, await confirm(client, '/cache/delete?mode=all'))).toContain('Deleted 2 keys')
    expect(await redis.client().keys('*foreign*')).toHaveLength(before)
    expect(before).toBe(750)
  })

  it('S35 is asked for pages of a size and place that were checked', async () => {
    const client = await dashboard({ cache: remote })
    for (const query of ['limit=0', 'limit=1001', 'limit=-1', 'limit=1.5', 'limit=1e2', 'limit=x', 'limit=99999999999'])
      expect((await client.get(`/cache/keys?${query}`)).status, query).toBe(400)
    expect((await client.get(`/cache/keys?prefix=${'a::'.repeat(40)}a`)).status).toBe(400)
    expect((await client.get(`/cache/key?k=${'a'.repeat(13_000)}`)).status).toBe(400)
    await remote.setMany(Array.from({ length: 120 }, (_, i) => [['many', i], i]))
    const seen: string[] = []
    let path: string | undefined = '/cache/keys?limit=50'
    while (path !== undefined) {
      const html: string = await page(client, path)
      seen.push(...linksOf(html).filter((link) => link.startsWith('./key?k=')))
      const next: string | undefined = linksOf(html).find((link) => link.includes('after='))
      path = next === undefined ? undefined : `/cache/${next.slice(2)}`
    }
    expect(new Set(seen).size).toBe(120)
    expect(seen).toHaveLength(120)
  })
})

describe('deletions', () => {
  it('S31 are limited to 60 a minute in one session', async () => {
    const client = await dashboard({ cache })
    const statuses: number[] = []
    let last: Response | undefined
    const { path, fields } = await previewed(client, '/cache/delete?mode=one&key=city')
    for (let i = 0; i < 130; i++) {
      last = await client.post(path, fields)
      statuses.push(last.status)
      if (last.status === 429) break
    }
    expect(statuses[0]).toBe(303)
    expect(statuses.slice(1, -1).every((status) => status === 409)).toBe(true)
    expect(statuses.at(-1)).toBe(429)
    expect(statuses.length).toBeGreaterThan(60)
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(Number(last?.headers.get('retry-after'))).toBeLessThanOrEqual(60)
    // the session of somebody else is another matter
    expect((await confirm(await dashboard({ cache }), '/cache/delete?mode=one&key=product')).status).toBe(303)
  })

  it('S37 are neither offered nor taken when the dashboard is read-only for this request', async () => {
    const client = await dashboard({ cache, readOnly: (req) => req.get('x-may') !== 'delete' })
    const form = await previewed(
      { get: async (path: string) => client.get(path, { 'x-may': 'delete' }) } as typeof client,
      '/cache/delete?mode=one&key=city',
    )
    expect(await page(client, '/cache/delete?mode=one&key=city')).not.toContain('<form')
    expect((await client.post(form.path, form.fields)).status).toBe(403)
    expect(await cache.count()).toBe(3)
    expect((await client.post(form.path, form.fields, { 'x-may': 'delete' })).status).toBe(303)
  })

  it('S38 are done once for each preview: the second time is 409, “Already done”', async () => {
    const client = await dashboard({ cache })
    const form = await previewed(client, '/cache/delete?mode=tree&key=product')
    expect((await client.post(form.path, form.fields)).status).toBe(303)
    await cache.set('product', 'anew')
    const second = await client.post(form.path, form.fields)
    expect(second.status).toBe(409)
    expect(textOf(await second.text())).toContain('Already done')
    // the second was no deletion that was begun
    expect((await cache.activity()).map(({ phase, outcome }) => [phase, outcome])).toEqual([
      ['result', 'denied'],
      ['result', 'done'],
      ['intent', undefined],
    ])
    expect(await cache.has('product')).toBe(true)
  })

  it('S38 are done once also where two processes that share a Redis get the same form at once', async () => {
    const redis = await startRedis()
    const options = { redis: redis.url, keyPrefix: 'shop', redisTimeout: '5s' as const }
    const [one, two] = [createKeyedCache(options), createKeyedCache(options)]
    try {
      const sessions = new session.MemoryStore()
      const processOf = async (own: KeyedCache): Promise<ReturnType<typeof serve>> => {
        const app = express()
        app.use(session({ secret: 'shared', resave: false, saveUninitialized: true, store: sessions }))
        app.use('/cache', keyedcacheAdmin({ cache: own, isStaff: () => true }))
        return serve(app)
      }
      const [first, second] = [await processOf(one), await processOf(two)]
      for (let round = 0; round < 10; round++) {
        await one.set('city', round)
        const form = await previewed(first, '/cache/delete?mode=one&key=city')
        const cookie = Array.from(first.cookies, ([name, value]) => `${name}=${value}`).join('; ')
        const answers = await Promise.all(
          [first, second, first, second].map((each) => each.post(form.path, form.fields, { cookie })),
        )
        expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([303, 409, 409, 409])
      }
    } finally {
      await one.close()
      await two.close()
      await redis.close()
    }
  })

  it('S38 need a preview of the last five minutes', async () => {
    const client = await dashboard({ cache })
    const form = await previewed(client, '/cache/delete?mode=one&key=city')
    const realNow = Date.now
    try {
      Date.now = () => realNow() + 5 * 60_000 + 1000
      const late = await client.post(form.path, form.fields)
      expect(late.status).toBe(409)
      expect(textOf(await late.text())).toContain('older than five minutes')
    } finally {
      Date.now = realNow
    }
    expect(await cache.count()).toBe(3)
  })

  it('S39 are recorded before and after, on one line each whatever the key holds', async () => {
    await cache.set(['a\n{"id":"forged"}'], 1)
    const client = await dashboard({ cache })
    const key = cache.key('a\n{"id":"forged"}')
    expect((await confirm(client, `/cache/delete?mode=one&k=${linked(key)}`)).status).toBe(303)
    const [result, intent, ...more] = await cache.activity()
    expect(more).toEqual([])
    expect(intent).toMatchObject({ phase: 'intent', actor: 'staff', mode: 'one', target: key, previewed: 1 })
    expect(intent?.time).toBeInstanceOf(Date)
    expect(intent?.ip).toBeTypeOf('string')
    expect(result).toMatchObject({ id: intent?.id, phase: 'result', outcome: 'done', deleted: 1 })
    expect(result?.ms).toBeGreaterThan(0)
  })

  it('S39 are not done when they cannot be recorded', async () => {
    const client = await dashboard({
      cache,
      onAudit: ({ phase }) => {
        if (phase === 'intent') throw new Error('the disk is full')
      },
    })
    expect((await confirm(client, '/cache/delete?mode=all')).status).toBe(503)
    expect(await cache.count()).toBe(3)
  })
})
