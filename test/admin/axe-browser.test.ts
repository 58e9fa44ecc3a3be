import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { violations } from '../support/axe.js'
import { dashboardApp, linked } from '../support/dashboard.js'
import { isFull } from '../support/size.js'
import { startRedis } from '../support/redis-server.js'
import { serving } from '../support/serving.js'
import { shop } from '../support/shop.js'
import { openTabs } from '../support/tabs.js'
import { visiting } from '../support/visiting.js'

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

/** Those of axe's rules, of all that it goes by, that look at colours. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block']

const { empty, filled } = shop()
const { url } = serving()
const visitor = visiting()

/** What axe has against the page that is open, in light and in dark, which is the same document in other colours. */
async function violationsInBoth(page: Page): Promise<string[]> {
  await page.emulateMedia({ colorScheme: 'light' })
  const inLight = await violations(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  const inDark = await violations(page, COLOUR_RULES)
  return [...inLight.map((each) => `in light: ${each}`), ...inDark.map((each) => `in dark: ${each}`)].map(
    (each) => `${page.url()}, ${each}`,
  )
}

describe('axe has nothing against any page, light or dark', () => {
  /** Looks at all pages; in `npm test` at a quarter of them, another one in each place. */
  async function judge(site: string, quarter: number): Promise<void> {
    const found: string[] = []
    const pages = isFull ? PAGES : PAGES.filter((_page, i) => i % 4 === quarter)
    const tabs = await openTabs(visitor)
    await tabs.each(pages, async (page, path) => {
      await page.goto(`${site}/cache/${path}`)
      found.push(...(await violationsInBoth(page)))
    })
    expect(found).toEqual([])
    expect(tabs.complaints).toEqual([])
  }

  it('with data', { timeout: 120_000 }, async () => {
    const site = await url(dashboardApp({ cache: await filled(), environment: 'production' }))
    await judge(site, 0)
    const { page, complaints } = await visitor()
    await page.goto(`${site}/cache/delete?mode=tag&t=${linked('sale')}`)
    await page.getByRole('button', { name: 'Delete 1 key' }).click()
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 1 key')
    expect(await violationsInBoth(page)).toEqual([])
    await page.goto(`${site}/cache/activity`)
    expect(await page.getByRole('row').count()).toBeGreaterThan(1)
    expect(await violationsInBoth(page)).toEqual([])
    expect(complaints).toEqual([])
  })

  it('with keys, tags and groups of nothing but spaces', { timeout: 120_000 }, async () => {
    const cache = empty()
    await cache.set('   ', 1, { tags: ['  '] })
    await cache.get('   ')
    let end = (): void => {}
    const computed = cache.getOrSet(' ', () => new Promise<number>((resolve) => (end = () => resolve(1))))
    const site = await url(dashboardApp({ cache }))
    const { page } = await visitor()
    for (const path of [
      '',
      'keys',
      'keys?view=tree',
      `key?k=${linked('   ')}`,
      `delete?mode=tree&k=${linked('   ')}`,
    ]) {
      await page.goto(`${site}/cache/${path}`)
      expect(await violations(page), path).toEqual([])
      expect(await page.getByText('␠').count(), path).toBeGreaterThan(0)
    }
    await page.goto(`${site}/cache/`)
    expect(await page.getByRole('region', { name: 'Computing now' }).textContent()).toContain('␠')
    end()
    await computed
  })

  it('without data', { timeout: 120_000 }, async () => judge(await url(dashboardApp({ cache: empty() })), 1))

  it('with several caches, and read-only', { timeout: 120_000 }, async () => {
    const cache = await filled()
    await judge(await url(dashboardApp({ caches: { main: cache, other: empty() }, readOnly: true })), 2)
  })

  it('with Redis down', { timeout: 120_000 }, async () => {
    const redis = await startRedis()
    try {
      const logger = { info() {}, warn() {}, error() {} }
      const cache = await filled({ redis: redis.url, keyPrefix: 'matrix', logger })
      const site = await url(dashboardApp({ cache }))
      await redis.kill()
      await judge(site, 3)
    } finally {
      await redis.close()
    }
  })
})
