import type { RequestHandler } from 'express'
import { adminSettings, type KeyedcacheAdminOptions } from './access/admin-options.js'
import { dashboard } from './router.js'

export type { KeyedcacheAdminOptions } from './access/admin-options.js'

/**
 * The staff dashboard, for `app.use('/cache', keyedcacheAdmin())`: what the cache did, its keys, and deleting them. Works
 * under any mount path and behind proxies that strip it. Put the session before it; without one it only shows.
 * @throws {TypeError} naming the option, for wrong options.
 */
export function keyedcacheAdmin(options: KeyedcacheAdminOptions = {}): RequestHandler {
  return dashboard(adminSettings(options))
}
