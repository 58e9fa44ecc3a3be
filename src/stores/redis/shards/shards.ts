import type { Client } from '../connection/client.js'
import { hashOf } from './key-hash.js'
import { hashTags } from './hash-tags.js'
import { Shard, type ShardOptions } from '../shard/shard.js'
import { whenAllEnded } from '../shard/when-all-ended.js'

/** All shards of a cache, and which of them keeps a key. */
export class Shards {
  readonly all: readonly Shard[]
  readonly #client: Client
  readonly #first: Shard

  constructor(options: ShardOptions, count: number) {
    this.#client = options.client
    this.all = hashTags(count).map((hashTag) => new Shard(options, hashTag))
    this.#first = this.all[0] as Shard
  }

  /** The shard that also keeps what exists only once: statistics, the audit log, and who does the upkeep. */
  get first(): Shard {
    return this.#first
  }

  /** The shard that keeps a key. */
  of(key: string): Shard {
    return this.all.length === 1 ? this.#first : (this.all[hashOf(key) % this.all.length] as Shard)
  }

  /** The shards of each server. A shard whose server is not known stands alone. */
  byServer(): Shard[][] {
    const groups = new Map<string | Shard, Shard[]>()
    for (const shard of this.all) {
      const server = this.#client.serverOf(shard.keyspace.index) ?? shard
      const group = groups.get(server)
      if (group === undefined) groups.set(server, [shard])
      else group.push(shard)
    }
    return [...groups.values()]
  }

  /** Groups items by the shard that keeps their keys, and calls `send` for each group. What it sends leaves together. */
  send<T>(items: readonly T[], keyOf: (item: T) => string, send: (shard: Shard, some: readonly T[]) => void): void {
    this.#client.together(() => {
      for (const [shard, some] of this.group(items, keyOf)) send(shard, some)
    })
  }

  /** Groups items by the shard that keeps their keys. */
  group<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<Shard, readonly T[]> {
    if (this.all.length === 1) return new Map(items.length === 0 ? [] : [[this.#first, items]])
    const groups = new Map<Shard, T[]>()
    for (const item of items) {
      const shard = this.of(keyOf(item))
      const group = groups.get(shard)
      if (group === undefined) groups.set(shard, [item])
      else group.push(item)
    }
    return groups
  }

  /**
   * Asks each shard about the items whose keys it keeps, all shards at once. Gives the answers in the order of the items,
   * or throws the first failure when all have answered.
   */
  async gather<T, R>(
    items: readonly T[],
    keyOf: (item: T) => string,
    ask: (shard: Shard, some: readonly T[]) => Promise<R[]>,
  ): Promise<R[]> {
    if (items.length === 0) return []
    if (items.length === 1 || this.all.length === 1) return ask(this.of(keyOf(items[0] as T)), items)
    const placed = items.map((item, place) => ({ item, place }))
    const answers: R[] = []
    await whenAllEnded(
      Array.from(
        this.group(placed, ({ item }) => keyOf(item)),
        async ([shard, some]) => {
          const given = await ask(
            shard,
            some.map(({ item }) => item),
          )
          for (const [i, { place }] of some.entries()) answers[place] = given[i] as R
        },
      ),
    )
    return answers
  }
}
