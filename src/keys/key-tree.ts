import { type Key, childRange, toKey } from './key.js'

const SEPARATOR = '::'

/** What the keys below a key begin with. `''`, so every key, when there is no key. */
export function childPrefix(under: string | undefined): string {
  return under === undefined ? '' : under + SEPARATOR
}

/** The child of `under` (without one: of the top) that is `key` or contains it. `key` must be below `under`. */
export function childTowards(key: string, under: string | undefined): { segment: string; key: string } {
  const start = childPrefix(under).length
  const end = key.indexOf(SEPARATOR, start)
  const child = end === -1 ? key : key.slice(0, end)
  return { segment: child.slice(start), key: child }
}

/**
 * The place of a child among the keys of its level: its own key when it is a key, else where the first key below it is. The two differ,
 * because `p::1` < `p::10` < `p::1::x`.
 */
export function childPlace(child: { key: string; isKey: boolean }): string {
  return child.isKey ? child.key : childRange(child.key).from
}

/** The first place after a whole group, if `place` is that of a group. `undefined` if it is that of a key. */
export function endOfGroup(place: string): string | undefined {
  return place.endsWith(SEPARATOR) ? childRange(place.slice(0, -SEPARATOR.length)).to : undefined
}

/** Appends one key to another. */
export function joinKeys(parent: string, key: Key): string {
  return toKey(parent + SEPARATOR + toKey(key))
}

/** The group under which statistics count a key: its first segment, or for a function's key the first two. */
export function groupOf(key: string): string {
  const first = key.indexOf(SEPARATOR)
  if (first === -1) return key
  if (!key.startsWith('func' + SEPARATOR)) return key.slice(0, first)
  const second = key.indexOf(SEPARATOR, first + SEPARATOR.length)
  return second === -1 ? key : key.slice(0, second)
}
