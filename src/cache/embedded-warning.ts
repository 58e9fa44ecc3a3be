import { show } from '../checks/show.js'

/** In production, warns that a cache is kept in this process although a Redis seems to have been intended. */
export function warnOfEmbedded(name: string, reason: string, remedy: string): void {
  if (process.env['NODE_ENV'] !== 'production') return
  process.emitWarning(
    `The cache ${show(name)} is kept in each process for itself, and deletes do not reach the others, since ${reason}: ${remedy}`,
    { code: 'KEYEDCACHE_EMBEDDED' },
  )
}
