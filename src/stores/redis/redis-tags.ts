import type { Connection } from './connection.js'
import type { Keyspace } from './keyspace.js'
import { type Name, nameOf } from './name.js'
import { NAMES_A_SCRIPT, scriptfuls } from './scriptfuls.js'
import { BURY_TAG, LIST_TAG, PRUNE_TAG, REMOVE_TAGGED } from './tag-scripts.js'

/** How much one round of pruning looks at: bounded, since every process does it once a second. */
const TAGS_A_ROUND = 10
const NAMES_A_TAG = 50

/** Which keys carry which tag. A name may outlive its entry there, or the entry's tag: the entry itself decides. */
export class RedisTags {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  /** The tag at which the last round of pruning ended. */
  #cursor = ''

  constructor(connection: Connection, keyspace: Keyspace) {
    this.#connection = connection
    this.#keyspace = keyspace
  }

  /** Voids the computations that will give their entries this tag. */
  async bury(tag: string): Promise<void> {
    const { leases, tombstones, wake } = this.#keyspace
    await this.#connection.run(BURY_TAG, [leases, tombstones, this.#keyspace.tag(tag)], [wake, tag])
  }

  /**
   * Removes all entries that carry a tag, in bounded steps, and tells of them. A scan visits all names that are there from its beginning to
   * its end, and ends however many others are written meanwhile: no order of the names would do both.
   */
  async remove(tag: string, tell: (removed: string[]) => void): Promise<void> {
    const set = this.#keyspace.tag(tag)
    let cursor = '0'
    do {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const [next, scored] = await this.#connection.send((client) =>
        client.zscanBuffer(set, cursor, 'COUNT', NAMES_A_SCRIPT),
      )
      const names = scored.filter((_, i) => i % 2 === 0).map(nameOf)
      // eslint-disable-next-line no-await-in-loop
      for (const some of scriptfuls(names)) tell(await this.#removeSome(tag, some))
      cursor = String(next)
    } while (cursor !== '0')
  }

  /** Some of the keys that carry a tag, and how many names are in its set. Names that carry it no more leave the set as they are met. */
  async list(tag: string, limit: number): Promise<{ keys: string[]; total: number }> {
    const { tags } = this.#keyspace
    const set = this.#keyspace.tag(tag)
    const found = await this.#connection.send((client) => client.zrangeBuffer(set, 0, String(limit - 1)))
    const names = found.map(nameOf)
    const entries = names.map((name) => this.#keyspace.entry(name))
    const [total = 0, ...numbers] = (await this.#connection.run(
      LIST_TAG,
      [tags, set, ...entries],
      [tag, ...names],
    )) as number[]
    return { keys: numbers.map((number) => String(names[number - 1])), total }
  }

  /** Drops names whose entries are gone from some tags, going round all of them. */
  async prune(): Promise<void> {
    const { tags } = this.#keyspace
    const some = await this.#connection.send((client) =>
      client.zrangebylex(tags, `(${this.#cursor}`, '+', 'LIMIT', 0, TAGS_A_ROUND),
    )
    this.#cursor = some.length < TAGS_A_ROUND ? '' : (some.at(-1) as string)
    await Promise.all(
      some.map(async (tag) => {
        const set = this.#keyspace.tag(tag)
        const found = await this.#connection.send((client) => client.zrandmemberBuffer(set, NAMES_A_TAG))
        const names = found.map(nameOf)
        const entries = names.map((name) => this.#keyspace.entry(name))
        await this.#connection.run(PRUNE_TAG, [tags, set, ...entries], [tag, ...names])
      }),
    )
  }

  /** Gives those of these names that did carry the tag. */
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
