import { isError } from '../../../checks/is-error.js'
import type { RemovalStep } from '../../../contract/removal-step.js'
import type { Connection } from '../connection/connection.js'
import type { Keyspace } from './keyspace.js'
import { type Name, nameOf } from '../connection/redis-name.js'
import { NAMES_PER_SCRIPT, TAGGED_PER_SCRIPT, chunks } from './chunks.js'
import { BURY_TAG, CLEAR_TAGS, END_TAGS, LOOK_AT_TAGS, REMOVE_TAGGED } from '../scripts/tag-scripts.js'

/** How many tags one step of cleaning up concerns. */
export const TAGS_PER_STEP = 100
/** After so many tags that this process has written, it looks for sets that are over. */
const WRITTEN_PER_STEP = 32
/** How many names of live keys `CLEAR_TAGS` compares at most. */
const COMPARED_PER_SCRIPT = 1000

/** What was found in the set of a tag. */
interface Looked {
  /** How many names were dropped from it. */
  readonly dropped: number
  /** Those of the names that carry the tag. */
  readonly carrying: readonly Name[]
  /** Some names that are left in it, by chance. */
  readonly some: readonly Name[]
}

/**
 * Which keys carry which tag. The set of a tag may hold a key whose entry is gone, or has lost the tag, so the entry itself decides. A
 * server that also evicts what never expires (`maxmemory-policy allkeys-*`) may evict the set of a tag before the entries that carry the
 * tag. Those are not found by the tag until they are written again.
 */
export class RedisTags {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  /** How many tags were written since this process has last looked for sets that are over. */
  #written = 0
  #isEnding = false

  constructor(connection: Connection, keyspace: Keyspace) {
    this.#connection = connection
    this.#keyspace = keyspace
  }

  /** Voids the computations whose entries will carry this tag. */
  async bury(tag: string): Promise<void> {
    const { leases, tombstones, wake } = this.#keyspace
    const names = [leases, tombstones, this.#keyspace.tag(tag)]
    let cursor = '0'
    do {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      cursor = String(await this.#connection.run(BURY_TAG, names, [wake, tag, cursor, NAMES_PER_SCRIPT]))
    } while (cursor !== '0')
  }

  /** Removes all entries that carry a tag, in bounded steps that `step` takes, and calls `tell` with their keys. */
  async remove(tag: string, step: RemovalStep, tell: (removed: string[]) => void): Promise<void> {
    for await (const some of this.#names(tag)) {
      await step(some, async (those) => tell(await this.#removeSome(tag, those)))
    }
  }

  /** Up to `limit` keys that carry a tag, and how many do. It looks at each of them, in bounded steps. */
  async list(tag: string, limit: number): Promise<{ keys: string[]; total: number }> {
    const keys = new Set<string>()
    for await (const some of this.#names(tag)) {
      const [{ carrying }] = (await this.look([tag], [some])) as [Looked]
      for (const key of carrying) keys.add(String(key))
    }
    return { keys: [...keys].slice(0, limit), total: keys.size }
  }

  /**
   * Finds which of some names of the sets of tags carry their tag. The others are dropped from the sets. Gives also about `next` names of
   * these sets, to be looked at next.
   */
  async look(tags: readonly Name[], names: readonly (readonly Name[])[], next = 0): Promise<Looked[]> {
    const entries = names.flat().map((name) => this.#keyspace.entry(name))
    const reply = (await this.#connection.runForBytes(
      LOOK_AT_TAGS,
      [...this.#registry, ...tags.map((tag) => this.#keyspace.tag(tag)), ...entries],
      [
        tags.length,
        Math.floor(NAMES_PER_SCRIPT / tags.length),
        next,
        ...tags,
        ...names.map(({ length }) => length),
        ...names.flat(),
      ],
    )) as [dropped: number, carrying: number[], some: Buffer[]][]
    return reply.map(([dropped, carrying, some], i) => ({
      dropped,
      carrying: carrying.map((number) => names[i]?.[number - 1] as Name),
      some: some.map(nameOf),
    }))
  }

  /** Ends the sets of these tags, those that are over. Gives some others that are to be ended. */
  async end(over: readonly Name[]): Promise<readonly Name[]> {
    const sets = over.map((tag) => this.#keyspace.tag(tag))
    const what = [TAGS_PER_STEP, ...over]
    return ((await this.#connection.runForBytes(END_TAGS, [...this.#registry, ...sets], what)) as Buffer[]).map(nameOf)
  }

  /**
   * So many tags were written. Whoever makes sets also ends those that are over, so that there are never many of them, however seldom the
   * upkeep comes.
   */
  wrote(count: number): void {
    this.#written += count
    if (this.#written < WRITTEN_PER_STEP || this.#isEnding) return
    this.#written = 0
    this.#isEnding = true
    const ended = (): void => {
      this.#isEnding = false
    }
    // Where it fails, the upkeep ends them later, and tells why it could not.
    this.#endAll().then(ended, ended)
  }

  /** Ends the sets of all tags that no entry carries any more, after all entries were removed. */
  async clear(): Promise<void> {
    const { index, expiry } = this.#keyspace
    let tags: readonly Name[] = []
    do {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const next = (await this.#connection.runForBytes(
        CLEAR_TAGS,
        [index, expiry, ...this.#registry, ...tags.map((tag) => this.#keyspace.tag(tag))],
        [COMPARED_PER_SCRIPT, tags.at(-1) ?? '', TAGS_PER_STEP, ...tags],
      )) as Buffer[]
      tags = next.map(nameOf)
    } while (tags.length > 0)
  }

  async #endAll(): Promise<void> {
    let over: readonly Name[] = []
    do {
      over = await this.end(over) // eslint-disable-line no-await-in-loop -- bounded steps, one after the other
    } while (over.length > 0)
  }

  get #registry(): [tags: string, ends: string] {
    return [this.#keyspace.tags, this.#keyspace.ends]
  }

  /**
   * The names in the set of a tag, no more at a time than one script may touch. A name may come twice. It is a scan: that visits all names
   * that are there from its beginning to its end, and ends however many others are written meanwhile. No reading of the names in an order
   * would do both. Other data under the name of the set holds none.
   */
  async *#names(tag: string): AsyncGenerator<readonly Name[]> {
    const set = this.#keyspace.tag(tag)
    let cursor = '0'
    do {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const [next, scored] = await this.#connection
        .send((client) => client.zscanBuffer(set, cursor, 'COUNT', NAMES_PER_SCRIPT))
        .catch(noneWhereForeign)
      const names = scored.filter((_, i) => i % 2 === 0).map(nameOf)
      yield* chunks(names, undefined, () => NAMES_PER_SCRIPT / TAGGED_PER_SCRIPT)
      cursor = String(next)
    } while (cursor !== '0')
  }

  /** Removes the entries of those names that do carry the tag. Gives these names. */
  async #removeSome(tag: string, names: readonly Name[]): Promise<string[]> {
    const { leases, index, expiry, wake } = this.#keyspace
    const entries = names.map((name) => this.#keyspace.entry(name))
    const numbers = (await this.#connection.run(
      REMOVE_TAGGED,
      [leases, index, expiry, ...this.#registry, this.#keyspace.tag(tag), ...entries],
      [wake, tag, ...names],
    )) as number[]
    return numbers.map((number) => String(names[number - 1]))
  }
}

/** No names if the name of the set holds other data. */
function noneWhereForeign(error: unknown): [cursor: Buffer, scored: Buffer[]] {
  if (isError(error) && error.message.startsWith('WRONGTYPE')) return [Buffer.from('0'), []]
  throw error
}
