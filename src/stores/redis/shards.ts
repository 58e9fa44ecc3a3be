import { crc32 } from 'node:zlib'
import { hashTags } from './hash-tags.js'
import { Shard, type ShardOptions } from './shard.js'

/** All shards of a cache, and which of them keeps a key. */
export class Shards {
  readonly all: readonly Shard[]
  readonly #first: Shard

  constructor(options: ShardOptions, count: number) {
    this.all = hashTags(count).map((hashTag) => new Shard(options, hashTag))
    this.#first = this.all[0] as Shard
  }

  /** The shard that also keeps what there is only once: statistics, what staff did, who does the upkeep. */
  get first(): Shard {
    return this.#first
  }

  /** The shard that keeps a key. */
  of(key: string): Shard {
    return this.all.length === 1 ? this.#first : (this.all[crc32(key) % this.all.length] as Shard)
  }

  /** Items by the shard that keeps their keys, each with its place in the list. */
  group<T>(items: readonly T[], keyOf: (item: T) => string): Map<Shard, { items: T[]; places: number[] }> {
    const groups = new Map<Shard, { items: T[]; places: number[] }>()
    for (const [place, item] of items.entries()) {
      const shard = this.of(keyOf(item))
      const group = groups.get(shard)
      if (group === undefined) groups.set(shard, { items: [item], places: [place] })
      else {
        group.items.push(item)
        group.places.push(place)
      }
    }
    return groups
  }

  /** Asks about items where their keys are, all shards at once, and gives the answers in the order of the items. */
  async gather<T, R>(
    items: readonly T[],
    keyOf: (item: T) => string,
    ask: (shard: Shard, some: T[]) => Promise<R[]>,
  ): Promise<R[]> {
    const answers: R[] = []
    await Promise.all(
      Array.from(this.group(items, keyOf), async ([shard, { items: some, places }]) => {
        for (const [i, answer] of (await ask(shard, some)).entries()) answers[places[i] as number] = answer
      }),
    )
    return answers
  }
}
