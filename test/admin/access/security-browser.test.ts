import express, { type Express } from 'express'
import session from 'express-session'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { keyedcacheAdmin } from '../../../src/admin/admin.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { linked } from '../../support/dashboard.js'
import { serving } from '../../support/serving.js'
import { visiting } from '../../support/visiting.js'
import type { Visitor } from '../../support/visitor.js'

const { url } = serving()
// no names but localhost are trusted to be this machine, so on these Chromium sends no Sec-Fetch headers
const visit = visiting(['--host-resolver-rules=MAP *.test 127.0.0.1'])
let cache: KeyedCache
let visitor: Visitor

beforeEach(async () => {
  cache = createKeyedCache()
  await cache.setMany(['city', 'product', 'product::1'].map((key) => [key, key]))
  visitor = await visit()
})
afterEach(() => cache.close())

/** An application in which who has been to `/in` is staff, until they go to `/out`. */
function application(): Express {
  const app = express()
  app.use(session({ secret: 'a secret for tests only', resave: false, saveUninitialized: false }))
  app.get('/in', (req, res) => {
    Object.assign(req.session, { user: { name: 'ann', isStaff: true } })
    res.redirect('/cache/keys')
  })
  app.get('/out', (req, res) => {
    req.session.destroy(() => res.send('<h1>Signed out</h1>'))
  })
  app.get('/accounts/login', (_req, res) => void res.send('<h1>Sign in</h1>'))
  app.use('/cache', keyedcacheAdmin({ cache }))
  return app
}

/** The address of an application under another name. */
async function named(name: string, app: Express): Promise<string> {
  return (await url(app)).replace('127.0.0.1', name)
}

/** A page of another site whose form deletes a key, if it is let. */
function attack(target: string, fields: Record<string, string>, referrer: string): Express {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`)
  return express().get('/', (_req, res) => {
    res.set('Referrer-Policy', referrer)
    res.send(`<form method="post" action="${target}">${inputs.join('')}<button>Win a prize</button></form>`)
  })
}

describe('the delete form in Chromium', () => {
  it.each(['127.0.0.1', 'admin.test'])('S8 works at %s with the headers that its page came with', async (name) => {
    const { page, complaints } = visitor
    const site = await named(name, application())
    await page.goto(`${site}/in`)
    const post = page.waitForRequest((asked) => asked.method() === 'POST')
    await page.goto(`${site}/cache/delete?mode=tree&k=${linked('product')}`)
    await page.getByRole('button', { name: 'Delete 2 keys' }).click()
    const headers = await (await post).allHeaders()
    // which of them decides is the point of the two names
    expect(headers['sec-fetch-site']).toBe(name === 'admin.test' ? undefined : 'same-origin')
    expect(headers['origin']).toBe(site)
    expect(await page.getByRole('alert').textContent()).toContain('Deleted 2 keys')
    expect((await cache.keys()).keys).toEqual(['city'])
    // Chromium says on plain http that the header about other windows has no meaning there
    expect(complaints.filter((each) => !each.includes('Cross-Origin-Opener-Policy'))).toEqual([])
  })

  it.each([
    ['127.0.0.1', 'strict-origin-when-cross-origin'],
    ['127.0.0.1', 'no-referrer'],
    ['admin.test', 'strict-origin-when-cross-origin'],
    ['admin.test', 'no-referrer'],
  ])('S8 at %s takes nothing from a page of another site, which says %s', async (name, referrer) => {
    const { page } = visitor
    const site = await named(name, application())
    await page.goto(`${site}/in`)
    const target = `${site}/cache/delete?mode=one&k=${linked('city')}`
    await page.goto(target)
    const stolen = {
      _csrf: await page.locator('[name=_csrf]').inputValue(),
      preview: await page.locator('[name=preview]').inputValue(),
    }
    const guessed = { ...stolen, _csrf: 'A'.repeat(43) }
    // a page that hides where it is cannot be told from ours on plain http: there the token decides
    for (const fields of name === 'admin.test' && referrer === 'no-referrer' ? [guessed, {}] : [stolen, guessed, {}]) {
      await page.goto(await named('evil.test', attack(target, fields, referrer)))
      const answer = page.waitForResponse(target)
      await page.getByRole('button').click()
      expect([303, 403, 422]).toContain((await answer).status())
      expect(await cache.count()).toBe(3)
    }
  })

  it('S7 takes nothing from another port of the same host', async () => {
    const { page } = visitor
    const site = await url(application())
    await page.goto(`${site}/in`)
    const target = `${site}/cache/delete?mode=one&k=${linked('city')}`
    await page.goto(target)
    const stolen = {
      _csrf: await page.locator('[name=_csrf]').inputValue(),
      preview: await page.locator('[name=preview]').inputValue(),
    }
    await page.goto(await url(attack(target, stolen, 'strict-origin-when-cross-origin')))
    const [answer] = await Promise.all([page.waitForResponse(target), page.getByRole('button').click()])
    expect((await answer.request().allHeaders())['sec-fetch-site']).toBe('same-site')
    expect(answer.status()).toBe(403)
    expect(await cache.count()).toBe(3)
  })
})

describe('the pages in Chromium', () => {
  it('S11 are shown in no frame', async () => {
    const { page } = visitor
    const site = await url(application())
    await page.goto(`${site}/in`)
    const framing = express().get('/', (_req, res) => void res.send(`<iframe src="${site}/cache/"></iframe>`))
    await page.goto(await url(framing))
    expect(await page.frames()[1]?.getByRole('heading', { name: 'Overview' }).count()).toBe(0)
  })

  it('S13 give the browser nothing to complain about', async () => {
    const { page, complaints } = visitor
    const site = await url(application())
    await page.goto(`${site}/in`)
    const key = `k=${linked('product')}`
    const paths = ['', 'keys', 'keys?view=tree', `key?${key}`, 'delete', 'delete?mode=all', 'activity', 'nowhere']
    for (const path of paths) await page.goto(`${site}/cache/${path}`)
    expect(complaints).toEqual([])
  })

  it('S14 are not shown again by going back after signing out', async () => {
    const { page } = visitor
    const site = await url(application())
    await page.goto(`${site}/in`)
    expect(await page.getByRole('heading', { name: 'Keys' }).count()).toBe(1)
    await page.goto(`${site}/out`)
    await page.goBack()
    expect(await page.getByRole('heading', { name: 'Sign in' }).count()).toBe(1)
    expect(await page.content()).not.toContain('product')
  })

  it('S16 run nothing that a key or a value holds', async () => {
    const { page, complaints } = visitor
    const hostile = [
      '<script>document.title="bad"</script>',
      '"><img src=x onerror=alert(1)>',
      '</title><script>alert(1)</script>',
    ]
    for (const each of hostile) await cache.set([each], { [each]: each }, { tags: [each] })
    const site = await url(application())
    await page.goto(`${site}/in`)
    for (const each of hostile) {
      const k = linked(cache.key(each))
      for (const path of ['keys', `key?k=${k}`, `delete?mode=tree&k=${k}`, `delete?mode=tag&t=${linked(each)}`]) {
        await page.goto(`${site}/cache/${path}`)
        expect(await page.title()).not.toBe('bad')
      }
      await page.getByRole('button', { name: 'Delete 1 key' }).click()
      await page.goto(`${site}/cache/activity`)
      expect(await page.getByRole('table').textContent()).toContain(each)
    }
    expect(complaints).toEqual([])
  })
})
