import { isError } from '../../../checks/is-error.js'
import type { RemovalStep } from '../../../contract/removal-step.js'
import type { Connection } from '../connection/connection.js'
import type { Keyspace } from './keyspace.js'
import { type Name, nameOf } from '../connection/redis-name.js'
import { NAMES_PER_SCRIPT, chunks } from './chunks.js'
import { BURY_TAG, LOOK_AT_TAGS, REMOVE_TAGGED, SOME_TAGGED } from '../scripts/tag-scripts.js'

/** How many tags one step of pruning checks. */
export const TAGS_PER_STEP = 10

/** What was found in the set of a tag. */
interface Looked {
  /** How many names are left in it. */
  readonly left: number
  /** How many names were dropped from it. */
  readonly dropped: number
  /** Those of the names that carry the tag. */
  readonly carrying: readonly Name[]
}

/**
 * Which keys carry which tag. The set of a tag may hold a key whose entry is gone, or has lost the tag, so the entry itself decides. A
 * server that also evicts what never expires (`maxmemory-policy allkeys-*`) may evict the set of a tag before the entries that carry the
 * tag. Those are not found by the tag until they are written again.
 */
export class RedisTags {
  readonly #connection: Connection
  readonly #keyspace: Keyspace

  constructor(connection: Connection, keyspace: Keyspace) {
    this.#connection = connection
    this.#keyspace = keyspace
  }

  /** Voids the computations whose entries will carry this tag. */
  async bury(tag: string): Promise<void> {
    const { leases, tombstones, wake } = this.#keyspace
    await this.#connection.run(BURY_TAG, [leases, tombstones, this.#keyspace.tag(tag)], [wake, tag])
  }

  /**
   * Removes all entries that carry a tag, in bounded steps that `step` takes, and calls `tell` with their keys. It scans the set: a scan visits all names
   * that are there from its beginning to its end, and ends however many others are written meanwhile. No reading of the names in an order
   * would do both.
   */
  async remove(tag: string, step: RemovalStep, tell: (removed: string[]) => void): Promise<void> {
    const set = this.#keyspace.tag(tag)
    let cursor = '0'
    do {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const [next, scored] = await this.#connection.send((client) =>
        client.zscanBuffer(set, cursor, 'COUNT', NAMES_PER_SCRIPT),
      )
      const names = scored.filter((_, i) => i % 2 === 0).map(nameOf)
      for (const some of chunks(names)) {
        // eslint-disable-next-line no-await-in-loop
        await step(some, async (those) => tell(await this.#removeSome(tag, those)))
      }
      cursor = String(next)
    } while (cursor !== '0')
  }

  /**
   * Up to `limit` keys that carry a tag, and how many names are in its set. Names that are found to have lost the tag are dropped from the
   * set.
   */
  async list(tag: string, limit: number): Promise<{ keys: string[]; total: number }> {
    const set = this.#keyspace.tag(tag)
    const found = await this.#connection
      .send((client) => client.zrangeBuffer(set, 0, String(limit - 1)))
      .catch(noneWhereForeign)
    const [{ left, carrying }] = (await this.look([tag], [found.map(nameOf)])) as [Looked]
    return { keys: carrying.map(String), total: left }
  }

  /** Some names of the sets of at most `TAGS_PER_STEP` tags, by chance: no more in all than one script may touch. */
  async some(tags: readonly string[]): Promise<Name[][]> {
    const sets = tags.map((tag) => this.#keyspace.tag(tag))
    const each = NAMES_PER_SCRIPT / TAGS_PER_STEP
    const found = (await this.#connection.runForBytes(SOME_TAGGED, sets, [each])) as Buffer[][]
    return found.map((names) => names.map(nameOf))
  }

  /** Finds which of some names of the sets of tags carry their tag. The others are dropped from the sets. */
  async look(tags: readonly string[], names: readonly (readonly Name[])[]): Promise<Looked[]> {
    const entries = names.flat().map((name) => this.#keyspace.entry(name))
    const reply = (await this.#connection.run(
      LOOK_AT_TAGS,
      [this.#keyspace.tags, ...tags.map((tag) => this.#keyspace.tag(tag)), ...entries],
      [
        tags.length,
        Math.floor(NAMES_PER_SCRIPT / tags.length),
        ...tags,
        ...names.map(({ length }) => length),
        ...names.flat(),
      ],
    )) as number[][]
    return reply.map(([left = 0, dropped = 0, ...numbers], i) => ({
      left,
      dropped,
      carrying: numbers.map((number) => names[i]?.[number - 1] as Name),
    }))
  }

  /** Removes the entries of those names that do carry the tag. Gives these names. */
  async #removeSome(tag: string, names: readonly Name[]): Promise<string[]> {
    const { leases, index, expiry, tags, wake } = this.#keyspace
    const numbers = (await this.#connection.run(
      REMOVE_TAGGED,
      [leases, index, expiry, tags, this.#keyspace.tag(tag), ...names.map((name) => this.#keyspace.entry(name))],
      [wake, tag, ...names],
    )) as number[]
    return numbers.map((number) => String(names[number - 1]))
  }
}

/** No names if the name of the set holds other data. */
function noneWhereForeign(error: unknown): [] {
  if (isError(error) && error.message.startsWith('WRONGTYPE')) return []
  throw error
}
