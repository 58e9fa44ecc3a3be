import type { RequestHandler } from 'express'
import { checkEnvironmentSoon } from '../default-cache/environment-check.js'
import { adminSettings, type KeyedcacheAdminOptions } from './access/admin-options.js'
import { dashboard } from './router.js'

export type { KeyedcacheAdminOptions } from './access/admin-options.js'

/** What `keyedcacheAdmin()` gives: a `RequestHandler` of Express, under a name of this package as `KeyedcacheMiddleware` is. */
export interface KeyedcacheDashboard extends RequestHandler {}

/**
 * The staff dashboard, for `app.use('/cache', keyedcacheAdmin())`. It shows what the cache did and which keys it has, and deletes keys. It
 * works under any mount path, and behind proxies that strip the path. Mount the session before it. Without a session, the dashboard is
 * read-only. Warns soon after (`KEYEDCACHE_DEFAULT`) if it shows the default cache, there is none by then, and the environment cannot make one.
 * @throws {TypeError} naming the option, for wrong options.
 */
export function keyedcacheAdmin(options: KeyedcacheAdminOptions = {}): KeyedcacheDashboard {
  const settings = adminSettings(options)
  if (options.cache === undefined && options.caches === undefined) checkEnvironmentSoon()
  return dashboard(settings)
}
