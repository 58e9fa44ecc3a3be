import type { Page } from 'playwright-core'
import type { Visit } from './visiting.js'

/** As many as keep two cores busy, since the server works too. */
const TABS = 2

/** Pages that share work: each takes the next piece when it has done the last one. */
export interface Tabs {
  readonly complaints: readonly string[]
  /** Does some work for each of all. */
  each<T>(all: Iterable<T>, work: (page: Page, one: T) => Promise<void>): Promise<void>
}

/** Opens some pages, each of a visitor of its own. */
export async function openTabs(visitor: Visit): Promise<Tabs> {
  const visitors = await Promise.all(Array.from({ length: TABS }, () => visitor()))
  return {
    get complaints() {
      return visitors.flatMap(({ complaints }) => complaints)
    },
    async each(all, work) {
      const left = all[Symbol.iterator]()
      await Promise.all(
        visitors.map(async ({ page }) => {
          for (let next = left.next(); !next.done; next = left.next()) await work(page, next.value)
        }),
      )
    },
  }
}
