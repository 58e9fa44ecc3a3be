import { toUSVString } from 'node:util'
import * as fc from 'fast-check'
import express, { type Express } from 'express'
import { expect, test } from 'vitest'
import { keyedcacheAdmin } from '../../src/admin/admin.js'
import type { KeyedCache } from '../../src/contract/cache.js'
import { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
import { row } from '../support/fault-row.js'
import { HOSTILE_PARTS } from '../support/hostile-keys.js'
import { type Answered, inject, type Injected } from '../support/inject.js'
import { sized } from '../support/size.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const REQUESTS = sized(100_000)
const AT_ONCE = 50
const CANARY = 'canary-of-a-value'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'get', 'X']
const PATHS = [
  '/',
  '/keys',
  '/key',
  '/delete',
  '/activity',
  '/metrics',
  '/api/stats',
  '/api/keys',
  '/assets/dashboard.css',
  '/assets/dashboard.js',
  '/api',
  '/assets/',
  '/nowhere',
]
const NAMES = ['k', 'prefix', 'after', 'limit', 'view', 'cache', 'children', 'tag', 'scope', 'sort', 'q', 'done', 'group',
  'next', 'result', '_csrf', 'confirm', 'preview', 'count', 'at', '__proto__', 'constructor', 'toString', 'k[]', 'k[a]', 'a.b', ''] // prettier-ignore
const HOSTILE = [
  ...HOSTILE_PARTS,
  '../../etc/passwd',
  '..%2f..%2fetc/passwd',
  '%00',
  '%',
  '%zz',
  '%c3%28',
  '%u0041',
  '__proto__',
  '-1',
  '0',
  '1e9',
  '99999999999999999999',
  'NaN',
  '${7*7}',
  '<%= 7 * 7 %>',
  '{{7*7}}',
  "'; DROP TABLE keys; --",
  'javascript:alert(1)',
  '\r\nSet-Cookie: a=b',
  'a'.repeat(5000),
  '::',
  ':::::',
  '\u0000',
  '*',
  '[',
  'true',
  'on',
]

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 2, arbitrary: fc.constantFrom(...HOSTILE).map((part) => Buffer.from(part).toString('base64url')) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('base64url')) },
  { weight: 1, arbitrary: fc.webUrl() },
)
const written = fc.oneof(
  { weight: 4, arbitrary: text.map(encode) },
  { weight: 1, arbitrary: text.map((value) => Buffer.from(value).toString('latin1').replace(/[\s#]/g, '+')) },
)
const name = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...NAMES) }, { weight: 1, arbitrary: text.map(encode) })
const pairs = fc
  .array(fc.tuple(name, written), { maxLength: 6 })
  .map((all) => all.map(([key, value]) => `${key}=${value}`).join('&'))
const path = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...PATHS) },
  { weight: 1, arbitrary: fc.constantFrom(...PATHS).map((each) => each.toUpperCase()) },
  { weight: 1, arbitrary: fc.constantFrom(...PATHS).map((each) => `${each}/`) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...PATHS), written).map((both) => both.join('/')) },
  { weight: 1, arbitrary: written.map((each) => `/${each}`) },
  { weight: 1, arbitrary: fc.constantFrom('//evil.example/', '/./key', '/../cache/keys', '\\keys', '/;/', '/key;a=b') },
)
const headerValue = text.map((value) =>
  Buffer.from(value)
    .toString('latin1')
    .replace(/[\r\n\0]/g, ' '),
)
const HEADERS: Record<string, fc.Arbitrary<string>> = {
  accept: fc.constantFrom('text/html', 'application/json', '*/*', 'text/html;q=0, */*', 'x', ''),
  'content-type': fc.constantFrom(
    'application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded; charset=utf-16',
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'multipart/form-data',
    '',
  ),
  'content-encoding': fc.constantFrom('gzip', 'br', 'identity', 'x'),
  origin: fc.constantFrom('http://cache.example', 'http://evil.example', 'null', ''),
  'sec-fetch-site': fc.constantFrom('same-origin', 'same-site', 'cross-site', 'none', 'x'),
  referer: headerValue,
  cookie: headerValue,
  'user-agent': headerValue,
  'x-forwarded-for': headerValue,
  'x-forwarded-host': headerValue,
  'x-http-method-override': fc.constantFrom('DELETE', 'POST', 'GET'),
  'if-none-match': headerValue,
  range: fc.constantFrom('bytes=0-', 'bytes=-1', 'x', 'bytes=9999999999-'),
  'accept-language': headerValue,
  authorization: headerValue,
  host: fc.constantFrom('cache.example', 'evil.example', '', ':', '[::1', 'a b'),
}
const headers = fc
  .uniqueArray(
    fc
      .constantFrom(...Object.keys(HEADERS))
      .chain((each) => (HEADERS[each] as fc.Arbitrary<string>).map((value) => [each, value] as const)),
    { maxLength: 5, selector: ([each]) => each },
  )
  .map((all) => Object.fromEntries(all))
const body = fc.oneof(
  { weight: 4, arbitrary: pairs.map((each) => Buffer.from(each)) },
  { weight: 1, arbitrary: fc.json().map((each) => Buffer.from(each)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constant(Buffer.from(`k=${'a'.repeat(200_000)}`)) },
)
const request: fc.Arbitrary<Injected & { readonly who: string }> = fc
  .record({
    method: fc.oneof({ weight: 5, arbitrary: fc.constant('GET') }, { weight: 4, arbitrary: fc.constant('POST') }, { weight: 3, arbitrary: fc.constantFrom(...METHODS) }), // prettier-ignore
    path,
    query: fc.option(pairs, { freq: 4 }),
    headers,
    body,
    who: fc.constantFrom('staff', 'staff', 'staff', 'staff', 'staff', 'staff', 'visitor', 'nobody'),
  })
  .map(({ method, path: at, query, headers: given, body: form, who }) => ({
    method,
    url: `/cache${at}${query === null ? '' : `?${query}`}`,
    headers: method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded', ...given } : given,
    body: /^(?:GET|HEAD|OPTIONS)$/.test(method) ? undefined : form,
    who,
  }))

test(
  `${REQUESTS} hostile requests are answered, none by an error of the server, and delete nothing (SEED=${seed})`,
  { timeout: 400_000 },
  async () => {
    await using cache = createKeyedCache()
    for (const part of HOSTILE_PARTS) await cache.set(['hostile', part], { text: part, secret: CANARY }) // eslint-disable-line no-await-in-loop
    const keys = await listed(cache)
    const audits: unknown[] = []
    const app = application(cache, audits)
    const statuses = new Map<number, number>()
    const wrong: string[] = []
    for (let made = 0; made < REQUESTS; made += 5000) {
      // some at a time, so that they need not all be kept
      const all = fc.sample(request, { seed: seed + made, numRuns: 5000 })
      await inLanes(all, async (each) => {
        const answer = await inject(app, { ...each, headers: { ...each.headers, 'x-who': each.who } }).catch(String)
        if (typeof answer === 'string') return void wrong.push(answer)
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        const complaint = judge(each, answer)
        if (complaint !== undefined) wrong.push(`${complaint}: ${each.who} ${JSON.stringify(each).slice(0, 500)}`)
      })
    }
    row(
      'fuzz',
      `${REQUESTS} hostile requests, SEED=${seed}`,
      `${wrong.length} wrong answers; ${Array.from(statuses, ([status, count]) => `${status}: ${count}`)
        .toSorted()
        .join(', ')}`,
    )
    expect(wrong.slice(0, 10)).toEqual([])
    expect(await listed(cache)).toEqual(keys)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    // the requests got somewhere
    expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 400, 403, 404, 405]))
  },
)

function application(cache: KeyedCache, audits: unknown[]): Express {
  const app = express()
  app.use((req, _res, next) => {
    const who = req.get('x-who')
    if (who !== 'nobody') Object.assign(req, { user: { name: who, isStaff: who === 'staff' } })
    // a session as a store gives it, with a token that the requests do not know
    Object.assign(req, { session: { keyedcacheAdmin: { csrfToken: 'a token that nobody knows' } } })
    next()
  })
  app.use('/cache', keyedcacheAdmin({ cache, onAudit: (event) => audits.push(event) }))
  return app
}

/** What is wrong with an answer. */
function judge(
  { method, who }: { method: string; who: string },
  { status, headers: given, body: page }: Answered,
): string | undefined {
  if (status >= 500 && status !== 501) return `status ${status}`
  if (who !== 'staff' && status === 200 && method !== 'OPTIONS') return 'shown to others than staff'
  if (status >= 200 && status < 300 && method === 'POST') return 'a change without a token'
  if (page.includes(CANARY)) return 'a secret'
  // what the host answers by itself before the dashboard is asked
  if (status === 404 && page.startsWith('<!DOCTYPE html>') && page.includes('<pre>Cannot')) return undefined
  if (given['content-security-policy'] === undefined) return 'no Content-Security-Policy'
  if (given['x-content-type-options'] !== 'nosniff') return 'sniffed'
  if (!String(given['content-type']).startsWith('text/html')) return undefined
  if (/<script(?![^>]* src=)/.test(page) || / on\w+="/.test(page.replaceAll(/<textarea[^]*?<\/textarea>/g, '')))
    return 'live markup'
  return undefined
}

async function inLanes<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < all.length) await work(all[next++] as T)
    }),
  )
}

async function listed(cache: KeyedCache): Promise<string[]> {
  return (await cache.keys(undefined, { limit: 1000 })).keys
}

function encode(value: string): string {
  return encodeURIComponent(toUSVString(value))
}
