import type { ValueSizes } from './value-sizes.js'

/** The most keys in one command. */
export const KEYS_PER_COMMAND = 500
/** About how many bytes one command asks for. */
const BYTES_PER_COMMAND = 2 ** 18

/** The items of one command, and about how many bytes it asks for. */
export interface Turn<Item> {
  readonly items: readonly Item[]
  readonly bytes: number
}

/** Divides many items of one shard into commands, each when it is its turn, so that what was learned from the answers before it counts. */
export class ReadTurns<Item extends { readonly key: string }> {
  readonly #items: readonly Item[]
  readonly #sizes: ValueSizes
  #at = 0

  constructor(items: readonly Item[], sizes: ValueSizes) {
    this.#items = items
    this.#sizes = sizes
  }

  /** Takes the items of the next command. `undefined` when there are no more. */
  next(): Turn<Item> | undefined {
    const from = this.#at
    const most = Math.min(this.#items.length, from + KEYS_PER_COMMAND)
    let bytes = 0
    for (; this.#at < most; this.#at++) {
      const more = this.#sizes.expect((this.#items[this.#at] as Item).key)
      if (this.#at > from && bytes + more > BYTES_PER_COMMAND) break
      bytes += more
    }
    return this.#at === from ? undefined : { items: this.#items.slice(from, this.#at), bytes }
  }
}
