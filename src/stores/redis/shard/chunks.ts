import type { Write } from '../../../contract/store.js'

/** A script touches at most this many names, so that it does not block the server for long: about 3 ms. */
export const NAMES_PER_SCRIPT = 500
/** The same for a script that looks for a tag in each entry, among up to 64 of them. */
export const TAGGED_PER_SCRIPT = 100
/** A script carries at most this many bytes, except when one entry alone is larger. */
const BYTES_PER_SCRIPT = 2 ** 18

/** Divides items, in order, into groups that one script may touch. `namesOf`: how many names there are in an item. */
export function* chunks<T>(
  items: readonly T[],
  bytesOf: (item: T) => number = () => 0,
  namesOf: (item: T) => number = () => 1,
): Generator<readonly T[]> {
  let some: T[] = []
  let bytes = 0
  let names = 0
  for (const item of items) {
    const addedBytes = bytesOf(item)
    const addedNames = namesOf(item)
    if (some.length > 0 && (names + addedNames > NAMES_PER_SCRIPT || bytes + addedBytes > BYTES_PER_SCRIPT)) {
      yield some
      some = []
      bytes = 0
      names = 0
    }
    some.push(item)
    bytes += addedBytes
    names += addedNames
  }
  if (some.length > 0) yield some
}

/**
 * Divides entries, or items that stand for them, into groups that one script may store. All entries of a group have the same tags, and each
 * of them is noted in the set of each tag.
 */
export function* chunksByTags<T>(items: readonly T[], entryOf: (item: T) => Write): Generator<readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const { tags } = entryOf(item)
    const name = tags.length === 0 ? '' : JSON.stringify(tags)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [item])
    else group.push(item)
  }
  for (const group of groups.values()) {
    yield* chunks(
      group,
      (item) => entryOf(item).bytes.length,
      (item) => 1 + entryOf(item).tags.length,
    )
  }
}
