import type { RequestHandler } from 'express'
import { adminSettings, type KeyedcacheAdminOptions } from './access/admin-options.js'
import { dashboard } from './router.js'

export type { KeyedcacheAdminOptions } from './access/admin-options.js'

/** What `keyedcacheAdmin()` gives: a `RequestHandler` of Express, under a name of this package as `KeyedcacheMiddleware` is. */
export interface KeyedcacheDashboard extends RequestHandler {}

/**
 * The staff dashboard, for `app.use('/cache', keyedcacheAdmin())`. It shows what the cache did and which keys it has, and deletes keys. It
 * works under any mount path, and behind proxies that strip the path. Mount the session before it. Without a session, the dashboard is
 * read-only.
 * @throws {TypeError} naming the option, for wrong options.
 */
export function keyedcacheAdmin(options: KeyedcacheAdminOptions = {}): KeyedcacheDashboard {
  return dashboard(adminSettings(options))
}
