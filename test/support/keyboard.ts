import type { Page } from 'playwright-core'

const MOST_STOPS = 200

/** Presses Tab until what has the focus is called that, as somebody does who has no mouse. Rejects when nothing on the page is. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let stops = 0; stops < MOST_STOPS; stops++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const element = document.activeElement
      const label = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : element?.textContent
      return (label ?? '').replace(/\s+/g, ' ').trim()
    })
    if (typeof name === 'string' ? focused === name : name.test(focused)) return
  }
  throw new Error(`Tab did not lead to ${String(name)} on ${page.url()}`)
}

/** Tabs to a link or button and presses Enter, which leads to another page. */
export async function follow(page: Page, name: string | RegExp): Promise<void> {
  await tabTo(page, name)
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
}
