import type { RequestHandler } from 'express'

/**
 * What `keyedcache()` and `keyedcacheAdmin()` give: a `RequestHandler` of Express. The name is this package's own, so that declarations of an
 * application that exports one need no types of packages that it has not installed itself, as those under pnpm.
 */
export interface KeyedcacheMiddleware extends RequestHandler {}
