import type { Write } from '../../../contract/store.js'

/** No script touches more names than this, so that none blocks the server for long: about 3 ms. */
export const NAMES_PER_SCRIPT = 500
/** Nor does one carry more bytes than this, unless a single entry does. */
const BYTES_PER_SCRIPT = 2 ** 20

/** Items in groups of what one script may touch, in order. */
export function* chunks<T>(items: readonly T[], bytesOf: (item: T) => number = () => 0): Generator<readonly T[]> {
  let some: T[] = []
  let bytes = 0
  for (const item of items) {
    const added = bytesOf(item)
    if (some.length === NAMES_PER_SCRIPT || (some.length > 0 && bytes + added > BYTES_PER_SCRIPT)) {
      yield some
      some = []
      bytes = 0
    }
    some.push(item)
    bytes += added
  }
  if (some.length > 0) yield some
}

/** Items that stand for entries, in groups of what one script may store: it gives all its entries the same tags. */
export function* chunksByTags<T>(items: readonly T[], entryOf: (item: T) => Write): Generator<readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const { tags } = entryOf(item)
    const name = tags.length === 0 ? '' : JSON.stringify(tags)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  for (const group of groups.values()) yield* chunks(group, (item) => entryOf(item).bytes.length)
}
