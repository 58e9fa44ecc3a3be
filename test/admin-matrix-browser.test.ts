import { request } from 'node:http'
import express, { type Express } from 'express'
import helmet from 'helmet'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { KeyedCache } from '../src/cache/cache.js'
import { createKeyedCache } from '../src/create-keyed-cache.js'
import { violations } from './support/axe.js'
import { openBrowser } from './support/browser.js'
import { dashboardApp, linked } from './support/dashboard.js'
import { HttpClient } from './support/http-client.js'
import { follow, tabTo } from './support/keyboard.js'
import { listen, type Listening } from './support/listen.js'
import { startRedis } from './support/redis-server.js'
import { visit, type Visitor } from './support/visitor.js'

const PAGES = [
  '',
  'keys',
  'keys?view=tree',
  'keys?prefix=product',
  'keys?prefix=prod',
  'keys?prefix=none',
  'keys?limit=2&page=2&after=product',
  'keys?after=zzz',
  'keys?limit=x',
  `key?k=${linked('product')}`,
  `key?k=${linked('product::1')}&as=hex`,
  `key?k=${linked('product::9')}`,
  'key?k=***',
  'delete',
  'delete?mode=&key=product&tag=',
  'delete?mode=one&key=',
  `delete?mode=one&k=${linked('product')}`,
  `delete?mode=tree&k=${linked('product')}`,
  `delete?mode=tag&t=${linked('chairs')}`,
  'delete?mode=all',
  'activity',
  'nowhere',
]

let browser: Browser
const servers: Listening[] = []
const visitors: Visitor[] = []
const caches: KeyedCache[] = []

beforeAll(async () => {
  browser = await openBrowser()
})

afterAll(() => browser.close())

afterEach(async () => {
  await Promise.all(visitors.splice(0).map(({ context }) => context.close()))
  await Promise.all(servers.splice(0).map((server) => server.close()))
  await Promise.all(caches.splice(0).map((cache) => cache.close()))
})

async function serve(app: Express): Promise<string> {
  const server = await listen(app)
  servers.push(server)
  return server.url
}

async function visitor(options: Parameters<typeof visit>[1] = {}): Promise<Visitor> {
  const opened = await visit(browser, options)
  visitors.push(opened)
  return opened
}

function empty(): KeyedCache {
  const cache = createKeyedCache()
  caches.push(cache)
  return cache
}

/** A shop's cache, with some calls counted. */
async function filled(cache: KeyedCache = empty()): Promise<KeyedCache> {
  await cache.setMany([
    ['product', 'all'],
    ['product::2', { name: 'table' }],
    ['other', new Map([['a', 1n]])],
    [['long', 'y'.repeat(250)], 'v'],
    ['user::1', { name: 'ann', password: 'secret' }],
  ])
  await cache.set('product::1', { name: 'chair' }, { tags: ['chairs', 'sale'], ttl: Infinity })
  await cache.getOrSet('computed', async () => 'slowly')
  for (const key of ['product', 'product::1', 'missing']) await cache.get(key, { default: null })
  return cache
}

describe.each(['light', 'dark'] as const)('axe has nothing against any page, %s', (colorScheme) => {
  async function judge(url: string): Promise<void> {
    const { page, complaints } = await visitor({ colorScheme })
    const found: string[] = []
    for (const path of PAGES) {
      await page.goto(`${url}/cache/${path}`)
      for (const violation of await violations(page)) found.push(`${path}: ${violation}`)
    }
    expect(found).toEqual([])
    expect(complaints).toEqual([])
  }

  it('with data', { timeout: 120_000 }, async () => {
    const url = await serve(dashboardApp({ cache: await filled(), environment: 'production' }))
    await judge(url)
    const { page, complaints } = await visitor({ colorScheme })
    await page.goto(`${url}/cache/delete?mode=tag&t=${linked('sale')}`)
    await page.getByRole('button', { name: 'Delete 1 key' }).click()
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 1 key')
    expect(await violations(page)).toEqual([])
    await page.goto(`${url}/cache/activity`)
    expect(await page.getByRole('row').count()).toBeGreaterThan(1)
    expect(await violations(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  it('without data', { timeout: 120_000 }, async () => judge(await serve(dashboardApp({ cache: empty() }))))

  it('with several caches, and read-only', { timeout: 120_000 }, async () => {
    const cache = await filled()
    await judge(await serve(dashboardApp({ caches: { main: cache, other: empty() }, readOnly: true })))
  })

  it('with Redis down', { timeout: 120_000 }, async () => {
    const redis = await startRedis()
    try {
      const logger = { info() {}, warn() {}, error() {} }
      const cache = await filled(createKeyedCache({ redis: redis.url, keyPrefix: 'matrix', logger }))
      caches.push(cache)
      const url = await serve(dashboardApp({ cache }))
      await redis.kill()
      await judge(url)
    } finally {
      await redis.close()
    }
  })
})

/** A proxy that takes a prefix off, as many stand in front of applications. */
function proxy(prefix: string, target: string): Express {
  return express().use(prefix, (req, res) => {
    const { method, headers } = req
    const asked = request(new URL(target), { path: req.url, method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    req.pipe(asked)
  })
}

/** A host with a strict policy of its own, and a page. */
function strictHost(inner: Express): Express {
  const host = express()
  host.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], sandbox: [] } },
      crossOriginEmbedderPolicy: true,
      referrerPolicy: { policy: 'no-referrer' },
    }),
  )
  host.use(inner)
  host.get('/host', (_req, res) => void res.send('the page of the host'))
  return host
}

/** Opens every page that links lead to, and gives what is wrong with any. */
async function crawl(page: Page, start: string): Promise<{ seen: Set<string>; wrong: string[] }> {
  const wrong: string[] = []
  const seen = new Set<string>()
  const todo = [start]
  for (let url = todo.pop(); url !== undefined; url = todo.pop()) {
    if (seen.has(url)) continue
    seen.add(url)
    const answer = await page.goto(url)
    if (answer?.status() !== 200) wrong.push(`${answer?.status()} for ${url}`)
    const written = await page.evaluate(() =>
      [...document.querySelectorAll('[href], [src], [action], [data-stats]')].map((element) => {
        const name = ['href', 'src', 'action', 'data-stats'].find((each) => element.hasAttribute(each)) ?? ''
        const value = element.getAttribute(name) ?? ''
        const isPage = element instanceof HTMLAnchorElement && !value.startsWith('#')
        return { value, url: new URL(value, document.baseURI).href.replace(/#.*/, ''), isPage }
      }),
    )
    for (const { value, url: target, isPage } of written) {
      if (/^(?:\/|[a-z]+:)/i.test(value)) wrong.push(`${value} on ${url} is not relative`)
      if (!target.startsWith(start)) wrong.push(`${value} on ${url} leads out of the mount`)
      if (isPage) todo.push(target)
    }
  }
  return { seen, wrong }
}

describe('mounted', () => {
  it.each([
    ['at /', '/', ''],
    ['at /cache', '/cache', ''],
    ['at /a/b/cache', '/a/b/cache', ''],
    ['at /, behind a proxy that takes a prefix off', '/', '/tools'],
    ['at /a/b/cache, behind a proxy that takes a prefix off', '/a/b/cache', '/tools/x'],
  ])('%s, no link is broken and nothing complains', { timeout: 120_000 }, async (_where, mount, prefix) => {
    const inner = await serve(dashboardApp({ cache: await filled() }, mount))
    const outer = prefix === '' ? inner : await serve(proxy(prefix, inner))
    const { page, complaints } = await visitor()
    const root = `${outer}${prefix}${mount === '/' ? '' : mount}/`
    const { seen, wrong } = await crawl(page, root)
    expect(wrong).toEqual([])
    expect(seen.size).toBeGreaterThan(20)
    // also from the mount without its slash, where there is one
    if (mount !== '/') {
      await page.goto(root.slice(0, -1))
      expect(page.url()).toBe(root)
    }
    await page.goto(`${root}delete?mode=one&k=${linked('product')}`)
    await page.getByRole('button', { name: 'Delete 1 key' }).click()
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 1 key')
    expect(complaints).toEqual([])
  })

  it('under a host with a strict helmet of its own, everything works and the host’s headers stay', async () => {
    const url = await serve(strictHost(dashboardApp({ cache: await filled() }, '/cache')))
    const without = await serve(strictHost(express()))
    const { page, complaints } = await visitor()
    const { seen, wrong } = await crawl(page, `${url}/cache/`)
    expect(wrong).toEqual([])
    expect(seen.size).toBeGreaterThan(20)
    await page.goto(`${url}/cache/delete?mode=one&k=${linked('product')}`)
    await page.getByRole('button', { name: 'Delete 1 key' }).click()
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 1 key')
    expect(complaints).toEqual([])

    const headers = async (site: string): Promise<Record<string, string>> => {
      const { date: _date, ...rest } = Object.fromEntries((await new HttpClient(site).get('/host')).headers)
      return rest
    }
    expect(await headers(url)).toEqual(await headers(without))
    expect((await headers(url))['content-security-policy']).toBe("default-src 'none';sandbox")
  })
})

describe.each([true, false])('by keyboard alone, with JavaScript: %s', (javaScriptEnabled) => {
  async function begin(): Promise<{ cache: KeyedCache; page: Page; complaints: string[] }> {
    const cache = await filled()
    const url = await serve(dashboardApp({ cache }))
    const { page, complaints } = await visitor({ javaScriptEnabled })
    await page.goto(`${url}/cache`)
    return { cache, page, complaints }
  }

  it('a key is found, read in every form, and deleted', async () => {
    const { cache, page, complaints } = await begin()
    await follow(page, 'Keys')
    await tabTo(page, 'Starts with')
    await page.keyboard.type('product::1')
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
    await follow(page, 'product::1')
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('product::1')
    expect(await page.locator('pre').textContent()).toContain('"name": "chair"')
    await follow(page, 'Text')
    expect(await page.locator('pre').textContent()).toContain("name: 'chair'")
    await follow(page, 'Hex')
    expect(await page.locator('pre').textContent()).toContain('00000000  7b 22 6e')
    await follow(page, 'Delete this key')
    await follow(page, 'Delete 1 key')
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 1 key')
    expect(await cache.has('product::1')).toBe(false)
    expect(await cache.count('product')).toBe(2)
    expect(complaints).toEqual([])
  })

  it('a group is found in the tree and deleted', async () => {
    const { cache, page, complaints } = await begin()
    await follow(page, 'Keys')
    await follow(page, 'Tree')
    await follow(page, /^Delete all product$/)
    expect(await page.getByText('This will delete 3 keys').isVisible()).toBe(true)
    await follow(page, 'Delete 3 keys')
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 3 keys')
    expect(await cache.count('product')).toBe(0)
    expect(await cache.count()).toBe(4)
    expect(complaints).toEqual([])
  })

  it('what carries a tag is deleted, after a mistake that the page explains', async () => {
    const { cache, page, complaints } = await begin()
    await follow(page, 'Delete')
    await follow(page, 'Preview')
    expect(await page.locator(':focus').textContent()).toContain('There is a problem')
    await tabTo(page, /^Choose/)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Space')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await tabTo(page, /^Tag/)
    await page.keyboard.type('chairs')
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
    await follow(page, 'Delete 1 key')
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 1 key')
    expect(await cache.has('product::1')).toBe(false)
    expect(complaints).toEqual([])
  })

  it('everything is deleted after typing a name, which Activity then tells', async () => {
    const { cache, page, complaints } = await begin()
    await follow(page, 'Delete')
    await tabTo(page, 'One key')
    await page.keyboard.press('ArrowUp')
    expect(await page.getByRole('radio', { checked: true }).getAttribute('value')).toBe('all')
    await follow(page, 'Preview')
    const name = (await page.locator('#name-to-type').textContent()) ?? ''
    await follow(page, /^Delete 7 keys$/)
    expect(await page.locator(':focus').textContent()).toContain('There is a problem')
    expect(await cache.count()).toBe(7)
    await tabTo(page, /^To confirm, type/)
    await page.keyboard.type(name)
    await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 7 keys')
    expect(await cache.count()).toBe(0)
    await follow(page, 'Activity')
    expect(await page.getByRole('row').nth(1).textContent()).toMatch(/ann/)
    expect(complaints).toEqual([])
  })

  it('the numbers of the overview are all there, and are refreshed', async () => {
    const { cache, page, complaints } = await begin()
    expect(await page.locator('main').textContent()).not.toMatch(/Loading|NaN|undefined/)
    expect(await page.locator('[data-live=calls]').textContent()).toBe('4')
    await cache.get('product')
    await follow(page, 'Refresh')
    expect(await page.locator('[data-live=calls]').textContent()).toBe('5')
    expect(complaints).toEqual([])
  })
})
