import express from 'express'
import type { Page } from 'playwright-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
import { dashboardApp } from '../support/dashboard.js'
import { startRedis } from '../support/redis-server.js'
import { serving } from '../support/serving.js'
import { until } from '../support/until.js'
import { visiting } from '../support/visiting.js'

let cache: KeyedCache

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

afterEach(() => cache.close())

const { url: serve } = serving()
const visitor = visiting()

describe('in Chromium', () => {
  it.each([true, false])(
    'a key is found and deleted by links and buttons alone, with JavaScript: %s',
    async (javaScriptEnabled) => {
      const { page, complaints } = await visitor({ javaScriptEnabled })
      await page.goto(`${await serve(dashboardApp({ cache }))}/cache`)
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
    const { page } = await visitor()
    await page.goto(`${await serve(dashboardApp({ cache }))}/cache/delete`)
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
    const { page, complaints } = await visitor({ colorScheme, viewport: { width, height: 700 } })
    const url = await serve(dashboardApp({ cache, environment: 'production' }))
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

  it('at 320 px, an action of the activity says first what came of it, within the window', async () => {
    const intent = {
      id: 'a',
      time: new Date(),
      mode: 'tree',
      target: `long::${'x'.repeat(5000)}`,
      previewed: 1204,
    } as const
    const actor = 'katharina.hohenfels@example.org'
    const reason = undefined
    await cache.audit({
      ...intent,
      phase: 'result',
      actor,
      ip: '192.0.2.1',
      outcome: 'done',
      deleted: 1209,
      ms: 84,
      reason,
    })
    const { page } = await visitor({ viewport: { width: 320, height: 700 } })
    await page.goto(`${await serve(dashboardApp({ cache }))}/cache/activity`)
    const box = async (text: string): Promise<{ top: number; height: number; right: number }> => {
      const { y, height, x, width } = (await page.getByText(text).boundingBox())!
      return { top: y, height, right: x + width }
    }
    const [outcome, who, deleted] = [await box('done'), await box(actor), await box('1,209')]
    expect(outcome.top).toBeLessThan(who.top)
    expect(who.top).toBeLessThan(deleted.top)
    expect(who.height).toBeLessThan(30)
    expect(Math.max(outcome.right, who.right, deleted.right)).toBeLessThanOrEqual(320)
    expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThan(900)
    await page.getByText('long::xxx').first().click()
    expect(await page.getByText(intent.target, { exact: true }).isVisible()).toBe(true)
  })

  it('at 320 px, a key of many long parts is a page of a few screens', async () => {
    const key = cache.key(...Array.from({ length: 30 }, (_, i) => `part${i}-${'x'.repeat(200)}`))
    await cache.set(key, 1)
    const { page } = await visitor({ viewport: { width: 320, height: 700 } })
    await page.goto(`${await serve(dashboardApp({ cache }))}/cache/key?k=${Buffer.from(key).toString('base64url')}`)
    expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThan(4500)
    expect((await page.getByRole('link', { name: 'Delete this key' }).boundingBox())?.y).toBeLessThan(700)
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(key)
    await page.getByText('Show its 30 parts').click()
    expect(await page.getByText(`part29-${'x'.repeat(200)}`, { exact: true }).isVisible()).toBe(true)
  })

  it('who is not staff is told so on a page that looks like the others, light and dark', async () => {
    const [own, other] = [
      await serve(dashboardApp({ cache })),
      await serve(dashboardApp({ cache, isStaff: () => false })),
    ]
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page, complaints } = await visitor({ colorScheme })
      const looks = async (url: string): Promise<string[]> => {
        await page.goto(`${url}/cache/`)
        return page.evaluate(() =>
          ['body', 'header', 'h1'].map((name) => {
            const { backgroundColor, color, fontFamily, padding } = getComputedStyle(document.querySelector(name)!)
            return [backgroundColor, color, fontFamily, padding].join()
          }),
        )
      }
      expect(await looks(other)).toEqual(await looks(own))
      expect(complaints).toEqual([])
    }
  })

  it('the header stands still from page to page', async () => {
    const { page } = await visitor()
    const url = await serve(dashboardApp({ cache }))
    const places: unknown[] = []
    for (const path of ['', 'keys', 'delete', 'activity', 'nowhere']) {
      await page.goto(`${url}/cache/${path}`)
      const links = page.getByRole('banner').getByRole('link')
      places.push(await Promise.all((await links.all()).map((link) => link.boundingBox())))
    }
    for (const place of places) expect(place).toEqual(places[0])
  })

  it('is not shown in frames, and takes no form of a page on another port', async () => {
    const url = await serve(dashboardApp({ cache }))
    const { page } = await visitor()
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
    const { page, complaints } = await visitor()
    let refreshed = 0
    page.on('request', (asked) => {
      if (asked.url().endsWith('/api/stats')) refreshed++
    })
    await page.clock.install()
    await page.goto(`${await serve(dashboardApp({ cache }))}/cache`)
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
    const remote = createKeyedCache({ redis: redis.url, keyPrefix: 'browser-test', redisTimeout: '5s', logger })
    try {
      await remote.require()
      const { page } = await visitor()
      await page.clock.install()
      await page.goto(`${await serve(dashboardApp({ cache: remote }))}/cache`)
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
