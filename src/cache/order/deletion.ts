import type { CacheEvents } from '../../contract/cache-events.js'
import { childPrefix } from '../../keys/key-tree.js'

/** What is deleted: a key, with `children` also those below it, all that carries a tag, or everything. */
export type Deletion = Omit<CacheEvents['delete'], 'count'>

/** Whether a deletion concerns a key whose entry carries these tags. `undefined`: they are not known yet, so it may. */
export function concerns({ key, children, tag }: Deletion, each: string, tags?: readonly string[]): boolean {
  if (tag !== undefined) return tags?.includes(tag) ?? true
  return key === undefined || each === key || (children && each.startsWith(childPrefix(key)))
}
