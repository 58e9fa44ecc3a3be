import { activityPage } from './activity-page.js'
import { apiKeys, apiStats } from './api.js'
import { deleteKeys } from './delete-keys.js'
import { deletePage } from './delete-page.js'
import { keyPage } from './key-page.js'
import { keysPage } from './keys-page.js'
import { metrics } from './metrics.js'
import { overviewPage } from './overview-page.js'
import type { Handler } from './page.js'

/** What a path below the mount answers: `get` shows and never changes anything, `post` changes. */
export interface Route {
  readonly get: Handler
  readonly post?: Handler
}

/** Every path of the dashboard but its assets. Pages stand exactly one segment below the mount, so that relative links hold. */
export const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/', { get: overviewPage }],
  ['/keys', { get: keysPage }],
  ['/key', { get: keyPage }],
  ['/delete', { get: deletePage, post: deleteKeys }],
  ['/activity', { get: activityPage }],
  ['/metrics', { get: metrics }],
  ['/api/stats', { get: apiStats }],
  ['/api/keys', { get: apiKeys }],
])
