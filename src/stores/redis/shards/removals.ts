import { PartialRemoval } from '../../../contract/errors.js'
import { childPrefix } from '../../../keys/key-tree.js'
import type { IndexRebuild } from './index-rebuild.js'
import type { Range } from '../shard/redis-index.js'
import type { Shards } from './shards.js'

/** Called with the keys that a step has removed. */
type Tell = (removed: readonly string[]) => void

/**
 * Removes keys in all shards, in bounded steps, as `Store` promises.
 * @throws {PartialRemoval} when a server stops answering, with how many keys were removed before.
 */
export class Removals {
  readonly #shards: Shards
  readonly #rebuild: IndexRebuild
  readonly #onGap: () => void

  /** `onGap` is called when a removal has found that the index is not whole. */
  constructor(shards: Shards, rebuild: IndexRebuild, onGap: () => void) {
    this.#shards = shards
    this.#rebuild = rebuild
    this.#onGap = onGap
  }

  /** As `Store.remove`. */
  async keys(keys: readonly string[]): Promise<string[]> {
    const removed = await listed(async (tell) => {
      const groups = this.#shards.group(keys, (key) => key)
      await all(Array.from(groups, ([shard, some]) => shard.remove(some, tell)))
    })
    const gone = new Set(removed)
    return keys.filter((key) => gone.delete(key))
  }

  /** As `Store.removeTree`. */
  tree(key: string): Promise<string[]> {
    const below = childPrefix(key)
    return listed((tell) => this.#below(key, (each) => each === key || each.startsWith(below), tell))
  }

  /** As `Store.clear`. */
  everything(): Promise<number> {
    return counted(async (tell) => {
      await this.#below(undefined, () => true, tell)
      await all(this.#shards.all.map(({ tags }) => tags.clear()))
    })
  }

  /** As `Store.removeTag`. */
  tag(tag: string): Promise<string[]> {
    return listed(async (tell) => {
      const shards = this.#shards.all
      await Promise.all(shards.map(({ tags }) => tags.bury(tag)))
      await all(shards.map(({ tags }) => tags.remove(tag, tell)))
    })
  }

  /**
   * Removes the keys that the index has at and below a key. If the index was not whole, it also looks at all entries. Computations are
   * voided in every shard before anything is removed in one, so that none stores a result of what is about to go.
   */
  async #below(under: string | undefined, concerns: (key: string) => boolean, tell: Tell): Promise<void> {
    const shards = this.#shards.all
    const first = await Promise.all(shards.map(({ index }) => index.begin(under)))
    const emptied = shards.map((shard, i) =>
      shard.index.empty(under, first[i] as Range, (names) => shard.remove(names, tell)),
    )
    const itself = under === undefined ? [] : [this.#shards.of(under).remove([under], tell)]
    const [whole] = await Promise.all([all(emptied), all(itself)])
    if (whole.every(Boolean)) return
    await this.#rebuild.scan(this.#shards, (shard, keys) => shard.remove(keys.filter(concerns), tell))
    this.#onGap()
  }
}

/** Waits until all have ended. Gives all values, or throws the first failure. */
async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(promises)
  return ended.map((each) => {
    if (each.status === 'rejected') throw each.reason
    return each.value
  })
}

/** Runs a removal. Gives the keys removed. @throws {PartialRemoval} when it fails. */
async function listed(remove: (tell: Tell) => Promise<void>): Promise<string[]> {
  const removed: string[] = []
  await counted((tell) =>
    remove((keys) => {
      tell(keys)
      for (const key of keys) removed.push(key)
    }),
  )
  return removed
}

/** Runs a removal. Gives how many keys it removed. @throws {PartialRemoval} when it fails. */
async function counted(remove: (tell: Tell) => Promise<void>): Promise<number> {
  let count = 0
  try {
    await remove((keys) => {
      count += keys.length
    })
  } catch (error) {
    throw new PartialRemoval(count, error)
  }
  return count
}
