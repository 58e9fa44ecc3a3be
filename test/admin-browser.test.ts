import { request } from 'node:http'
import express, { type Express } from 'express'
import session from 'express-session'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keyedcacheAdmin, type KeyedcacheAdminOptions } from '../src/admin/admin.js'
import type { KeyedCache } from '../src/cache/cache.js'
import { createKeyedCache } from '../src/create-keyed-cache.js'
import { openBrowser } from './support/browser.js'
import { listen, type Listening } from './support/listen.js'
import { startRedis } from './support/redis-server.js'
import { until } from './support/until.js'

let browser: Browser
let cache: KeyedCache
const servers: Listening[] = []
const contexts: BrowserContext[] = []

beforeAll(async () => {
  browser = await openBrowser()
})

afterAll(async () => {
  await browser.close()
})

beforeEach(async () => {
  cache = createKeyedCache()
  await cache.setMany([
    ['product', 'all'],
    ['product::1', { name: 'chair' }],
    ['product::1::reviews', ['good']],
    ['product::10', 'x'.repeat(300)],
    [['long', 'y'.repeat(250)], '<script>document.title="bad"</script>'],
  ])
})

afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()))
  await Promise.all(servers.splice(0).map((server) => server.close()))
  await cache.close()
})

function application(mount: string, options: KeyedcacheAdminOptions = { cache }): Express {
  const app = express()
  app.use(session({ secret: 'a secret for tests only', resave: false, saveUninitialized: false }))
  app.use(mount, keyedcacheAdmin({ user: () => ({ name: 'ann' }), isStaff: () => true, ...options }))
  return app
}

async function serve(app: Express): Promise<string> {
  const server = await listen(app)
  servers.push(server)
  return server.url
}

/** A page in a browser of its own, and what it complained about. */
async function visit(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext(options)
  contexts.push(context)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('requestfailed', (failed) => {
    // The next page may be asked for while the icon of the last one is still on its way.
    const reason = failed.failure()?.errorText
    if (reason !== 'net::ERR_ABORTED') complaints.push(`${failed.url()} failed: ${reason}`)
  })
  return { page, complaints }
}

/** A proxy that takes a prefix off, as many stand in front of applications. */
async function proxyWithPrefix(prefix: string, target: string): Promise<string> {
  const app = express()
  app.use(prefix, (req, res) => {
    const { method, headers } = req
    const asked = request(new URL(target), { path: req.url, method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    req.pipe(asked)
  })
  return serve(app)
}

describe('in Chromium', () => {
  it.each([true, false])(
    'a key is found and deleted by links and buttons alone, with JavaScript: %s',
    async (javaScriptEnabled) => {
      const { page, complaints } = await visit({ javaScriptEnabled })
      await page.goto(`${await serve(application('/cache'))}/cache`)
      await page.getByRole('link', { name: 'Keys' }).click()
      await page.getByLabel('Starts with').fill('product::1')
      await page.getByRole('button', { name: 'Search' }).click()
      await page.getByRole('link', { name: 'product::1', exact: true }).last().click()
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('product::1')
      expect(await page.locator('pre.value').textContent()).toContain('"name": "chair"')
      await page.getByRole('link', { name: 'Delete this key and its 1 child' }).click()
      expect(await page.getByText('This will delete 2 keys').isVisible()).toBe(true)
      expect(await cache.count()).toBe(5)
      await page.getByRole('button', { name: 'Delete 2 keys' }).click()
      expect(await page.getByRole('alert').textContent()).toContain('Deleted 2 keys')
      expect((await cache.keys('product')).keys).toEqual(['product', 'product::10'])
      await page.reload()
      expect(await cache.count()).toBe(3)
      expect(complaints).toEqual([])
    },
  )

  it('a delete form that was not filled in deletes nothing and says what is missing, where the focus is', async () => {
    const { page } = await visit()
    await page.goto(`${await serve(application('/cache'))}/cache/delete`)
    expect(await page.getByRole('radio', { checked: true }).count()).toBe(0)
    await page.getByRole('button', { name: 'Preview' }).click()
    expect(await page.locator(':focus').textContent()).toContain('There is a problem')
    expect(await page.title()).toMatch(/^Error: /)
    await page.getByRole('link', { name: 'Choose what to delete' }).click()
    await page.keyboard.press('Space')
    await page.getByRole('button', { name: 'Preview' }).click()
    expect(await page.locator(':focus').textContent()).toContain('Enter the key to delete')
    expect(await page.getByRole('radio', { checked: true }).getAttribute('value')).toBe('one')
    expect(await cache.count()).toBe(5)
  })

  it.each([
    ['light', 1280],
    ['light', 320],
    ['dark', 1280],
    ['dark', 320],
  ] as const)('no page complains or is wider than the window: %s, %i px', async (colorScheme, width) => {
    const { page, complaints } = await visit({ colorScheme, viewport: { width, height: 700 } })
    const url = await serve(application('/cache', { cache, environment: 'production' }))
    const key = Buffer.from((await cache.keys('long')).keys[0] ?? '').toString('base64url')
    for (const path of ['', 'keys', 'keys?view=tree', `key?k=${key}`, 'delete', `delete?mode=one&k=${key}`]) {
      await page.goto(`${url}/cache/${path}`)
      const [scrolled, framed] = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement
        return [scrollWidth, clientWidth]
      })
      expect(scrolled, path).toBe(framed)
      expect(await page.title()).not.toBe('bad')
    }
    expect(complaints).toEqual([])
  })

  it.each(['/', '/a/b/cache'])('works behind a proxy that takes a prefix off, mounted at %s', async (mount) => {
    const proxy = await proxyWithPrefix('/tools', await serve(application(mount)))
    const { page, complaints } = await visit()
    await page.goto(`${proxy}/tools${mount}`)
    await page.getByRole('link', { name: 'Delete' }).click()
    await page.getByLabel('Everything in this cache').check()
    await page.getByRole('button', { name: 'Preview' }).click()
    await page.getByLabel('To confirm').fill('default')
    await page.getByRole('button', { name: 'Delete 5 keys' }).click()
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 5 keys')
    expect(new URL(page.url()).pathname).toBe(`/tools${mount === '/' ? '' : mount}/delete`)
    expect(complaints).toEqual([])
  })

  it('is not shown in frames, and takes no form of a page on another port', async () => {
    const url = await serve(application('/cache'))
    const { page } = await visit()
    await page.goto(`${url}/cache/delete?mode=all`)
    const token = await page.locator('[name=_csrf]').inputValue()
    const attacker = express()
    attacker.get('/form', (_req, res) => {
      res.send(
        `<form method="post" action="${url}/cache/delete?mode=all"><input name="_csrf" value="${token}"><button>Win</button></form>`,
      )
    })
    attacker.get('/frame', (_req, res) => void res.send(`<iframe src="${url}/cache/"></iframe>`))
    const evil = await serve(attacker)
    await page.goto(`${evil}/form`)
    const answer = page.waitForResponse(`${url}/cache/delete?mode=all`)
    await page.getByRole('button').click()
    expect((await answer).status()).toBe(403)
    expect(await cache.count()).toBe(5)
    await page.goto(`${evil}/frame`)
    expect(await page.frames()[1]?.getByRole('heading', { name: 'Overview' }).count()).toBe(0)
  })
})

describe('the refreshing of the overview', () => {
  it('changes numbers every 5 seconds, keeps the focus, and stops when paused or hidden', async () => {
    const { page, complaints } = await visit()
    let refreshed = 0
    page.on('request', (asked) => {
      if (asked.url().endsWith('/api/stats')) refreshed++
    })
    await page.clock.install()
    await page.goto(`${await serve(application('/cache'))}/cache`)
    await page.getByRole('link', { name: 'Refresh' }).focus()
    await cache.get('product')
    await page.clock.fastForward(5000)
    await until(async () => (await page.locator('[data-live=calls]').textContent()) === '1', 'the page shows the call')
    expect(await page.locator('[data-live=hitRate]').textContent()).toBe('100.0 %')
    expect(await page.locator('[data-live=hitRateNote]').textContent()).toBe('of 1 call')
    expect(await page.locator(':focus').textContent()).toBe('Refresh')

    await page.getByRole('button', { name: 'Pause updates' }).click()
    const before = refreshed
    await page.clock.fastForward(60_000)
    expect(refreshed).toBe(before)
    await page.getByRole('button', { name: 'Pause updates' }).click()
    await until(() => refreshed === before + 1, 'it goes on at once')

    await setHidden(page, true)
    const hiddenAt = refreshed
    await page.clock.fastForward(60_000)
    expect(refreshed).toBe(hiddenAt)
    await setHidden(page, false)
    await until(() => refreshed === hiddenAt + 1, 'it goes on when shown again')
    expect(complaints).toEqual([])
  })

  it('says that Redis is down, and that it is up again, without a reload', async () => {
    const redis = await startRedis()
    const logger = { info() {}, warn() {}, error() {} }
    const remote = createKeyedCache({ redis: redis.url, keyPrefix: 'browser-test', logger })
    try {
      await remote.require()
      const { page } = await visit()
      await page.clock.install()
      await page.goto(`${await serve(application('/cache', { cache: remote }))}/cache`)
      expect(await page.getByRole('alert').count()).toBe(0)
      await redis.kill()
      await until(async () => !(await remote.stats()).backend.up, 'the cache knows that Redis is down')
      await until(async () => {
        await page.clock.fastForward(5000)
        return page.getByText(/Backend down since \d{4}-/).isVisible()
      }, 'the page says so')
      expect(await page.locator('[data-live=keys]').textContent()).toBe('unavailable')
      await redis.restart()
      await until(async () => (await remote.stats()).backend.up, 'the cache reaches Redis again')
      await until(async () => {
        await page.clock.fastForward(5000)
        return (await page.getByRole('alert').count()) === 0
      }, 'the page says so again')
      expect(await page.locator('[data-live=keys]').textContent()).toBe('0')
    } finally {
      await remote.close()
      await redis.close()
    }
  })
})

/** A headless browser never hides its pages, so the page is told. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((isHidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })
    document.dispatchEvent(new Event('visibilitychange'))
  }, hidden)
}
