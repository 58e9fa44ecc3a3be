import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hourChart } from '../../../src/admin/show/chart.js'
import { metricsText } from '../../../src/admin/pages/metrics.js'
import type { CacheStats, KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { closeCaches, configure } from '../../../src/default-cache/configure.js'
import { freshPrefix } from '../../support/both-stores.js'
import { linked, linksOf, textOf } from '../../support/dashboard.js'
import { atMostMs } from '../../support/fault-row.js'
import { report } from '../../support/figures.js'
import type { HttpClient } from '../../support/http-client.js'
import { commandsDuring } from '../../support/monitor.js'
import { startRedis, type RedisServer } from '../../support/redis-server.js'
import { page, serving } from '../../support/serving.js'
import { until } from '../../support/until.js'

const QUIET = { info() {}, warn() {}, error() {} }
const MINUTE_MS = 60_000
const NOW_MS = Date.UTC(2026, 10, 22, 18, 30, 20)

const { dashboard } = serving()
const opened: KeyedCache[] = []
let cache: KeyedCache

beforeEach(() => {
  cache = open()
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()))
})

function open(options: Parameters<typeof createKeyedCache>[0] = {}): KeyedCache {
  const each = createKeyedCache({ logger: QUIET, ...options })
  opened.push(each)
  return each
}

/** Hits and misses of a group, counted by calls that are made. */
async function call(where: KeyedCache, group: string, hits: number, misses: number): Promise<void> {
  await where.set([group, 'hit'], group)
  for (let i = 0; i < hits; i++) await where.get([group, 'hit'])
  for (let i = 0; i < misses; i++) await where.get([group, 'miss', i], { default: null })
}

async function overview(client: HttpClient, search = ''): Promise<string> {
  return page(client, `/cache/${search}`)
}

async function statsOf(client: HttpClient): Promise<CacheStats> {
  return (await (await client.get('/cache/api/stats')).json()) as CacheStats
}

/** The samples of a scrape: by name and labels. */
async function scrape(client: HttpClient, search = ''): Promise<Map<string, number>> {
  const text = await page(client, `/cache/metrics${search}`)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
}

/** The rows of the groups, cell by cell. */
function groupRows(html: string): string[][] {
  const table = /<h2 id="groups">[\s\S]*?<tbody>([\s\S]*?)<\/tbody>/.exec(html)?.[1] ?? ''
  return Array.from(table.matchAll(/<tr[\s\S]*?<\/tr>/g), ([row]) =>
    Array.from(row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g), ([, cell = '']) => textOf(cell).trim()),
  )
}

/** What each of so many runs took, in ms, one after the other. */
async function timesOf(runs: number, work: () => Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = []
  for (let run = 0; run < runs; run++) {
    const startedMs = performance.now()
    await work()
    tookMs.push(performance.now() - startedMs)
  }
  return tookMs
}

function percentile95(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.ceil(figures.length * 0.95) - 1] ?? Number.NaN
}

describe('Overview', () => {
  it('O1 says in words that there were no calls, on a fresh start', async () => {
    const client = await dashboard({ cache })
    const html = await overview(client)
    expect(textOf(html)).toContain('Hit rate — No calls yet')
    expect(textOf(html)).toContain('No calls in the last 60 minutes.')
    expect(html).not.toMatch(/NaN|Infinity|undefined|null|[^0]0\.?0? %(?!<\/li>)/)
    expect(html).toMatch(/<meter[^>]* hidden>/)
    expect((await statsOf(client)).hitRate).toBeNull()
    expect(await page(client, '/cache/metrics')).not.toMatch(/NaN|Inf/)
  })

  it('O2 shows 93 hits of 100 calls alike in HTML, JSON and Prometheus', async () => {
    await call(cache, 'product', 93, 7)
    const client = await dashboard({ cache })
    const html = await overview(client)
    expect(textOf(html)).toContain('Hit rate 93.0 % of 100 calls Calls 100 Hits 93 Misses 7 Keys 1')
    expect(html).toMatch(/<meter[^>]* value="0.93">/)
    expect(groupRows(html)).toEqual([['product', '100', '93', '93.0 %', '—', '0 ms', '1']])
    expect(await statsOf(client)).toMatchObject({ calls: 100, hits: 93, misses: 7, hitRate: 0.93, keys: 1 })
    const samples = await scrape(client)
    expect(samples.get('keyedcache_calls_total{cache="default"}')).toBe(100)
    expect(samples.get('keyedcache_misses_total{cache="default"}')).toBe(7)
    expect(samples.get('keyedcache_hits_total{cache="default",tier="store"}')).toBe(93)
    expect(samples.get('keyedcache_group_hits_total{cache="default",group="product"}')).toBe(93)
    expect(samples.get('keyedcache_keys{cache="default"}')).toBe(1)
  })

  it('O3 counts the reading of a cached null, undefined, 0 and empty text as hits', async () => {
    const values = [null, undefined, 0, '']
    await cache.setMany(values.map((value, i): [[string, number], unknown] => [['nothing', i], value]))
    for (let i = 0; i < values.length; i++) expect(await cache.get(['nothing', i])).toBe(values[i])
    const html = await overview(await dashboard({ cache }))
    expect(textOf(html)).toContain('of 4 calls Calls 4 Hits 4 Misses 0')
  })

  it('shows time saved, stale hits and computations', async () => {
    const slowly = async (): Promise<string> => {
      await delay(20)
      return 'price'
    }
    await cache.getOrSet('price::1', slowly, { ttl: '10ms', grace: '1h' })
    await until(async () => (await cache.entry('price::1'))?.stale, 'it is stale')
    await cache.getOrSet('price::1', slowly)
    await until(async () => (await cache.stats()).computations === 2, 'it is computed again')
    const client = await dashboard({ cache })
    const [html, stats, samples] = [await overview(client), await statsOf(client), await scrape(client)]
    const shown = (name: string): string => new RegExp(`data-live="${name}">([^<]*)<`).exec(html)?.[1] ?? ''
    expect(shown('stale')).toBe(String(stats.stale))
    expect(shown('computations')).toBe(String(stats.computations))
    expect(shown('saved')).toMatch(/^[1-9][\d.]* (ms|s)$/)
    expect(samples.get('keyedcache_saved_seconds_total{cache="default"}')).toBe(stats.savedMs / 1000)
    expect(samples.get('keyedcache_group_compute_seconds_total{cache="default",group="price"}')).toBeGreaterThan(0.02)
    expect(groupRows(html)[0]?.[4]).toMatch(/^\d+(\.\d)? ms$/)
  })

  it('shows what is being computed, by whom and since when, with a link to its key', async () => {
    let finish = (_value: string): void => {}
    const key = ['report', 'a\nb']
    const computed = cache.getOrSet(key, () => new Promise<string>((resolve) => (finish = resolve)))
    await until(async () => (await cache.computing()).length === 1, 'it is being computed')
    const html = await overview(await dashboard({ cache }))
    expect(textOf(html)).toMatch(/Computing now Key Process Since report::a⏎b \S+:\d+ \d{4}-\d\d-\d\d/)
    expect(linksOf(html)).toContain(`./key?k=${linked('report::a\nb')}`)
    finish('done')
    await computed
    expect(textOf(await overview(await dashboard({ cache })))).toContain('Nothing is being computed.')
  })

  it('links every group to its keys, those of functions by name, and counts their keys', async () => {
    const nearest = cache.wrap(async (town: string) => town.length, { name: 'nearest' })
    await nearest('Prague')
    await nearest('Brno')
    await call(cache, 'a::b%c', 3, 0)
    await cache.set('product', 1)
    await cache.set('product::1', 1)
    const html = await overview(await dashboard({ cache }))
    expect(groupRows(html).map((row) => [row[0], row[1], row.at(-1)])).toEqual([
      ['a%3A%3Ab%25c', '3', '1'],
      ['func::nearest', '2', '2'],
      ['product', '0', '2'],
    ])
    expect(linksOf(html)).toContain('./keys?prefix=func%3A%3Anearest')
    expect(linksOf(html)).toContain('./keys?prefix=a%253A%253Ab%2525c')
  })

  it('shows the 50 groups with most calls, and the sum of all others', async () => {
    for (let group = 0; group < 260; group++) await call(cache, `group${group}`, group < 60 ? 2 : 1, group % 2)
    const client = await dashboard({ cache })
    const html = await overview(client)
    const rows = groupRows(html)
    expect(rows).toHaveLength(51)
    const { calls, hits } = await statsOf(client)
    const sum = (column: number): number => rows.reduce((total, row) => total + Number(row[column]), 0)
    expect([sum(1), sum(2)]).toEqual([calls, hits])
    expect(rows.at(-1)?.[0]).toBe('other')
    expect(html.length).toBeLessThan(60_000)
  })

  it('does not mind names that a hostile Redis or caller may have given to groups', async () => {
    for (const name of [
      '__proto__',
      'constructor',
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      'other',
    ]) {
      await call(cache, name, 2, 1)
    }
    const client = await dashboard({ cache })
    const html = await overview(client)
    expect(groupRows(html).map((row) => row.slice(0, 4))).toEqual(
      ['"><img src=x onerror=alert(1)>', '__proto__', '<script>alert(1)</script>', 'constructor', 'other']
        .toSorted((a, b) => a.localeCompare(b))
        .map((name) => [name, '3', '2', '66.7 %']),
    )
    expect(html).not.toMatch(/<script>|<img/)
    const samples = await scrape(client)
    expect(
      samples.get(String.raw`keyedcache_group_calls_total{cache="default",group="\"><img src=x onerror=alert(1)>"}`),
    ).toBe(3)
  })

  it('shows most calls and most keys where there are too many groups, and what strays last', async () => {
    for (let i = 0; i < 60; i++) await cache.get([`stray${i}`, 1], { default: 0 })
    for (let i = 0; i < 30; i++) await cache.set([`kept${i}`, 1], i)
    await call(cache, 'busy', 3, 0)
    for (let i = 0; i < 3; i++) await cache.get(['missing', 1], { default: 0 })
    const rows = groupRows(await overview(await dashboard({ cache })))
    const names = rows.map(([name = '']) => name)
    expect(names.slice(0, 2)).toEqual(['busy', 'missing'])
    expect(names.filter((name) => name.startsWith('kept'))).toHaveLength(30)
    expect(names.filter((name) => name.startsWith('stray'))).toHaveLength(18)
    expect(rows.at(-1)).toEqual(['other', '42', '0', '0.0 %', '—', '0 ms', '0'])
    expect(rows.map((row) => Number(row[1])).slice(0, -1)).toEqual(
      rows
        .map((row) => Number(row[1]))
        .slice(0, -1)
        .toSorted((a, b) => b - a),
    )
  })

  it('shows one of several caches, which every answer names', async () => {
    const [shop, news] = [open({ name: 'shop' }), open({ name: 'news "daily"' })]
    await call(shop, 'product', 3, 0)
    await call(news, 'article', 1, 1)
    const client = await dashboard({ caches: { shop, news } })
    expect(groupRows(await overview(client)).map(([group]) => group)).toEqual(['product'])
    const html = await overview(client, '?cache=news')
    expect(groupRows(html).map(([group]) => group)).toEqual(['article'])
    expect(linksOf(html)).toContain('./keys?prefix=article&cache=news')
    expect(html).toContain('data-stats="./api/stats?cache=news"')
    expect((await scrape(client)).get('keyedcache_calls_total{cache="shop"}')).toBe(3)
    expect((await scrape(client, '?cache=news')).get(String.raw`keyedcache_calls_total{cache="news \"daily\""}`)).toBe(
      2,
    )
    expect((await client.get('/cache/metrics?cache=nowhere')).status).toBe(404)
  })

  it('gives machines the statistics as JSON, number by number', async () => {
    await call(cache, 'product', 3, 2)
    const given = await statsOf(await dashboard({ cache }))
    const { processes, ...expected } = JSON.parse(JSON.stringify(await cache.stats())) as CacheStats
    expect(given).toMatchObject(expected)
    expect(given.processes.map(({ id }) => id)).toEqual(processes.map(({ id }) => id))
  })
})

describe('the metrics', () => {
  it('are Prometheus text: every sample below the HELP and TYPE of its name, every name once', async () => {
    await call(cache, 'product', 3, 2)
    const response = await (await dashboard({ cache })).get('/cache/metrics')
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('no-store')
    const names: string[] = []
    for (const line of (await response.text()).trimEnd().split('\n')) {
      const [, comment, name = ''] = /^# (HELP|TYPE) (\w+) \S/.exec(line) ?? []
      if (comment === 'HELP') names.push(name)
      else if (comment === 'TYPE')
        expect(line).toBe(`# TYPE ${names.at(-1)} ${name.endsWith('_total') ? 'counter' : 'gauge'}`)
      else
        expect(line).toMatch(
          new RegExp(`^${names.at(-1)}\\{(\\w+="([^"\\\\]|\\\\[\\\\"n])*",?)+\\} -?\\d+(\\.\\d+)?(e[-+]?\\d+)?$`),
        )
    }
    expect(new Set(names).size).toBe(names.length)
    expect(names).toHaveLength(16)
  })

  it('refuse strangers with 401, and visitors with 403', async () => {
    const client = await dashboard({ cache })
    expect((await client.get('/cache/metrics', { 'x-who': 'nobody' })).status).toBe(401)
    expect((await client.get('/cache/metrics', { 'x-who': 'visitor' })).status).toBe(403)
  })

  it('escape the names of groups and caches', async () => {
    const group = { calls: 1, hits: 0, computations: 0, computeMs: 0, savedMs: 0 }
    const text = metricsText('a"b', {
      ...(await cache.stats()),
      groups: [{ group: 'back\\slash "and"\nline', ...group }],
    })
    expect(text).toContain(String.raw`keyedcache_group_calls_total{cache="a\"b",group="back\\slash \"and\"\nline"} 1`)
  })
})

describe('the chart of the last hour', () => {
  const minute = (ago: number, calls: number, hits: number): CacheStats['minutes'][number] => ({
    minute: new Date(Math.floor(NOW_MS / MINUTE_MS) * MINUTE_MS - ago * MINUTE_MS),
    calls,
    hits,
  })

  it('has a gap, and no zero, where there were no calls', () => {
    const { rateLine, rateArea, callsLine, rows, summary } = hourChart(
      [
        minute(59, 10, 9),
        minute(58, 10, 10),
        minute(30, 4, 0),
        minute(2, 100, 81),
        minute(1, 100, 96),
        minute(0, 50, 40),
      ],
      NOW_MS,
    )
    expect(rateLine).toBe('M5 10L15 0M292 100L298 100M575 19L585 4L595 20')
    expect(rateArea).toBe('M5 10L15 0V100H5ZM292 100L298 100V100H292ZM575 19L585 4L595 20V100H575Z')
    expect(callsLine.match(/ 150/g)).toHaveLength(54)
    expect(summary).toBe('Lowest 0 %, highest 100 %, now 80 %.')
    expect(rows).toHaveLength(60)
    expect(rows.slice(0, 4).map(({ time, calls, hits, hitRate }) => [time, calls, hits, hitRate])).toEqual([
      ['18:30', '50', '40', '80.0 %'],
      ['18:29', '100', '96', '96.0 %'],
      ['18:28', '100', '81', '81.0 %'],
      ['18:27', '0', '0', '—'],
    ])
  })

  it('shows nothing older than an hour, nor of the future, and no rate above 100 %', () => {
    const { rateLine, callsLine, summary } = hourChart([minute(60, 5, 1), minute(-5, 5, 1), minute(1, 1, 7)], NOW_MS)
    expect(rateLine).toBe('M582 0L588 0')
    expect(callsLine).toContain('L585 116L')
    expect(summary).toBe('Lowest 100 %, highest 100 %, now 100 %.')
    expect(hourChart([minute(5, 1, 1)], NOW_MS).summary).toBe('Lowest 100 %, highest 100 %, no calls now.')
    expect(hourChart([{ minute: new Date(Number.NaN), calls: 1, hits: 1 }], NOW_MS).rateLine).toBe('')
  })

  it('is an image with a name, a description and its numbers as a table', async () => {
    await call(cache, 'product', 3, 1)
    const html = await overview(await dashboard({ cache }))
    expect(html).toMatch(/<svg [^>]*role="img" aria-labelledby="chart-title chart-desc">/)
    expect(html).toContain('<title id="chart-title">Hit rate and calls in each of the last 60 minutes</title>')
    expect(html).toContain(
      '<desc id="chart-desc">Lowest 75 %, highest 75 %, now 75 %. At most 4 calls in a minute.</desc>',
    )
    expect(textOf(html)).toMatch(/Show the numbers Minute \(UTC\) Calls Hits Hit rate \d\d:\d\d 4 3 75.0 %/)
    expect(html).not.toMatch(/ style=/)
  })
})

it('says of a default cache in the process that one made by createKeyedCache is shown otherwise', async () => {
  const hint = 'This is the default cache. keyedcacheAdmin({ cache }) shows one made by createKeyedCache instead.'
  configure({ caches: { default: { logger: QUIET } } })
  try {
    expect(textOf(await overview(await dashboard({})))).toContain(hint)
    expect(textOf(await overview(await dashboard({ cache })))).not.toContain(hint)
  } finally {
    await closeCaches()
  }
})

describe('on Redis', () => {
  let server: RedisServer

  beforeAll(async () => {
    server = await startRedis()
  })

  afterAll(() => server.close())

  function remote(options: Parameters<typeof open>[0] = {}): KeyedCache {
    return open({ redis: server.url, keyPrefix: freshPrefix(), redisTimeout: '5s', ...options })
  }

  it('says whose numbers these are, and which processes were seen', async () => {
    const shared = remote()
    await call(shared, 'product', 1, 0)
    const html = await overview(await dashboard({ cache: shared }))
    expect(textOf(html)).toContain('All processes that share this cache, together: 1 seen in the last 24 hours.')
    expect(textOf(html)).toMatch(/Backend Redis: up Since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC Round trip [\d.]+ ms/)
    expect(textOf(html)).toMatch(new RegExp(`Processes Process Started Last seen \\S+:${process.pid} `))
    expect(textOf(await overview(await dashboard({ cache })))).toMatch(
      new RegExp(`This process only, with an embedded store of its own: \\S+:${process.pid} since`),
    )
  })

  it.each([
    [10, []],
    [10, ['nearest', 'cheapest']],
  ])('takes at most %i commands to show the groups and the functions %j', async (most, functions) => {
    const shared = remote()
    for (let group = 0; group < 60; group++) await call(shared, `group${group}`, 2, 1)
    for (const name of functions) await shared.wrap(async () => name, { name })()
    const client = await dashboard({ cache: shared })
    expect(groupRows(await overview(client)).map((row) => row.at(-1))).not.toContain('—')
    const counts: number[] = []
    for (let visit = 0; visit < 5; visit++) {
      // something to send, as a busy process has
      await call(shared, 'group0', 1, 0)
      const commands = await commandsDuring(server, () => overview(client))
      counts.push(commands.filter((command) => command !== 'monitor' && command !== 'echo').length)
    }
    // what the cache does by itself once a second may come between
    report(`Overview: ${counts.join(', ')} Redis commands`)
    expect(Math.min(...counts)).toBeLessThanOrEqual(most)
  })

  it('O4 answers within a second when Redis is down, and says since when, why and where', async () => {
    const own = await startRedis()
    try {
      const shared = open({ redis: own.url, keyPrefix: freshPrefix() })
      await call(shared, 'product', 3, 1)
      const client = await dashboard({ cache: shared })
      for (const stop of [async () => own.stop(), async () => own.kill()]) {
        await stop()
        for (let visit = 0; visit < 3; visit++) {
          const startedMs = performance.now()
          const html = await overview(client)
          expect(performance.now() - startedMs).toBeLessThan(atMostMs(1000))
          expect(html).toMatch(/<div role="alert"[^>]*data-down>/)
          expect(textOf(html)).toMatch(/Backend down since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/)
          expect(html).toMatch(/data-live="reason">[^<]+</)
          expect(textOf(html)).toContain(`Address 127.0.0.1:${own.port}/0`)
          expect(textOf(html)).toContain('Keys unavailable')
          expect(textOf(html)).toContain('of 4 calls Calls 4 Hits 3 Misses 1')
          expect(textOf(html)).toContain('This process only, while the backend does not answer.')
          expect(html).not.toMatch(/<form method="post"/)
        }
        const samples = await scrape(client)
        expect([...samples]).toEqual([['keyedcache_up{cache="default"}', 0]])
        expect((await statsOf(client)).keys).toBeNull()
      }
      const why = /ECONNREFUSED.*: nothing listens there: start Redis/
      await until(async () => why.test(textOf(await overview(client))), 'the page says why')
      await own.restart()
      await until(async () => (await statsOf(client)).backend.up, 'the cache reaches Redis again')
      expect(await overview(client)).toMatch(/<div role="alert"[^>]* hidden>/)
    } finally {
      own.resume()
      await own.close()
    }
  })

  it(
    'O8 takes 100 ms at p95 with 200,000 keys, walks through none of them, and counts them exactly',
    { timeout: 120_000 },
    async () => {
      // With other keys there, the index would first be made by a walk through them.
      await server.client().flushall()
      const shared = remote({ ttl: '1h' })
      const groups = 40
      for (let start = 0; start < 200_000; start += 5000) {
        await shared.setMany(Array.from({ length: 5000 }, (_, i) => [[`group${i % groups}`, start + i], i]))
      }
      const client = await dashboard({ cache: shared })
      const p95s: number[] = []
      const commands = await commandsDuring(server, async () => {
        // the best of three rounds, since others use the machine as well
        for (let round = 0; round < 3; round++) p95s.push(percentile95(await timesOf(20, () => overview(client))))
      })
      report(`Overview with 200,000 keys: p95 ${Math.min(...p95s).toFixed(1)} ms`)
      expect(Math.min(...p95s)).toBeLessThan(atMostMs(100))
      expect(commands.filter((command) => ['scan', 'keys', 'hscan', 'zscan', 'sscan'].includes(command))).toEqual([])
      const rows = groupRows(await overview(client))
      expect(rows).toHaveLength(groups)
      expect(new Set(rows.map((row) => row.at(-1)))).toEqual(new Set(['5,000']))
    },
  )
})
