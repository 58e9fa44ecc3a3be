import { PartialRemoval } from '../../../contract/errors.js'
import { type RemovalStep, wholeStep } from '../../../contract/removal-step.js'
import { childPrefix } from '../../../keys/key-tree.js'
import type { IndexRebuild } from './index-rebuild.js'
import type { Name } from '../connection/redis-name.js'
import type { Range } from '../shard/redis-index.js'
import type { Shard } from '../shard/shard.js'
import type { Shards } from './shards.js'
import { whenAllEnded } from '../shard/when-all-ended.js'

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
      await whenAllEnded(Array.from(groups, ([shard, some]) => shard.remove(some, tell)))
    })
    const gone = new Set(removed)
    return keys.filter((key) => gone.delete(key))
  }

  /** As `Store.removeTree`. */
  tree(key: string, step: RemovalStep = wholeStep): Promise<string[]> {
    const below = childPrefix(key)
    return listed((tell) => this.#below(key, (each) => each === key || each.startsWith(below), step, tell))
  }

  /** As `Store.clear`. */
  everything(step: RemovalStep = wholeStep): Promise<number> {
    return counted(async (tell) => {
      await this.#below(undefined, () => true, step, tell)
      await whenAllEnded(this.#shards.all.map(({ tags }) => tags.clear()))
    })
  }

  /** As `Store.removeTag`. */
  tag(tag: string, step: RemovalStep = wholeStep): Promise<string[]> {
    return listed(async (tell) => {
      const shards = this.#shards.all
      await Promise.all(shards.map(({ tags }) => tags.bury(tag)))
      await whenAllEnded(shards.map(({ tags }) => tags.remove(tag, step, tell)))
    })
  }

  /**
   * Removes the keys that the index has at and below a key. If the index was not whole, it also looks at all entries. Computations are
   * voided in every shard before anything is removed in one, so that none stores a result of what is about to go.
   */
  async #below(
    under: string | undefined,
    concerns: (key: string) => boolean,
    step: RemovalStep,
    tell: Tell,
  ): Promise<void> {
    const shards = this.#shards.all
    const remove = (shard: Shard, names: readonly Name[]): Promise<void> =>
      step(names, (those) => shard.remove(those, tell))
    const first = await Promise.all(shards.map(({ index }) => index.begin(under)))
    const emptied = shards.map((shard, i) =>
      shard.index.empty(under, first[i] as Range, (names) => remove(shard, names)),
    )
    const itself = under === undefined ? [] : [remove(this.#shards.of(under), [under])]
    const [wasWhole] = await Promise.all([whenAllEnded(emptied), whenAllEnded(itself)])
    if (wasWhole.every(Boolean)) return
    await this.#rebuild.scan(this.#shards, (shard, keys) => remove(shard, keys.filter(concerns)))
    this.#onGap()
  }
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
