import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RateLimitedWarnings } from '../../../src/contract/events/rate-limited-warnings.js'
import { AuditTrail } from '../../../src/admin/access/audit-trail.js'
import type { AuditEvent } from '../../../src/contract/audit-event.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { linksOf, textOf } from '../../support/dashboard.js'
import { confirm, previewed } from '../../support/delete-form.js'
import type { HttpClient } from '../../support/http-client.js'
import { startRedis } from '../../support/redis-server.js'
import { page, serving } from '../../support/serving.js'
import { until } from '../../support/until.js'
import { warningsDuring } from '../../support/warnings.js'

const { dashboard } = serving()
const INTENT: AuditEvent = {
  id: 'one',
  time: new Date(),
  phase: 'intent',
  actor: 'ann',
  ip: '192.0.2.1',
  mode: 'tree',
  target: 'product',
  previewed: 1204,
  outcome: undefined,
  deleted: undefined,
  ms: undefined,
  reason: undefined,
}

let cache: KeyedCache

beforeEach(async () => {
  cache = createKeyedCache()
  await cache.setMany([
    ['product', 1],
    ['product::1', 1],
    ['city', 1],
  ])
})

afterEach(async () => {
  vi.useRealTimers()
  await cache.close()
})

async function rows(client: HttpClient): Promise<string[]> {
  const html = await page(client, '/cache/activity')
  return Array.from(html.matchAll(/<tr>\s*<td>.*?<\/tr>/gs), ([row]) => textOf(row))
}

describe('Activity', () => {
  it('is a page of the navigation, and says when nothing was deleted yet', async () => {
    const client = await dashboard({ cache })
    const html = await page(client, '/cache/activity')
    expect(linksOf(html)).toContain('./activity')
    expect(html).toContain('<a href="./activity" aria-current="page">Activity</a>')
    expect(html).not.toContain('<table>')
    expect(textOf(html)).toContain('Nothing was deleted through this dashboard yet')
  })

  it('shows an intent and its result as one row, the newest first', async () => {
    await cache.audit(INTENT)
    await cache.audit({ ...INTENT, phase: 'result', outcome: 'done', deleted: 1209, ms: 84 })
    await cache.audit({ ...INTENT, id: 'two', mode: 'tag', target: 'spring', phase: 'result', outcome: 'partial' })
    const [second = '', first = '', ...more] = await rows(await dashboard({ cache }))
    expect(more).toEqual([])
    expect(first).toMatch(/UTC .* ann 192\.0\.2\.1 A key and everything under it: product 1,204 1,209 84 ms done/)
    expect(second).toContain('All keys with a tag: spring')
    expect(second).toContain('stopped partway')
  })

  it.each([
    [59, 'under way'],
    [61, 'still under way, or its process ended'],
  ])('says of a deletion without a result after %i s: “%s”', async (seconds, words) => {
    await cache.audit({ ...INTENT, time: new Date(Date.now() - seconds * 1000) })
    expect((await rows(await dashboard({ cache })))[0]).toContain(` ${words} `)
  })

  it('shows the last 100', async () => {
    for (let i = 0; i < 110; i++) {
      await cache.audit({ ...INTENT, id: `${i}`, target: `key::${i}` })
      await cache.audit({ ...INTENT, id: `${i}`, target: `key::${i}`, phase: 'result', outcome: 'done', deleted: i })
    }
    const shown = await rows(await dashboard({ cache }))
    expect(shown).toHaveLength(100)
    expect(shown[0]).toContain('key::109')
    expect(shown[99]).toContain('key::10 ')
  })

  it('writes as text whatever stands in the log', async () => {
    const hostile = '<script>alert(1)</script>\n\u202e"\'&'
    const event = { ...INTENT, id: '__proto__', actor: hostile, ip: hostile, target: hostile, reason: hostile }
    await cache.audit({ ...event, phase: 'result', outcome: 'denied', deleted: -1, ms: 1e300 })
    await cache.audit({ ...event, id: 'constructor', time: new Date(8.64e15) })
    const html = await page(await dashboard({ cache }), '/cache/activity')
    expect(html).not.toContain('<script>a')
    expect(html.match(/&lt;script&gt;/g)).toHaveLength(7)
    expect(html).toContain('⏎⟨U+202E⟩')
  })

  it('cuts a long name, and has the whole one step away', async () => {
    const target = `long::${'x'.repeat(1000)}`
    await cache.audit({ ...INTENT, target })
    const html = await page(await dashboard({ cache }), '/cache/activity')
    expect(html).toContain(
      `<summary><bdi class="key">${target.slice(0, 100)}…</bdi></summary><bdi class="key">${target}<`,
    )
  })

  it('is about the cache that was chosen', async () => {
    const other = createKeyedCache({ name: 'other' })
    await other.set('yours', 1)
    const client = await dashboard({ caches: { shop: cache, other } })
    expect((await confirm(client, '/cache/delete?mode=one&key=yours&cache=other')).status).toBe(303)
    expect(await rows(client)).toEqual([])
    expect(textOf(await page(client, '/cache/activity?cache=other'))).toContain('One key: yours')
    await other.close()
  })

  it('is a 503 with a sentence while Redis is down', async () => {
    const redis = await startRedis()
    const logger = { info() {}, warn() {}, error() {} }
    const remote = createKeyedCache({ redis: redis.url, keyPrefix: 'shop', logger })
    try {
      await remote.require()
      const client = await dashboard({ cache: remote })
      await redis.kill()
      const response = await client.get('/cache/activity')
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
      expect(textOf(await response.text())).toContain('The cache does not respond')
    } finally {
      await remote.close()
      await redis.close()
    }
  })
})

describe('onAudit', () => {
  it('is told before and after each deletion, in events of one id', async () => {
    const events: [AuditEvent, number][] = []
    const client = await dashboard({ cache, onAudit: async (event) => events.push([event, await cache.count()]) })
    const path = '/cache/delete?mode=tree&key=product'
    expect((await confirm(client, path)).status).toBe(303)
    await until(() => events.length === 2, 'both were told')
    const [[intent, before] = [], [result, after] = []] = events
    expect([before, after]).toEqual([3, 1])
    expect(intent).toMatchObject({ phase: 'intent', actor: 'staff', mode: 'tree', target: 'product', previewed: 2 })
    expect(intent?.ip).toMatch(/127\.0\.0\.1|::1/)
    expect(result).toEqual({
      ...intent,
      time: expect.any(Date),
      phase: 'result',
      outcome: 'done',
      deleted: 2,
      ms: expect.any(Number),
    })
    expect(await cache.activity()).toEqual([result, intent])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('no disk')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('no disk')
      },
    ],
  ])('keeps a deletion from being done when it %s before it', async (_how, fail) => {
    const client = await dashboard({ cache, onAudit: (event) => (event.phase === 'intent' ? fail() : undefined) })
    const form = await previewed(client, '/cache/delete?mode=tree&key=product')
    const warnings = await warningsDuring('KEYEDCACHE_ADMIN_AUDIT', async () => {
      const response = await client.post(form.path, form.fields)
      expect(response.status).toBe(503)
      expect(textOf(await response.text())).toContain(
        'Nothing was deleted Every deletion is recorded before it is done',
      )
    })
    expect(warnings.join()).toContain('no disk')
    expect(await cache.count()).toBe(3)
    expect((await cache.activity()).map(({ outcome, deleted }) => [outcome, deleted])).toEqual([['failed', 0]])
  })

  it('changes nothing when it fails afterwards', async () => {
    for (const fail of [
      () => {
        throw new Error('no disk')
      },
      async () => {
        throw new Error('no disk')
      },
    ]) {
      await cache.set('product', 1)
      const client = await dashboard({ cache, onAudit: (event) => (event.phase === 'result' ? fail() : undefined) })
      const warnings = await warningsDuring('KEYEDCACHE_ADMIN_AUDIT', async () => {
        expect((await confirm(client, '/cache/delete?mode=one&key=product')).status).toBe(303)
      })
      expect(warnings.join()).toContain('no disk')
    }
  })
})

describe('attempts that were denied', () => {
  it('are noted with what they asked for and why', async () => {
    const events: AuditEvent[] = []
    const onAudit = (event: AuditEvent): void => void events.push(event)
    const client = await dashboard({ cache, onAudit })
    const all = await previewed(client, '/cache/delete?mode=all')
    const one = await previewed(client, '/cache/delete?mode=one&key=city')
    const attempts: [string, Record<string, string>, Record<string, string>, number, RegExp][] = [
      [one.path, { ...one.fields, _csrf: 'guessed' }, {}, 403, /too old or not from these pages/],
      [one.path, one.fields, { 'sec-fetch-site': 'cross-site' }, 403, /another site/],
      [one.path, { ...one.fields, preview: all.fields['preview'] ?? '' }, {}, 403, /not from a preview/],
      [one.path, { _csrf: one.fields['_csrf'] ?? '' }, {}, 422, /preview comes before/],
      [all.path, { ...all.fields, confirmation: 'wrong' }, {}, 422, /not typed as it was shown/],
    ]
    for (const [path, fields, headers, status, reason] of attempts) {
      expect((await client.post(path, fields, headers)).status).toBe(status)
      const { mode, target, outcome, phase, actor, ...event } = events.at(-1) as AuditEvent
      expect([mode, target]).toEqual(path === all.path ? ['all', undefined] : ['one', 'city'])
      expect([phase, outcome, actor]).toEqual(['result', 'denied', 'staff'])
      expect(event.reason).toMatch(reason)
    }
    expect((await cache.activity()).toReversed()).toEqual(events)
    const readOnly = await dashboard({ cache, readOnly: true, onAudit })
    await readOnly.post('/cache/delete?mode=all', { _csrf: 'x' })
    expect((await cache.activity())[0]?.reason).toContain('read-only')
    expect(await cache.count()).toBe(3)
  })

  it('are told to the host alone when nobody of the staff was there, so that the store hears nothing of strangers', async () => {
    const events: AuditEvent[] = []
    const client = await dashboard({ cache, onAudit: (event) => events.push(event) })
    await client.post('/cache/delete?mode=one&key=city', {}, { 'x-who': 'visitor' })
    await client.post('/cache/delete?mode[x]=one', {}, { 'x-who': 'nobody' })
    await client.post('/cache/delete', {}, { 'x-who': 'nobody', accept: 'application/json' })
    await client.post('/cache/keys', {}, { 'x-who': 'nobody' })
    expect(events.map(({ actor, mode, target, reason }) => [actor, mode, target, reason])).toEqual([
      ['visitor', 'one', 'city', 'Signed in, but not staff.'],
      [undefined, undefined, undefined, 'Nobody was signed in.'],
      [undefined, undefined, undefined, 'Nobody was signed in.'],
    ])
    expect(await cache.activity()).toEqual([])
  })

  it('are told at most 60 times a minute, those of strangers apart', async () => {
    const events: AuditEvent[] = []
    const client = await dashboard({ cache, onAudit: (event) => events.push(event) })
    // All within one minute
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-05-01T12:00:30Z') })
    for (let i = 0; i < 80; i++) await client.post('/cache/delete?mode=all', {}, { 'x-who': 'nobody' })
    expect(events).toHaveLength(60)
    for (let i = 0; i < 80; i++) await client.post('/cache/delete?mode=all', { _csrf: 'guessed' })
    expect(events).toHaveLength(120)
    expect(await cache.activity({ limit: 1000 })).toHaveLength(60)
    vi.setSystemTime(new Date('2026-05-01T12:01:00Z'))
    await client.post('/cache/delete?mode=all', {}, { 'x-who': 'nobody' })
    expect(events).toHaveLength(121)
  })
})

describe('with Redis down', () => {
  it('nothing is deleted, which the host is told', async () => {
    const redis = await startRedis()
    const logger = { info() {}, warn() {}, error() {} }
    const remote = createKeyedCache({ redis: redis.url, keyPrefix: 'shop', logger })
    const events: AuditEvent[] = []
    try {
      await remote.set('city', 1)
      const client = await dashboard({ cache: remote, onAudit: (event) => events.push(event) })
      const form = await previewed(client, '/cache/delete?mode=one&key=city')
      await redis.kill()
      const response = await client.post(form.path, form.fields)
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
      expect(textOf(await response.text())).toContain('Nothing was deleted')
      expect(events.map(({ phase, outcome, target }) => [phase, outcome, target])).toEqual([
        ['result', 'failed', 'city'],
      ])
    } finally {
      await remote.close()
      await redis.close()
    }
  })
})

describe('the audit trail', () => {
  it('stores what Redis did not take as soon as it answers, once', async () => {
    const redis = await startRedis()
    const logger = { info() {}, warn() {}, error() {} }
    const remote = createKeyedCache({ redis: redis.url, keyPrefix: 'shop', logger })
    try {
      await remote.require()
      const trail = new AuditTrail({ onAudit: undefined, warnings: new RateLimitedWarnings() })
      redis.stop()
      await trail.end(remote, { ...INTENT, id: 'late' }, { outcome: 'partial', deleted: 3 })
      redis.resume()
      await until(async () => (await trail.read(remote).catch(() => [])).length > 0, 'it is stored')
      await trail.read(remote)
      expect((await trail.read(remote)).map(({ id, outcome }) => [id, outcome])).toEqual([['late', 'partial']])
    } finally {
      await remote.close()
      await redis.close()
    }
  })
})
