import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, type Demo } from '../src/demo/app.js'
import { readConfig } from '../src/demo/config.js'
import { openBrowser } from './support/browser.js'
import { listen, type Listening } from './support/listen.js'
import { visit, type Visitor } from './support/visitor.js'

let demo: Demo
let server: Listening
let browser: Browser
let visitor: Visitor

beforeAll(async () => {
  vi.stubEnv('REDIS_URL', undefined)
  demo = await createApp(readConfig({}))
  server = await listen(demo.app)
  browser = await openBrowser()
})
afterAll(async () => {
  await browser.close()
  await server.close()
  await demo.close()
  vi.unstubAllEnvs()
})
beforeEach(async () => {
  visitor = await visit(browser, { baseURL: server.url })
})
afterEach(async () => {
  await visitor.context.close()
})

describe('signing in, in Chromium', () => {
  it('L5 S14 ends with signing out: the way back leads to the sign-in page', async () => {
    const { page } = visitor
    await page.goto('/cache/keys')
    await page.getByLabel('Name').fill('staff')
    await page.getByLabel('Password', { exact: true }).fill('keyedcache')
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click()
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Keys')
    await page.goto('/')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.goBack()
    await page.goBack()
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Sign in')
  })

  it.each(['light', 'dark'] as const)(
    'L7 axe finds nothing wrong, in the scheme %s, also after an error',
    async (colorScheme) => {
      const { page, complaints } = visitor
      await page.emulateMedia({ colorScheme })
      await page.goto('/accounts/login')
      expect(await violations()).toEqual([])
      await page.getByLabel('Name').fill('nobody')
      await page.getByLabel('Password', { exact: true }).fill('wrong')
      await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click()
      expect(await page.getByRole('alert').textContent()).toContain('Enter a correct name and password')
      expect(await page.getByLabel('Name').inputValue()).toBe('nobody')
      expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('')
      expect(await violations()).toEqual([])
      expect(complaints).toEqual([])
    },
  )

  it.each([true, false])('L8 is done by keyboard alone, with JavaScript: %s', async (javaScriptEnabled) => {
    await visitor.context.close()
    visitor = await visit(browser, { baseURL: server.url, javaScriptEnabled })
    const { page } = visitor
    await page.goto('/cache/keys')
    // the first field has the focus
    await page.keyboard.type('staff')
    await page.keyboard.press('Tab')
    await page.keyboard.type('keyedcache')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Keys' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/cache/keys')
  })
})

/** What axe finds wrong with the page, in its own context, since the page's policy lets nothing else run there. */
async function violations(): Promise<string[]> {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  await visitor.page.evaluate(axe)
  return visitor.page.evaluate(async () => {
    const { axe: run } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; help: string }[] }> }
    }
    return (await run.run()).violations.map(({ id, help }) => `${id}: ${help}`)
  })
}
