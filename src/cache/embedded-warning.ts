import { show } from '../checks/show.js'

/** Warns of a cache in production that is kept in the process, though a Redis seems to have been meant. */
export function warnOfEmbedded(name: string, reason: string, remedy: string): void {
  if (process.env['NODE_ENV'] !== 'production') return
  process.emitWarning(
    `The cache ${show(name)} is kept in each process for itself, and deletes do not reach the others, since ${reason}: ${remedy}`,
    { code: 'KEYEDCACHE_EMBEDDED' },
  )
}
