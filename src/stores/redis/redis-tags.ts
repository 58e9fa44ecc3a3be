import type { Connection } from './connection.js'
import type { Keyspace } from './keyspace.js'
import { NAMES_A_SCRIPT } from './scriptfuls.js'
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

  /** Voids the computations that will give their entries this tag. Gives how far the tag's set reaches now, for `remove`. */
  async bury(tag: string): Promise<string | null> {
    const { leases, tombstones, wake } = this.#keyspace
    const keys = [leases, tombstones, this.#keyspace.tag(tag)]
    return (await this.#connection.run(BURY_TAG, keys, [wake, tag])) as string | null
  }

  /** Removes all entries that carried a tag when it was buried, in bounded steps, and tells of them. What is tagged meanwhile does not make it endless. */
  async remove(tag: string, last: string | null, tell: (removed: string[]) => void): Promise<void> {
    if (last === null) return
    const { leases, index, expiry, tags, wake } = this.#keyspace
    const set = this.#keyspace.tag(tag)
    // Names leave the set as they are looked at, so the next ones are always the first.
    let left = await this.#connection.send((client) => client.zcount(set, '-inf', last))
    while (left > 0) {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const names = await this.#connection.send((client) =>
        client.zrange(set, '-inf', last, 'BYSCORE', 'LIMIT', 0, NAMES_A_SCRIPT),
      )
      if (names.length === 0) break
      // eslint-disable-next-line no-await-in-loop
      const numbers = (await this.#connection.run(
        REMOVE_TAGGED,
        [leases, index, expiry, tags, set, ...names.map((name) => this.#keyspace.entry(name))],
        [wake, tag, ...names],
      )) as number[]
      tell(numbers.map((number) => names[number - 1] as string))
      left -= names.length
    }
  }

  /** Some of the keys that carry a tag, and how many names are in its set. Names that carry it no more leave the set as they are met. */
  async list(tag: string, limit: number): Promise<{ keys: string[]; total: number }> {
    const { tags } = this.#keyspace
    const set = this.#keyspace.tag(tag)
    const names = await this.#connection.send((client) => client.zrange(set, 0, String(limit - 1)))
    const entries = names.map((name) => this.#keyspace.entry(name))
    const [total = 0, ...numbers] = (await this.#connection.run(
      LIST_TAG,
      [tags, set, ...entries],
      [tag, ...names],
    )) as number[]
    return { keys: numbers.map((number) => names[number - 1] as string), total }
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
        const names = await this.#connection.send((client) => client.zrandmember(set, NAMES_A_TAG))
        const entries = names.map((name) => this.#keyspace.entry(name))
        await this.#connection.run(PRUNE_TAG, [tags, set, ...entries], [tag, ...names])
      }),
    )
  }
}
