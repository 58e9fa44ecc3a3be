import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keyText, partText } from '../../../src/admin/show/key-text.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { dashboardApp } from '../../support/dashboard.js'
import { HOSTILE_PARTS } from '../../support/hostile-keys.js'
import { HttpClient } from '../../support/http-client.js'
import { listen, type Listening } from '../../support/listen.js'
import { startRedis, type RedisServer } from '../../support/redis-server.js'
import { isFull } from '../../support/size.js'
import { visiting } from '../../support/visiting.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

let redis: RedisServer
const visitor = visiting()
let cache: KeyedCache
let server: Listening

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => {
  await redis.close()
})

beforeEach(async () => {
  cache = createKeyedCache({
    redis: redis.url,
    keyPrefix: 'torture',
    redisTimeout: '5s',
    logger: { info() {}, warn() {}, error() {} },
  })
  server = await listen(dashboardApp({ cache }))
  // each is a key, has a key below it, and is its own value and tag
  for (const part of HOSTILE_PARTS) {
    await cache.set(['hostile', part], part, part === '' ? {} : { tags: [part.slice(0, 200)] })
    await cache.set(['hostile', part, 'below'], new Map([[part, part]]))
  }
})

afterEach(async () => {
  await server.close()
  await cache.close()
  await redis.client().flushall()
})

/** What of a page is alive that should be text. */
async function liveMarkup(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const scripts = [...document.querySelectorAll('script')].filter((script) => !script.src.includes('/assets/'))
    const others = [...document.querySelectorAll('img, iframe, object, style, title ~ title')]
    const handlers = [...document.querySelectorAll('*')].filter((element) =>
      [...element.attributes].some(({ name }) => name.startsWith('on') || name === 'style'),
    )
    const links = [...document.querySelectorAll('a')].filter(({ protocol }) => !protocol.startsWith('http'))
    return [...scripts, ...others, ...handlers, ...links].map((element) => element.outerHTML)
  })
}

async function storedKeys(): Promise<string[]> {
  return (await cache.keys(undefined, { limit: 1000 })).keys
}

describe('the torture list', () => {
  it(
    `is listed, opened and deleted exactly, with no live markup, in Chromium (SEED=${seed})`,
    { timeout: 180_000 },
    async () => {
      const { context, page, complaints } = await visitor()
      const { children } = await cache.children('hostile', { limit: 1000 })
      expect(children).toHaveLength(HOSTILE_PARTS.length)
      const names = children.map(({ segment }) => partText(segment))
      const list = `${server.url}/cache/keys?view=tree&prefix=hostile&limit=60`
      await page.goto(list)
      const rows = page.getByRole('row').filter({ has: page.getByRole('cell', { name: 'key', exact: true }) })
      expect(await rows.getByRole('rowheader').allTextContents()).toEqual(names)
      expect(await liveMarkup(page)).toEqual([])

      let left = await storedKeys()
      const deleted = isFull ? children : children.filter((_child, i) => i % 10 === seed % 10)
      for (const { key } of deleted) {
        // nobody deletes that many keys in a minute, and the dashboard would not let them
        await context.clearCookies()
        await page.goto(list)
        const index = left.filter((each) => children.some((child) => child.key === each)).indexOf(key)
        await rows.nth(index).getByRole('rowheader').getByRole('link').click()
        expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(keyText(key))
        expect(await page.title()).toBe(`${keyText(key)} – Cache admin`.replace(/ +/g, ' '))
        expect(await liveMarkup(page)).toEqual([])
        await page.getByRole('link', { name: 'Delete this key', exact: true }).click()
        expect(await liveMarkup(page)).toEqual([])
        await page.getByRole('button', { name: 'Delete 1 key' }).click()
        expect(await page.getByRole('alert').textContent()).toContain('Deleted 1 key')
        expect(await liveMarkup(page)).toEqual([])
        left = left.filter((each) => each !== key)
        expect(await storedKeys(), `after ${JSON.stringify(key)}`).toEqual(left)
      }
      await page.goto(`${server.url}/cache/activity`)
      expect(await liveMarkup(page)).toEqual([])
      await page.goto(`${server.url}/cache/`)
      expect(await liveMarkup(page)).toEqual([])
      expect(complaints).toEqual([])
    },
  )

  it('is given to machines exactly as it is', async () => {
    const client = new HttpClient(server.url)
    const answer = (await (await client.get('/cache/api/keys?prefix=hostile&limit=1000')).json()) as { keys: string[] }
    expect(answer.keys).toEqual(await storedKeys())
    expect(answer.keys).toHaveLength(2 * HOSTILE_PARTS.length)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })
})
