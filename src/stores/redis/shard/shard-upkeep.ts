import type { Connection } from '../connection/connection.js'
import { KEEP_UP } from '../scripts/upkeep-scripts.js'
import { NAMES_PER_SCRIPT, TAGGED_PER_SCRIPT } from './chunks.js'
import type { EvictionCounts, Evictions } from './evictions.js'
import type { Keyspace } from './keyspace.js'
import { type Name, nameOf } from '../connection/redis-name.js'
import { type RedisTags, TAGS_PER_STEP } from './redis-tags.js'

/** A visit ends after this many rounds of steps, so that the other shards have their turn too. */
const ROUNDS_PER_VISIT = 50
/** In one of so many visits the sets of tags are looked at. That takes two steps more, and keeps a Cluster's other shards waiting. */
const VISITS_PER_LOOK = 3
/** If one of so many names of the sets of tags has lost its tag, more of them are looked at. */
const ONE_IN = 100
/** If more than this part of them have lost it, so many are looked at in one step. */
const MOST = 0.75
const LOST_PER_SCRIPT = 250

/** What one step of `KEEP_UP` has found. */
interface Kept {
  readonly evictions: EvictionCounts
  readonly more: boolean
  /** Tags whose sets are over, as far as is known. */
  readonly over: readonly Name[]
  /** The next tags. */
  readonly tags: readonly Name[]
}

/**
 * The upkeep of a shard. Drops the names of expired, removed and evicted entries from the index and from the sets of the tags, and the
 * leases of dead processes.
 */
export class ShardUpkeep {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #evictions: Evictions
  readonly #tags: RedisTags
  /** Where the walk over leases and tombstones is. */
  #walk: readonly string[] = ['0', '0', '']
  /** The tag at which the last look ended. */
  #tag: Name = ''
  #visits = 0

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
    const looks = this.#visits++ % VISITS_PER_LOOK === 0
    let atOnce = false
    for (let round = 0; round < ROUNDS_PER_VISIT; round++) {
      const { evictions, more, over, tags } = await this.#prune()
      await this.#evictions.sweep(evictions, share)
      yield* this.#end(over)
      const lost: boolean = looks && (yield* this.#look(tags, atOnce || more))
      atOnce = more || lost
      if (!atOnce) return
      yield true
    }
  }

  async #prune(): Promise<Kept> {
    const { sweep, index, expiry, removed, leases, tombstones, tags: all, ends } = this.#keyspace
    const [evictions, more, walk, over, tags] = (await this.#connection.runForBytes(
      KEEP_UP,
      [sweep, index, expiry, removed, leases, tombstones, all, ends],
      [NAMES_PER_SCRIPT, ...this.#walk, TAGS_PER_STEP, this.#tag],
    )) as [(Buffer | null)[], number, Buffer[], Buffer[], Buffer[]]
    this.#walk = walk.map(String)
    const [now = null, before = null] = evictions.map((count) => count && String(count))
    return { evictions: [now, before], more: more === 1, over: over.map(nameOf), tags: tags.map(nameOf) }
  }

  /** Ends the sets of tags that are over, and those that are over meanwhile. */
  async *#end(over: readonly Name[]): AsyncGenerator<boolean, void> {
    let left = over
    for (let round = 0; left.length > 0 && round < ROUNDS_PER_VISIT; round++) {
      yield true
      left = await this.#tags.end(left) // eslint-disable-line no-await-in-loop -- bounded steps, one after the other
    }
  }

  /**
   * Drops names from the sets of tags that have lost their tag: of some by chance, and of more as long as there are many among them. Gives
   * whether there were many.
   */
  async *#look(tags: readonly Name[], atOnce: boolean): AsyncGenerator<boolean, boolean> {
    this.#tag = tags.length < TAGS_PER_STEP ? '' : (tags.at(-1) as Name)
    if (tags.length === 0) return false
    let next = TAGGED_PER_SCRIPT
    let areMany = false
    yield atOnce
    let looked = await this.#tags.look(
      tags,
      tags.map(() => []),
      next,
    )
    for (let round = 0; round < ROUNDS_PER_VISIT; round++) {
      yield atOnce || areMany
      const names = looked.map(({ some }) => some)
      looked = await this.#tags.look(tags, names, next) // eslint-disable-line no-await-in-loop -- bounded steps
      const lost = looked.reduce((sum, { dropped }) => sum + dropped, 0)
      const all = names.flat().length
      if (lost === 0 || lost * ONE_IN < all) break
      areMany = true
      // Where there is no entry, looking costs little.
      next = lost > MOST * all ? LOST_PER_SCRIPT : TAGGED_PER_SCRIPT
    }
    return areMany
  }
}
