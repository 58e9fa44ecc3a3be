import { realTime } from '../../../checks/real-time.js'
import type { Write } from '../../../contract/store.js'
import { Nagle } from './nagle.js'
import { splitEvenly } from '../shard/split-evenly.js'
import type { ReadBatch } from './read-batch.js'
import type { Shard } from '../shard/shard.js'
import type { Shards } from './shards.js'

/** The most entries handed to a shard at once. The shard divides them again into scripts. */
const ENTRIES_AT_ONCE = 500
/** The least, if there are that many. */
const ENTRIES_AT_LEAST = 4

/** One call that waits to know of each of its entries whether it was stored. */
class Call {
  readonly entries: readonly Write[]
  readonly stored: boolean[] = []
  readonly #resolve: (stored: boolean[]) => void
  readonly reject: (error: unknown) => void
  #left: number

  constructor(entries: readonly Write[], resolve: (stored: boolean[]) => void, reject: (error: unknown) => void) {
    this.entries = entries
    this.#resolve = resolve
    this.reject = reject
    this.#left = entries.length
  }

  answer(place: number, stored: boolean): void {
    this.stored[place] = stored
    this.#left--
    if (this.#left === 0) this.#resolve(this.stored)
  }
}

/** One entry of a call. */
interface Item {
  readonly entry: Write
  readonly call: Call
  readonly place: number
}

/**
 * Merges writes that come in one turn into one or two scripts for each shard. Reads that wait are sent before them. Any other operation on
 * a key with a waiting write sends all waiting writes first. So the operations on a key keep the order of the calls.
 */
export class WriteBatch {
  readonly #shards: Shards
  readonly #reads: ReadBatch
  readonly #nagle = new Nagle()
  #waiting: Call[] = []
  #keys = new Set<string>()

  constructor(shards: Shards, reads: ReadBatch) {
    this.#shards = shards
    this.#reads = reads
  }

  /** As `Store.write`. */
  write(entries: readonly Write[]): Promise<boolean[]> {
    if (this.#keys.size > 0 && entries.some(({ key }) => this.#keys.has(key))) this.flush()
    if (this.#nagle.sendsAtOnce && this.#reads.isEmpty) {
      return this.#shards.gather(entries, keyOf, (shard, some) => this.#nagle.sent(shard.write(some)))
    }
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) realTime.setImmediate(this.flush)
      this.#waiting.push(new Call(entries, resolve, reject))
      for (const { key } of entries) this.#keys.add(key)
    })
  }

  /** Sends all writes that wait, if one of them is of this key. */
  flushFor(key: string): void {
    if (this.#keys.size > 0 && this.#keys.has(key)) this.flush()
  }

  /** Sends all writes that wait. */
  readonly flush = (): void => {
    const calls = this.#waiting
    if (calls.length === 0) return
    this.#reads.flush()
    this.#waiting = []
    this.#keys = new Set()
    const { commands } = this.#nagle
    this.#nagle.turned(calls.length)
    const items: Item[] = []
    for (const call of calls) for (const [place, entry] of call.entries.entries()) items.push({ entry, call, place })
    this.#shards.send(
      items,
      ({ entry }) => entry.key,
      (shard, group) => {
        for (const some of splitEvenly(group, commands, ENTRIES_AT_LEAST, ENTRIES_AT_ONCE)) this.#send(shard, some)
      },
    )
  }

  #send(shard: Shard, items: readonly Item[]): void {
    this.#nagle.sent(shard.write(items.map(({ entry }) => entry))).then(
      (stored) => {
        for (const [i, { call, place }] of items.entries()) call.answer(place, stored[i] === true)
      },
      (error: unknown) => {
        for (const { call } of items) call.reject(error)
      },
    )
  }
}

function keyOf({ key }: Write): string {
  return key
}
