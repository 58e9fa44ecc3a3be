import express, { type Express } from 'express'
import session from 'express-session'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyedcacheAdmin } from '../../../src/admin/admin.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../support/both-stores.js'
import { startRedis } from '../../support/redis-server.js'
import { serving } from '../../support/serving.js'
import { until } from '../../support/until.js'
import { visiting } from '../../support/visiting.js'

const QUIET = { info() {}, warn() {}, error() {} }
const POLL_MS = 5000

const server = serving()
const opened: KeyedCache[] = []
let cache: KeyedCache

beforeEach(async () => {
  cache = open()
  await cache.set(['product', 1], 'chair')
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
})

const visitor = visiting()

function open(options: Parameters<typeof createKeyedCache>[0] = {}): KeyedCache {
  const each = createKeyedCache({ logger: QUIET, ...options })
  opened.push(each)
  return each
}

function application(of: KeyedCache, isSignedIn: () => boolean = () => true): Express {
  const app = express()
  app.use(session({ secret: 'a secret for tests only', resave: false, saveUninitialized: false }))
  app.use(
    '/cache',
    keyedcacheAdmin({ cache: of, user: () => (isSignedIn() ? { name: 'ann', isStaff: true } : undefined) }),
  )
  app.get('/accounts/login', (_req, res) => void res.send('<title>Sign in</title>'))
  return app
}

/** What a visitor sees of a page with a clock that the test moves. */
interface Overview {
  readonly page: Page
  readonly complaints: string[]
  /** How often the statistics were asked for. */
  polls(): number
  /** What the element shows that is kept fresh under this name. */
  shown(name: string): Promise<string | null>
  /** Lets this time pass. */
  pass(ms: number): Promise<void>
}

async function overview(app: Express, options: BrowserContextOptions = {}): Promise<Overview> {
  const { page, complaints } = await visitor(options)
  let polls = 0
  page.on('request', (asked) => {
    if (new URL(asked.url()).pathname.endsWith('/api/stats')) polls++
  })
  await page.clock.install()
  await page.goto(`${await server.url(app)}/cache/`)
  return {
    page,
    complaints,
    polls: () => polls,
    shown: async (name) => page.locator(`[data-live="${name}"]`).textContent(),
    pass: async (ms) => page.clock.fastForward(ms),
  }
}

/** By the clock of the page, in ms since 1970. */
async function now(page: Page): Promise<number> {
  return page.evaluate(() => Date.now())
}

/** A headless browser never hides its pages, so the page is told. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((isHidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })
    document.dispatchEvent(new Event('visibilitychange'))
  }, hidden)
}

describe('the overview in Chromium', () => {
  it('O4 says within one poll that Redis is down, and that it is up again, without a reload', async () => {
    const redis = await startRedis()
    try {
      const remote = open({ redis: redis.url, keyPrefix: freshPrefix() })
      await remote.require()
      const { page, shown, pass } = await overview(application(remote))
      expect(await page.getByRole('alert').count()).toBe(0)
      await redis.kill()
      const isKnown = async (): Promise<boolean> => /ECONNREFUSED/.test((await remote.stats()).backend.error ?? '')
      await until(isKnown, 'the cache knows that Redis is down, and why')
      await pass(POLL_MS)
      await until(
        () => page.getByText(/Backend down since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/).isVisible(),
        'the page says so',
      )
      expect(await page.getByRole('alert').count()).toBe(1)
      expect(await page.getByRole('alert').textContent()).toContain('start Redis, or look at host and port')
      expect(await page.locator('[data-down] time').getAttribute('datetime')).toMatch(/^\d{4}-.*Z$/)
      expect(await shown('keys')).toBe('unavailable')
      expect(await page.locator('[data-state]').allTextContents()).toEqual(['down', 'down'])
      expect(await page.locator('[data-state=down]').count()).toBe(2)
      expect(await page.getByText('This process only, while').isVisible()).toBe(true)
      await redis.restart()
      await until(async () => (await remote.stats()).backend.up, 'the cache reaches Redis again')
      await pass(POLL_MS)
      await until(async () => (await page.getByRole('alert').count()) === 0, 'the page says so')
      expect(await page.getByRole('status').textContent()).toContain('The backend answers again.')
      expect(await page.locator('[data-state=up]').allTextContents()).toEqual(['up', 'up'])
      expect(await shown('keys')).toBe('0')
      expect(await page.getByText('All processes that share this cache').isVisible()).toBe(true)
    } finally {
      await redis.close()
    }
  })

  it('O5 keeps focus, selection, scroll and what is open through three polls', async () => {
    const { page, polls, shown, pass, complaints } = await overview(application(cache), {
      viewport: { width: 800, height: 400 },
    })
    await cache.get('product::1')
    await page.reload()
    const before = polls()
    await page.getByText('Show the numbers').click()
    await page.evaluate(() => {
      const heading = document.querySelector('#processes')
      if (heading) getSelection()?.selectAllChildren(heading)
      window.scrollTo(0, 500)
    })
    await page.getByRole('link', { name: 'product' }).focus({ timeout: 1000 })
    const state = (): Promise<unknown[]> =>
      page.evaluate(() => [
        document.activeElement?.textContent,
        getSelection()?.toString(),
        document.querySelector('details')?.open,
        window.scrollY,
      ])
    const held = await state()
    expect(held.slice(0, 3)).toEqual(['product', 'Processes', true])
    for (let poll = 1; poll <= 3; poll++) {
      await cache.get('product::1')
      // a minute each, so that the chart is drawn anew as well
      await pass(60_000)
      await until(() => polls() === before + poll, 'the numbers are asked for')
      await until(async () => (await shown('calls')) === String(1 + poll), 'the page shows the call')
    }
    expect(await page.locator('[data-group=product] td').first().textContent()).toBe('4')
    expect(await state()).toEqual(held)
    expect(complaints).toEqual([])
  })

  it('O6 asks for nothing while the tab is hidden, and at once when it is shown again', async () => {
    const { page, polls, pass } = await overview(application(cache))
    await setHidden(page, true)
    await pass(20_000)
    expect(polls()).toBe(0)
    await setHidden(page, false)
    await until(() => polls() === 1, 'the numbers are asked for at once')
    await until(async () => {
      await pass(POLL_MS)
      return polls() > 1
    }, 'they are asked for again')
  })

  it('O7 shows every value without JavaScript, and nothing that only scripts could use', async () => {
    await cache.getOrSet(['product', 2], () => 'table')
    await cache.get('product::1')
    const { page, complaints } = await overview(application(cache), { javaScriptEnabled: false })
    const text = (await page.locator('main').innerText()).replace(/\s+/g, ' ')
    expect(text).toContain('Hit rate 50.0 % of 2 calls Calls 2 Hits 1 Misses 1 Keys 2')
    expect(text).toMatch(/product 2 1 50\.0 % [\d.]+ ms [\d.]+ ms 2/)
    expect(text).not.toMatch(/loading|pause|signed out|sign in/i)
    expect(await page.locator('.plot path.rate').getAttribute('d')).toMatch(/^M/)
    expect(
      await page.getByRole('img', { name: /Hit rate and calls.*Lowest 50 %, highest 50 %, now 50 %/ }).count(),
    ).toBe(1)
    await page.getByText('Show the numbers').click()
    expect(await page.getByRole('row', { name: /^\d\d:\d\d 2 1 50.0 %$/ }).isVisible()).toBe(true)
    await cache.get('product::1')
    await page.getByRole('link', { name: 'Refresh' }).click()
    expect(await page.locator('[data-live=calls]').textContent()).toBe('3')
    expect(complaints).toEqual([])
  })

  it('shows after a poll what the server would show', async () => {
    const names = [
      'hitRate',
      'hitRateNote',
      'calls',
      'hits',
      'misses',
      'stale',
      'keys',
      'saved',
      'computations',
      'errors',
    ]
    const { page, polls, shown, pass } = await overview(application(cache))
    expect(await page.getByRole('meter').count()).toBe(0)
    const slowly = async (): Promise<string> => new Promise((resolve) => setTimeout(resolve, 30, 'slow'))
    for (let i = 0; i < 1200; i++) await cache.get(['product', 1])
    for (let i = 0; i < 3; i++) await cache.getOrSet(['report', 1], slowly)
    await page.reload()
    for (let i = 0; i < 30; i++) await cache.getOrSet(['report', i % 2], slowly)
    const before = polls()
    await pass(POLL_MS)
    await until(async () => polls() > before && (await shown('calls')) === '1,233', 'the page shows the calls')
    const shownAll = (): Promise<string[]> =>
      page.locator('dl.cards b, dl.cards span, dl.facts dd, [data-group] td:not(:last-child)').allTextContents()
    const polled = await shownAll()
    const meter = await page.getByRole('meter').getAttribute('value')
    const values = await Promise.all(names.map(shown))
    await page.reload()
    expect(await Promise.all(names.map(shown))).toEqual(values)
    expect(await shownAll()).toEqual(polled)
    expect(Number(meter)).toBeCloseTo(Number(await page.getByRole('meter').getAttribute('value')), 10)
  })

  it('stops while paused, and goes on at once', async () => {
    const { page, polls, pass } = await overview(application(cache))
    const pause = page.getByRole('button', { name: 'Pause updates' })
    expect(await pause.getAttribute('aria-pressed')).toBe('false')
    await pause.click()
    expect(await pause.getAttribute('aria-pressed')).toBe('true')
    await pass(60_000)
    expect(polls()).toBe(0)
    await pause.click()
    await until(() => polls() === 1, 'the numbers are asked for at once')
    expect(await pause.getAttribute('aria-pressed')).toBe('false')
  })

  it('asks more and more rarely while there is no answer, from every 5 to every 60 seconds', async () => {
    const { page, polls, pass } = await overview(application(cache))
    await page.route('**/api/stats', (route) => route.abort())
    let askedAt = await now(page)
    for (const [index, seconds] of [5, 10, 20, 40, 60, 60].entries()) {
      await until(async () => {
        await pass(1000)
        return polls() > index
      }, `they are asked for after ${seconds} s`)
      const gap = (await now(page)) - askedAt
      expect(gap).toBeGreaterThan(seconds * 1000 - 1000)
      expect(gap).toBeLessThan(seconds < 30 ? seconds * 2000 : seconds * 1000 + 20_000)
      askedAt = await now(page)
      await until(
        async () => (await page.getByRole('status').textContent())?.includes('could not be refreshed'),
        'the page says so',
      )
    }
    await page.unroute('**/api/stats')
    await pass(60_000)
    await until(
      async () => !(await page.getByRole('status').textContent())?.includes('could not'),
      'the page has answers again',
    )
  })

  it('says to who is signed out that they are, with a link to sign in, and stops asking', async () => {
    let isSignedIn = true
    const { page, polls, pass } = await overview(application(cache, () => isSignedIn))
    const signIn = page.getByRole('status').getByRole('link', { name: 'Sign in again' })
    expect(await signIn.count()).toBe(0)
    isSignedIn = false
    await pass(POLL_MS)
    await until(
      async () => (await page.getByRole('status').textContent())?.includes('You have been signed out.'),
      'the page says so',
    )
    await pass(60_000)
    expect(polls()).toBe(1)
    await signIn.click()
    expect(await page.title()).toBe('Sign in')
    expect(new URL(page.url()).searchParams.get('next')).toBe('/cache/')
  })

  it('draws the chart anew when a minute has begun', async () => {
    const { page, pass } = await overview(application(cache))
    expect(await page.locator('.plot path.rate').getAttribute('d')).toBe('')
    await cache.get('product::1')
    await pass(60_000)
    await until(
      async () => (await page.locator('.plot path.rate').getAttribute('d')) !== '',
      'the chart shows the call',
    )
    expect(await page.locator('.plot desc').textContent()).toContain('Lowest 100 %')
    expect(await page.locator('[data-chart] tbody tr').first().textContent()).toMatch(/\d\d:\d\d11100.0 %|\d\d:\d\d00—/)
  })

  it.each([
    ['light', 1280],
    ['light', 320],
    ['dark', 1280],
    ['dark', 320],
  ] as const)('is never wider than the window, and complains of nothing: %s, %i px', async (colorScheme, width) => {
    await cache.get('product::1')
    await cache.set(['unbroken'.repeat(30), 1], 1)
    await cache.get(['unbroken'.repeat(30), 1])
    const { page, complaints } = await overview(application(cache), { colorScheme, viewport: { width, height: 800 } })
    await page.getByText('Show the numbers').click()
    const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement)
    expect(scrollWidth).toBe(clientWidth)
    expect(complaints).toEqual([])
  })
})
