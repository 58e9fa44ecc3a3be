import express, { type Express } from 'express'
import session from 'express-session'
import { keyedcacheAdmin, type KeyedcacheAdminOptions } from '../../src/admin/admin.js'

/** An application with the dashboard and, unless that is there, a front page, in which everybody is staff and has a session. */
export function dashboardApp(options: KeyedcacheAdminOptions, mount: string = '/cache'): Express {
  const app = express()
  app.use(session({ secret: 'a secret for tests only', resave: false, saveUninitialized: false }))
  app.use(mount, keyedcacheAdmin({ user: () => ({ name: 'ann' }), isStaff: () => true, ...options }))
  if (mount !== '/') app.get('/', (_req, res) => void res.send('the application'))
  return app
}

/** A key as links of the dashboard carry it. */
export function linked(key: string): string {
  return Buffer.from(key).toString('base64url')
}

/** The text of a page: without markup, entities read, white space as one blank. */
export function textOf(html: string): string {
  return unescaped(html.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ')
}

/** The targets of all links of a page. */
export function linksOf(html: string): string[] {
  return Array.from(html.matchAll(/href="([^"]*)"/g), ([, href = '']) => unescaped(href))
}

/** Text that stands in a page, as a browser reads it. */
export function unescaped(html: string): string {
  const names: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&', '#34': '"', '#39': "'" }
  return html.replace(/&(#?\w+);/g, (entity, name: string) => names[name] ?? entity)
}
