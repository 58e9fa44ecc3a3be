import type { Browser, BrowserContextOptions } from 'playwright-core'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { openBrowser } from './browser.js'
import { visit, type Visitor } from './visitor.js'

/** Opens a page in a browser context of its own, which is closed when the test ends. */
export type Visit = (options?: BrowserContextOptions) => Promise<Visitor>

/** One Chromium for all files that this process tests; it ends with the process. Each visitor has a context of his own in it. */
let shared: Promise<Browser> | undefined

/** For the top of a test file: lets visitors in, by a Chromium of its own where it needs more flags. */
export function visiting(flags: readonly string[] = []): Visit {
  const visitors: Visitor[] = []
  let browser: Promise<Browser>
  beforeAll(async () => {
    browser = flags.length > 0 ? openBrowser(flags) : (shared ??= openBrowser())
    await browser
  })
  afterEach(async () => {
    await Promise.all(visitors.splice(0).map(({ context }) => context.close()))
  })
  afterAll(async () => {
    if (flags.length > 0) await (await browser).close()
  })
  return async (options) => {
    const visitor = await visit(await browser, options)
    visitors.push(visitor)
    return visitor
  }
}
