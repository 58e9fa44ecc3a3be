import express, { type Express } from 'express'
import session from 'express-session'
import { afterEach, expect } from 'vitest'
import { keyedcacheAdmin, type KeyedcacheAdminOptions } from '../../src/admin/admin.js'
import { HttpClient } from './http-client.js'
import { listen, type Listening } from './listen.js'

/** Serves applications until the test ends. */
export interface Serving {
  /** Serves an application, and gives a visitor of it. */
  serve(app: Express): Promise<HttpClient>
  /** Serves nothing but a dashboard at `/cache`, and gives a visitor of it, by default staff. */
  dashboard(options: KeyedcacheAdminOptions): Promise<HttpClient>
  /** Serves an application, and gives its address. */
  url(app: Express): Promise<string>
}

/** For the top of a test file. */
export function serving(): Serving {
  const servers: Listening[] = []
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
  })
  async function url(app: Express): Promise<string> {
    const server = await listen(app)
    servers.push(server)
    return server.url
  }
  return {
    url,
    serve: async (app) => new HttpClient(await url(app)),
    dashboard: async (options) => new HttpClient(await url(application('/cache', options))),
  }
}

/** An application whose visitors say by a header who they are: `staff` (also without a header), `visitor` or `nobody`. */
export function application(mount: string, options: KeyedcacheAdminOptions, withSession = true): Express {
  const app = express()
  if (withSession) app.use(session({ secret: 'a secret for tests only', resave: false, saveUninitialized: false }))
  app.use((req, _res, next) => {
    const who = req.get('x-who') ?? 'staff'
    if (who !== 'nobody') Object.assign(req, { user: { name: who, isStaff: who === 'staff' } })
    next()
  })
  app.use(mount, keyedcacheAdmin(options))
  app.get('/host', (_req, res) => void res.send('the page of the host'))
  return app
}

/** The HTML of a page that must be there. */
export async function page(client: HttpClient, path: string): Promise<string> {
  const response = await client.get(path)
  expect(response.status, path).toBe(200)
  return response.text()
}
