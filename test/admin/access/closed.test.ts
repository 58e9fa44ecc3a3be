import express, { type Express, type RequestHandler } from 'express'
import session from 'express-session'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { KeyedcacheAdminOptions } from '../../../src/admin/admin.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { serving } from '../../support/serving.js'
import { warningsDuring } from '../../support/warnings.js'

const { serve } = serving()
let cache: KeyedCache

beforeEach(() => {
  cache = createKeyedCache()
})

afterEach(async () => {
  await cache.close()
})

/** The dashboard of a process that has warned of nothing yet, behind what else is mounted. */
async function fresh(options: KeyedcacheAdminOptions, ...before: RequestHandler[]): Promise<Express> {
  vi.resetModules()
  const { keyedcacheAdmin } = await import('../../../src/admin/admin.js')
  const app = express()
  for (const handler of before) app.use(handler)
  return app
    .use('/cache', keyedcacheAdmin({ cache, ...options }))
    .use('/second', keyedcacheAdmin({ cache, ...options }))
}

/** What a few requests to it warn of. */
async function warned(app: Express): Promise<string[]> {
  const client = await serve(app)
  return warningsDuring('KEYEDCACHE_ADMIN_CLOSED', async () => {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (const path of ['/cache/', '/cache/keys', '/cache/api/stats', '/second/']) await client.get(path)
  })
}

const withSession = session({ secret: 'a secret for tests only', resave: false, saveUninitialized: false })
const as =
  (user: unknown): RequestHandler =>
  (req, _res, next) => {
    Object.assign(req, { user })
    next()
  }

describe('A dashboard that lets nobody in', () => {
  test('since requests have neither a user nor a session, says so once', async () => {
    const message =
      'The dashboard denied a request that has neither `req.user` nor `req.session`: mount what signs in before keyedcacheAdmin, or give it the option `user`'
    expect(await warned(await fresh({}))).toEqual([message])
    expect(await warned(await fresh({ isStaff: () => false }))).toEqual([message])
  })

  test('since `isStaff` gives something that is not `true`, says so once, and not what it gave', async () => {
    const warnings = await warned(await fresh({ isStaff: () => ({ token: 'hunter2' }) }, withSession))
    expect(warnings).toEqual([
      'The dashboard denied a request for which `isStaff` gave an object: only a literal `true` opens it',
    ])
    expect(await warned(await fresh({ isStaff: async () => 1 }, withSession))).toHaveLength(1)
  })

  test('since the `isStaff` of the user is not `true`, says so once', async () => {
    expect(await warned(await fresh({}, as({ name: 'ann', isStaff: 1 })))).toEqual([
      'The dashboard denied a request for which `isStaff` gave a number: only a literal `true` opens it',
    ])
  })

  test('says nothing of strangers, of those who are not staff, and of staff', async () => {
    expect(await warned(await fresh({}, withSession))).toEqual([])
    expect(await warned(await fresh({}, as({ name: 'ann', isStaff: false })))).toEqual([])
    expect(await warned(await fresh({}, as({ name: 'ann', isStaff: true })))).toEqual([])
    expect(await warned(await fresh({ user: () => undefined }))).toEqual([])
    expect(await warned(await fresh({ isStaff: () => true }))).toEqual([])
  })
})
