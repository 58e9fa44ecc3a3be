import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { dashboardApp } from '../support/dashboard.js'
import { follow, tabTo } from '../support/keyboard.js'
import { serving } from '../support/serving.js'
import { shop } from '../support/shop.js'
import { visiting } from '../support/visiting.js'

const { filled } = shop()
const { url } = serving()
const visitor = visiting()

describe.each([true, false])('by keyboard alone, with JavaScript: %s', (javaScriptEnabled) => {
  async function begin(): Promise<{ cache: KeyedCache; page: Page; complaints: string[] }> {
    const cache = await filled()
    const site = await url(dashboardApp({ cache }))
    const { page, complaints } = await visitor({ javaScriptEnabled })
    await page.goto(`${site}/cache`)
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
