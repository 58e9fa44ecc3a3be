import { request } from 'node:http'
import express, { type Express } from 'express'
import helmet from 'helmet'
import { describe, expect, it } from 'vitest'
import { dashboardApp, linked, unescaped } from '../support/dashboard.js'
import { HttpClient } from '../support/http-client.js'
import { serving } from '../support/serving.js'
import { shop } from '../support/shop.js'
import { visiting } from '../support/visiting.js'

const { filled } = shop()
const { url } = serving()
const visitor = visiting()

/** A proxy that takes a prefix off, as many stand in front of applications. */
function proxy(prefix: string, target: string): Express {
  return express().use(prefix, (req, res) => {
    const { method, headers } = req
    const asked = request(new URL(target), { path: req.url, method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    req.pipe(asked)
  })
}

/** A host with a strict policy of its own, and a page. */
function strictHost(inner: Express): Express {
  const host = express()
  host.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], sandbox: [] } },
      crossOriginEmbedderPolicy: true,
      referrerPolicy: { policy: 'no-referrer' },
    }),
  )
  host.use(inner)
  host.get('/host', (_req, res) => void res.send('the page of the host'))
  return host
}

/** Asks for all of the dashboard that links lead to; gives its pages, and what is wrong with any. Its way back leads `home`. */
async function crawl(start: string, home: string | undefined): Promise<{ pages: string[]; wrong: string[] }> {
  const client = new HttpClient(start)
  const pages: string[] = []
  const wrong: string[] = []
  const known = new Set([start])
  // what is found is added while it is walked
  for (const at of known) {
    const answer = await client.get(at)
    const text = await answer.text()
    if (answer.status !== 200) wrong.push(`${answer.status} for ${at}`)
    if (!answer.headers.get('content-type')?.startsWith('text/html')) continue
    pages.push(at)
    for (const [, name, written = ''] of text.matchAll(/<[^>]*?\s(href|src|action|data-stats)="([^"]*)"/g)) {
      const value = unescaped(written)
      const target = new URL(value, at).href.replace(/#.*/, '')
      if (/^(?:\/|[a-z]+:)/i.test(value)) wrong.push(`${value} on ${at} is not relative`)
      if (target === home) continue
      if (!target.startsWith(start)) wrong.push(`${value} on ${at} leads out of the mount`)
      if (name !== 'action') known.add(target)
    }
  }
  if (home !== undefined) expect(await (await fetch(home)).text()).toBe('the application')
  return { pages, wrong }
}

/** One address of each path. */
function ofEachKind(pages: readonly string[]): string[] {
  return [...new Map(pages.map((each) => [new URL(each).pathname, each])).values()]
}

describe('mounted', () => {
  it.each([
    ['at /', '/', ''],
    ['at /cache', '/cache', ''],
    ['at /a/b/cache', '/a/b/cache', ''],
    ['at /, behind a proxy that takes a prefix off', '/', '/tools'],
    ['at /a/b/cache, behind a proxy that takes a prefix off', '/a/b/cache', '/tools/x'],
  ])('%s, no link is broken and nothing complains', { timeout: 120_000 }, async (_where, mount, prefix) => {
    const inner = await url(dashboardApp({ cache: await filled() }, mount))
    const outer = prefix === '' ? inner : await url(proxy(prefix, inner))
    const root = `${outer}${prefix}${mount === '/' ? '' : mount}/`
    const { pages, wrong } = await crawl(root, mount === '/' ? undefined : `${outer}${prefix}/`)
    expect(wrong).toEqual([])
    expect(pages.length).toBeGreaterThan(20)
    const { page, complaints } = await visitor()
    for (const each of ofEachKind(pages)) await page.goto(each)
    await page.goto(`${root}keys`)
    expect(await page.getByRole('link', { name: 'Back to the application' }).count()).toBe(mount === '/' ? 0 : 1)
    // also from the mount without its slash, where there is one
    if (mount !== '/') {
      await page.goto(root.slice(0, -1))
      expect(page.url()).toBe(root)
    }
    await page.goto(`${root}delete?mode=one&k=${linked('product')}`)
    await page.getByRole('button', { name: 'Delete 1 key' }).click()
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 1 key')
    expect(page.url().startsWith(`${root}delete`)).toBe(true)
    expect(complaints).toEqual([])
  })

  it('under a host with a strict helmet of its own, everything works and the host’s headers stay', async () => {
    const site = await url(strictHost(dashboardApp({ cache: await filled() }, '/cache')))
    const without = await url(strictHost(express()))
    const { pages, wrong } = await crawl(`${site}/cache/`, `${site}/`)
    expect(wrong).toEqual([])
    expect(pages.length).toBeGreaterThan(20)
    const { page, complaints } = await visitor()
    for (const each of pages) await page.goto(each)
    await page.goto(`${site}/cache/delete?mode=one&k=${linked('product')}`)
    await page.getByRole('button', { name: 'Delete 1 key' }).click()
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 1 key')
    expect(complaints).toEqual([])

    const headers = async (of: string): Promise<Record<string, string>> => {
      const { date: _date, ...rest } = Object.fromEntries((await new HttpClient(of).get('/host')).headers)
      return rest
    }
    expect(await headers(site)).toEqual(await headers(without))
    expect((await headers(site))['content-security-policy']).toBe("default-src 'none';sandbox")
  })
})
