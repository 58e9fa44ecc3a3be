import { checkCacheOptions } from '../cache/cache-options.js'
import { realTime } from '../checks/real-time.js'
import { reasonOf } from '../checks/reason.js'
import { defaultCacheIfMade } from './configure.js'
import { fromEnvironment } from './environment.js'

let isDue = false

/**
 * Looks in the next turn whether the environment can make the default cache, and warns if not: a request would be the first to tell. Opens
 * no connection. An application that calls `configure` while it starts is not warned.
 */
export function checkEnvironmentSoon(): void {
  if (isDue) return
  isDue = true
  realTime.setImmediate(() => {
    isDue = false
    if (defaultCacheIfMade() === undefined) checkEnvironment()
  })
}

function checkEnvironment(): void {
  try {
    checkCacheOptions(fromEnvironment())
  } catch (error) {
    process.emitWarning(
      `Each request that uses the default cache will fail, unless \`configure\` is called before: ${reasonOf(error)}`,
      { code: 'KEYEDCACHE_DEFAULT' },
    )
  }
}
