import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'

/** Somebody with a browser of their own, who notes everything that goes wrong in it. */
export interface Visitor {
  readonly context: BrowserContext
  readonly page: Page
  /** Messages of the console, errors of scripts, dialogs, and requests that failed, except pages that were asked for themselves. */
  readonly complaints: string[]
}

/** Opens a page in a browser context of its own. Close the context when the test ends. */
export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // Chromium repeats the status of every answer here; below, those of assets count
    const isStatus = message.text().includes('the server responded with a status of')
    if (!isStatus && ['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('response', (response) => {
    if (response.status() < 400 || response.request().resourceType() === 'document') return
    complaints.push(`${response.status()} for ${response.url()}`)
  })
  page.on('requestfailed', (failed) => {
    // the next page may be asked for while an icon or numbers of the last one are still on their way
    const reason = failed.failure()?.errorText
    if (reason !== 'net::ERR_ABORTED') complaints.push(`${failed.url()} failed: ${reason}`)
  })
  return { context, page, complaints }
}
