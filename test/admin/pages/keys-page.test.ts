import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { keyText, partText } from '../../../src/admin/show/key-text.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { allAnswer } from '../../support/all-answer.js'
import { dashboardApp, linked, linksOf, textOf, unescaped } from '../../support/dashboard.js'
import { atMostMs } from '../../support/fault-row.js'
import { HOSTILE_PARTS } from '../../support/hostile-keys.js'
import { HttpClient } from '../../support/http-client.js'
import { listen, type Listening } from '../../support/listen.js'
import { commandsDuring } from '../../support/monitor.js'
import { startRedis, type RedisServer } from '../../support/redis-server.js'
import { visiting } from '../../support/visiting.js'

const QUIET = { info() {}, warn() {}, error() {} }

const servers: Listening[] = []
const caches: KeyedCache[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  await Promise.all(caches.splice(0).map((cache) => cache.close()))
})

async function serve(cache: KeyedCache): Promise<HttpClient & { url: string }> {
  const server = await listen(dashboardApp({ cache }))
  servers.push(server)
  return Object.assign(new HttpClient(server.url), { url: `${server.url}/cache` })
}

function emptyCache(): KeyedCache {
  const cache = createKeyedCache()
  caches.push(cache)
  return cache
}

async function page(client: HttpClient, path: string): Promise<string> {
  const response = await client.get(`/cache/${path}`)
  expect(response.status, path).toBe(200)
  return response.text()
}

interface Row {
  readonly name: string
  readonly kind: string | undefined
  readonly count: string | undefined
  readonly href: string
}

/** The rows of the table of keys. */
function rowsOf(html: string): Row[] {
  const rows = html.matchAll(
    /<tr><th scope="row"><a href="([^"]*)"><bdi class="key">([^<]*)<\/bdi><\/a><\/th>(?:<td>(\w+)<\/td><td class="number">([^<]*)<\/td>)?/g,
  )
  return Array.from(rows, ([, href = '', name = '', kind, count]) => ({
    name: unescaped(name),
    kind,
    count,
    href: unescaped(href).replace(/^\.\//, ''),
  }))
}

function nextOf(html: string): string | undefined {
  const href = /rel="next" href="\.\/([^"]*)"/.exec(html)?.[1]
  return href === undefined ? undefined : unescaped(href)
}

/** All rows from this page on, by “Next page”. */
async function allRows(client: HttpClient, path: string): Promise<Row[]> {
  const rows: Row[] = []
  for (let next: string | undefined = path; next !== undefined;) {
    const html: string = await page(client, next)
    rows.push(...rowsOf(html))
    next = nextOf(html)
  }
  return rows
}

function p95(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.ceil(samples.length * 0.95) - 1] ?? Infinity
}

describe('Keys, with 100,000 keys in Redis', () => {
  const TOTAL = 100_000
  const RARE = 200
  let redis: RedisServer
  let cache: KeyedCache

  beforeAll(async () => {
    redis = await startRedis()
    cache = createKeyedCache({ redis: redis.url, keyPrefix: 'many', redisTimeout: '5s', ttl: '1d', logger: QUIET })
    const keys = Array.from({ length: TOTAL - RARE }, (_, i) => `product::${i % 1000}::${i}`)
    for (let i = 0; i < RARE; i++) keys.push(`rare::${i}`)
    for (let start = 0; start < keys.length; start += 2000) {
      const some = Array.from({ length: 4 }, (_, i) => keys.slice(start + 500 * i, start + 500 * (i + 1)))
      await Promise.all(some.map((each) => cache.setMany(each.map((key) => [key, 'v']))))
    }
    expect(await cache.count()).toBe(TOTAL)
  }, 120_000)

  afterAll(async () => {
    await cache.close()
    await redis.close()
  })

  it.each([
    ['the first page', 'keys'],
    ['a page in the middle', 'keys?after=product%3A%3A500%3A%3A500&page=1000'],
    ['the tree', 'keys?view=tree'],
    ['a wide level of the tree', 'keys?view=tree&prefix=product'],
    ['one group', 'keys?prefix=product%3A%3A42'],
    ['a search for half a part', 'keys?prefix=prod'],
  ])('K1: %s is quick, small, and costs Redis at most 10 short commands', async (_name, path) => {
    const client = await serve(cache)
    const html = await page(client, path)
    expect(Buffer.byteLength(html)).toBeLessThanOrEqual(60_000)
    let commands = await commandsDuring(redis, () => page(client, path))
    // what the cache does by itself now and then may fall into the same moment
    for (let again = 0; again < 5 && commands.length > 10; again++) {
      commands = await commandsDuring(redis, () => page(client, path))
    }
    expect(commands.length, commands.join(' ')).toBeLessThanOrEqual(10)

    // 50 ms for one command is what another client would wait at most
    await redis.client().config('SET', 'slowlog-log-slower-than', 50_000)
    await redis.client().slowlog('RESET')
    const rounds: number[] = []
    // whatever else the machine does, it does not do it in every round
    while (rounds.length < 5 && !rounds.some((ms) => ms <= atMostMs(100))) {
      const samples: number[] = []
      for (let i = 0; i < 20; i++) {
        const startedMs = performance.now()
        await page(client, path)
        samples.push(performance.now() - startedMs)
      }
      rounds.push(p95(samples))
    }
    expect(Math.min(...rounds), `p95 in ms of ${rounds.length} rounds`).toBeLessThanOrEqual(atMostMs(100))
    expect(await redis.client().slowlog('LEN')).toBe(0)
  })

  it('K2: a prefix with 200 of all keys gives each of them once, page by page, in the list and in the tree', async () => {
    const client = await serve(cache)
    const wanted = Array.from({ length: RARE }, (_, i) => `rare::${i}`).toSorted()
    const list = await allRows(client, 'keys?prefix=rare')
    expect(list.map(({ name }) => name)).toEqual(wanted)
    expect(list.map(({ href }) => href)).toEqual(wanted.map((key) => `key?k=${linked(key)}`))
    const tree = await allRows(client, 'keys?prefix=rare&view=tree')
    expect(tree.map(({ href }) => href)).toEqual(wanted.map((key) => `key?k=${linked(key)}`))
    const odd = await allRows(client, 'keys?prefix=rare&limit=7')
    expect(odd.map(({ name }) => name)).toEqual(wanted)
  })

  it('says which page it is, in the title too', async () => {
    const client = await serve(cache)
    const first = await page(client, 'keys?prefix=rare')
    expect(first).toContain('<title>Keys under rare – Cache admin</title>')
    expect(textOf(first)).toContain('200 keys at and below this one')
    const second = await page(client, nextOf(first) ?? '')
    expect(second).toContain('<title>Keys under rare, page 2 – Cache admin</title>')
    expect(textOf(second)).toContain('First page Page 2 of 4 Next page')
  })
})

describe('Keys', () => {
  it('K4: the tree leads to a leaf in 3 clicks, with exact counts; a key that is a group too stands as both', async () => {
    const cache = emptyCache()
    await cache.setMany([
      ['product', 'all'],
      ['product::1', 'one'],
      ['product::42::price', 9],
      ['product::42::reviews::7', 'good'],
      ['product::420', 'another'],
      ['other', 'a key only'],
    ])
    const client = await serve(cache)
    const top = rowsOf(await page(client, 'keys?view=tree'))
    expect(top.map(({ name, kind, count }) => [name, kind, count])).toEqual([
      ['other', 'key', ''],
      ['product', 'group', '4'],
      ['product', 'key', ''],
    ])
    const group = top.find(({ kind, name }) => kind === 'group' && name === 'product')
    const below = rowsOf(await page(client, group?.href ?? ''))
    expect(below.map(({ name, kind, count }) => [name, kind, count])).toEqual([
      ['1', 'key', ''],
      ['420', 'key', ''],
      ['42', 'group', '2'],
    ])
    const leaves = rowsOf(await page(client, below[2]?.href ?? ''))
    expect(leaves.map(({ name, kind, count }) => [name, kind, count])).toEqual([
      ['price', 'key', ''],
      ['reviews', 'group', '1'],
    ])
    const leaf = await page(client, leaves[0]?.href ?? '')
    expect(leaf).toContain('<h1><bdi class="key">product::42::price</bdi></h1>')
    expect(await page(client, top[2]?.href ?? '')).toContain('<h1><bdi class="key">product</bdi></h1>')
  })

  it('tells the count of a group from its name', async () => {
    const cache = emptyCache()
    await cache.setMany([
      ['1::a', 1],
      ['10::a', 1],
      ['10::b', 1],
    ])
    const html = await page(await serve(cache), 'keys')
    expect(textOf(html)).toContain('Groups 10 (2 keys) 1 (1 key)')
  })

  it('shows of a key with many long parts the beginning, and little of the way to it', async () => {
    const cache = emptyCache()
    const parts = Array.from({ length: 30 }, (_, i) => `part${i}-${'x'.repeat(200)}`)
    const key = cache.key(...parts)
    await cache.set(key, 1)
    const html = await page(await serve(cache), `key?k=${linked(key)}`)
    expect(html.length).toBeLessThan(90_000)
    const path = textOf(/<nav aria-label="Path".*?<\/nav>/s.exec(html)?.[0] ?? '')
    expect(path).toMatch(/^ All keys part0-x+… part1-x+… … part26-x+… part27-x+… part28-x+… $/)
    expect(path.length).toBeLessThan(200)
    expect(html).toMatch(/<details>\s*<summary>Show its 30 parts<\/summary>/)
    expect(html.indexOf('Delete this key')).toBeLessThan(html.indexOf('<details>'))
  })

  it('K5: an empty cache says so with an example, and a filter without result says which, with a way out', async () => {
    const cache = emptyCache()
    const client = await serve(cache)
    for (const path of ['keys', 'keys?view=tree']) {
      const html = await page(client, path)
      expect(textOf(html)).toContain('Nothing cached yet')
      expect(/<pre><code>([^<]*)<\/code><\/pre>/.exec(html)?.[1]?.split('\n')).toHaveLength(2)
    }
    await cache.set('product', 1)
    const none = await page(client, 'keys?prefix=x')
    expect(textOf(none)).toContain('No key starts with “ x ”.')
    expect(none).toContain('<a href="./keys">Clear</a>')
    expect(none).toContain('value="x"')
  })

  it('offers the parts that begin as half a part does', async () => {
    const cache = emptyCache()
    await cache.setMany([
      ['product::1', 1],
      ['product::2', 2],
      ['production', 3],
      ['profile::7::name', 4],
      ['profile::70', 5],
      ['a', 6],
    ])
    const client = await serve(cache)
    const half = await page(client, 'keys?prefix=prod')
    expect(textOf(half)).toContain('No key starts with “ prod ” as whole parts.')
    expect(textOf(half)).toContain('Parts that begin with it product (2 keys) production (key)')
    expect(linksOf(half)).toEqual(expect.arrayContaining(['./keys?prefix=product', `./key?k=${linked('production')}`]))
    expect(textOf(half)).not.toContain('profile')
    const deeper = await page(client, 'keys?prefix=profile%3A%3A7%3A%3Ana&view=tree')
    expect(textOf(deeper)).toContain('Parts that begin with it name (key)')
    expect(textOf(await page(client, 'keys?prefix=profile%3A%3A7'))).toContain('1 key at and below this one')
  })

  it.each(['product:', 'product::', 'product:::'])(
    'takes “%s” for a key whose next part is still missing',
    async (typed) => {
      const cache = emptyCache()
      await cache.set(['product', 42], 1)
      const client = await serve(cache)
      const answer = await client.get(`/cache/keys?prefix=${encodeURIComponent(typed)}&view=tree`)
      expect([answer.status, answer.headers.get('location')]).toEqual([303, './keys?view=tree&prefix=product'])
    },
  )

  it('finds a part that ends in colons, or is empty, as it is written', async () => {
    const cache = emptyCache()
    await cache.setMany([
      [['time:'], 1],
      [['empty', ''], 2],
    ])
    const client = await serve(cache)
    expect(rowsOf(await page(client, 'keys?prefix=time:')).map(({ name }) => name)).toEqual(['time%3A'])
    expect(rowsOf(await page(client, 'keys?prefix=empty::')).map(({ name }) => name)).toEqual(['empty::%'])
  })

  it('K6: hostile keys are listed by their text, and each link opens the page that has it for title', async () => {
    const cache = emptyCache()
    const keys = HOSTILE_PARTS.map((part) => cache.key('hostile', part))
    expect(new Set(keys).size).toBe(HOSTILE_PARTS.length)
    await cache.setMany(keys.map((key) => [key, 'v']))
    const client = await serve(cache)
    const list = await allRows(client, 'keys')
    const { keys: sorted } = await cache.keys(undefined, { limit: 1000 })
    expect(list.map(({ name }) => name)).toEqual(sorted.map(keyText))
    const tree = await allRows(client, 'keys?view=tree&prefix=hostile')
    const parts = sorted.map((key) => partText(key.slice('hostile::'.length)))
    expect(tree.map(({ name }) => name)).toEqual(parts)
    for (const [i, key] of sorted.entries()) {
      expect(tree[i]?.href).toBe(list[i]?.href)
      const html = await page(client, list[i]?.href ?? '')
      expect(unescaped(/<title>([^<]*) – Cache admin<\/title>/.exec(html)?.[1] ?? '')).toBe(keyText(key))
      expect(unescaped(/<h1[^>]*><bdi class="key">([^<]*)</.exec(html)?.[1] ?? '')).toBe(keyText(key))
      expect(unescaped(html)).toContain(`>${keyText(key)}</bdi>`)
      const found = rowsOf(await page(client, `keys?prefix=${encodeURIComponent(key)}`))
      expect(found.map(({ name }) => name)).toEqual([keyText(key)])
    }
  })
})

describe('Keys, in Chromium', () => {
  const visitor = visiting()

  async function shop(): Promise<string> {
    const cache = emptyCache()
    await cache.setMany([
      ['product', 'all'],
      ['product::1', { name: 'chair' }],
      ['product::2', { name: 'table' }],
      [['long', 'y'.repeat(250)], 'v'],
    ])
    return (await serve(cache)).url
  }

  it('K7: Tab reaches every link in the order of the page, with a visible focus, and Enter follows', async () => {
    const { page: tab, complaints } = await visitor()
    await tab.goto(`${await shop()}/keys?view=tree`)
    const count = await tab.locator('a, button, input:not([type=hidden]), [tabindex="0"]').count()
    const seen: { index: number; outline: string; text: string }[] = []
    for (let i = 0; i < count; i++) {
      await tab.keyboard.press('Tab')
      seen.push(
        await tab.evaluate(() => {
          const all = [...document.querySelectorAll('a, button, input:not([type=hidden]), [tabindex="0"]')]
          const focused = document.activeElement ?? document.body
          const { outlineStyle, outlineWidth } = getComputedStyle(focused)
          return {
            index: all.indexOf(focused),
            outline: `${outlineStyle} ${outlineWidth}`,
            text: focused.textContent?.trim() ?? '',
          }
        }),
      )
    }
    expect(seen.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, i) => i))
    expect(new Set(seen.map(({ outline }) => outline))).toEqual(new Set(['solid 3px']))
    expect(seen.map(({ text }) => text)).toEqual(expect.arrayContaining(['product', 'Delete all product']))

    await tab.getByRole('link', { name: 'Delete product' }).focus()
    await tab.keyboard.press('Enter')
    await tab.waitForURL('**/delete?mode=one&k=*')
    expect(await tab.getByRole('heading', { level: 1 }).textContent()).toBe('Delete')
    expect(complaints).toEqual([])
  })

  it('K8: at 320 px, also with text of twice the size, only the table scrolls sideways, in a region with a name', async () => {
    const { page: tab, complaints } = await visitor({ viewport: { width: 320, height: 700 } })
    const url = await shop()
    for (const path of ['keys', 'keys?view=tree', 'keys?prefix=product', 'keys?prefix=none']) {
      for (const size of ['100%', '200%']) {
        await tab.goto(`${url}/${path}`)
        const [scrolled, framed] = await tab.evaluate((fontSize) => {
          document.documentElement.style.fontSize = fontSize
          const { scrollWidth, clientWidth } = document.documentElement
          return [scrollWidth, clientWidth]
        }, size)
        expect(scrolled, `${path} at ${size}`).toBe(framed)
      }
    }
    await tab.goto(`${url}/keys`)
    const region = tab.getByRole('region', { name: 'Keys' })
    expect(await region.getAttribute('tabindex')).toBe('0')
    expect(await region.getByRole('table').count()).toBe(1)
    expect(complaints).toEqual([])
  })
})

describe('Keys, with Redis away', () => {
  it.each(['ended', 'frozen'])('K9: is 503 with a sentence, and keeps what was typed; Redis has %s', async (how) => {
    const redis = await startRedis()
    try {
      const cache = createKeyedCache({ redis: redis.url, keyPrefix: 'away', logger: QUIET })
      caches.push(cache)
      await allAnswer(cache)
      const client = await serve(cache)
      if (how === 'ended') await redis.kill()
      else redis.stop()
      for (const path of ['keys?prefix=a"b', 'keys?prefix=a"b&view=tree']) {
        const startedMs = performance.now()
        const answer = await client.get(`/cache/${path}`)
        expect(performance.now() - startedMs).toBeLessThan(atMostMs(1000))
        expect(answer.status).toBe(503)
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
        const html = await answer.text()
        expect(textOf(html)).toContain('The cache does not respond , so its keys cannot be listed')
        expect(textOf(/<div role="alert" class="notice danger">.*?<\/div>/s.exec(html)?.[0] ?? '')).toMatch(
          /^ Backend down since .* Keys cannot be listed or deleted until the backend answers again/,
        )
        expect(unescaped(/name="prefix" value="([^"]*)"/.exec(html)?.[1] ?? '')).toBe('a"b')
      }
    } finally {
      redis.resume()
      await redis.close()
    }
  })
})
