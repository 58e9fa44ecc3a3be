import type { Browser, BrowserContextOptions } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { openBrowser } from './browser.js'
import { visit, type Visitor } from './visitor.js'

/** Opens a page in a browser context of its own, which is closed when the test ends. */
export type Visit = (options?: BrowserContextOptions) => Promise<Visitor>

/** For the top of a test file: opens a Chromium for its tests, with more flags where they need them, and lets visitors in. */
export function visiting(flags: readonly string[] = []): Visit {
  const visitors: Visitor[] = []
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser(flags)
  })
  afterEach(async () => {
    await Promise.all(visitors.splice(0).map(({ context }) => context.close()))
  })
  afterAll(() => browser.close())
  return async (options) => {
    const visitor = await visit(browser, options)
    visitors.push(visitor)
    return visitor
  }
}
