import { activityPage } from './pages/activity-page.js'
import { apiKeys, apiStats } from './pages/api.js'
import { deleteKeys } from './deletion/delete-keys.js'
import { deletePage } from './deletion/delete-page.js'
import { keyPage } from './pages/key-page.js'
import { keysPage } from './pages/keys-page.js'
import { metrics } from './pages/metrics.js'
import { overviewPage } from './pages/overview-page.js'
import type { Handler } from './show/page.js'

/** The handlers of a path below the mount. `get` shows and never changes anything. `post` changes something. */
export interface Route {
  readonly get: Handler
  readonly post?: Handler
}

/** Every path of the dashboard except its assets. Pages stand exactly one segment below the mount, so that relative links are right. */
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
