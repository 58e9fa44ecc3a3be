import type { Connection } from '../connection/connection.js'
import { KEEP_UP } from '../scripts/upkeep-scripts.js'
import { NAMES_PER_SCRIPT } from './chunks.js'
import type { EvictionCounts, Evictions } from './evictions.js'
import type { Keyspace } from './keyspace.js'
import { type RedisTags, TAGS_PER_STEP } from './redis-tags.js'

/** A visit ends after this many rounds of steps, so that the other shards have their turn too. */
const ROUNDS_PER_VISIT = 50

/**
 * The upkeep of a shard. Drops the names of expired, removed and evicted entries from the index and from the sets of the tags, and the
 * leases of dead processes.
 */
export class ShardUpkeep {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #evictions: Evictions
  readonly #tags: RedisTags
  /** Where the last step ended: in the leases, and in the tags. */
  #cursor = '0'
  #tag = ''

  constructor(connection: Connection, keyspace: Keyspace, evictions: Evictions, tags: RedisTags) {
    this.#connection = connection
    this.#keyspace = keyspace
    this.#evictions = evictions
    this.#tags = tags
  }

  /**
   * One visit, in steps. A step sends one command, and more only after evictions. After each step but the last it yields whether there is
   * so much to do that the next step should follow at once. `share`: the part of the server's evictions that are of this shard.
   */
  async *visit(share: number): AsyncGenerator<boolean, void> {
    let atOnce = false
    for (let round = 0; round < ROUNDS_PER_VISIT; round++) {
      const { evictions, more, tags } = await this.#prune()
      await this.#evictions.sweep(evictions, share)
      const dropped: boolean = tags.length > 0 && (yield* this.#look(tags, atOnce || more))
      atOnce = more || (dropped && this.#tag !== '')
      if (!atOnce) return
      yield true
    }
  }

  async #prune(): Promise<{ evictions: EvictionCounts; more: boolean; tags: string[] }> {
    const { sweep, index, expiry, removed, leases, tombstones, tags: all } = this.#keyspace
    const [evictions, more, cursor, tags] = (await this.#connection.run(
      KEEP_UP,
      [sweep, index, expiry, removed, leases, tombstones, all],
      [NAMES_PER_SCRIPT, this.#cursor, this.#tag, TAGS_PER_STEP],
    )) as [EvictionCounts, number, string, string[]]
    this.#cursor = cursor
    this.#tag = tags.length < TAGS_PER_STEP ? '' : (tags.at(-1) as string)
    return { evictions, more: more === 1, tags }
  }

  /** Drops names from the sets of tags that have lost their tag. Gives whether there were any. */
  async *#look(tags: readonly string[], atOnce: boolean): AsyncGenerator<boolean, boolean> {
    yield atOnce
    const names = await this.#tags.some(tags)
    yield atOnce
    const looked = await this.#tags.look(tags, names)
    return looked.some(({ dropped }) => dropped > 0)
  }
}
