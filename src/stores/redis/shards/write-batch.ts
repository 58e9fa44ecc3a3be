import { realTime } from '../../../checks/real-time.js'
import type { Write } from '../../../contract/store.js'
import { ByteWindow } from './byte-window.js'
import { chunks } from '../shard/chunks.js'
import { Nagle } from './nagle.js'
import { splitEvenly } from '../shard/split-evenly.js'
import type { ReadBatch } from './read-batch.js'
import type { Shard } from '../shard/shard.js'
import type { Shards } from './shards.js'

/** The most entries handed to a shard at once. The shard divides them again into scripts. */
const ENTRIES_AT_ONCE = 500
/** The least, if there are that many. */
const ENTRIES_AT_LEAST = 4
/** What has fewer bytes need not wait until there is room for it. */
const LIGHT_BYTES = 2 ** 14

/** One call that waits to know of each of its entries whether it was stored. It ends when nothing of it is under way any more. */
class Call {
  readonly entries: readonly Write[]
  readonly stored: boolean[] = []
  readonly #resolve: (stored: boolean[]) => void
  readonly #reject: (error: unknown) => void
  #failure: { readonly error: unknown } | undefined
  #left: number

  constructor(entries: readonly Write[], resolve: (stored: boolean[]) => void, reject: (error: unknown) => void) {
    this.entries = entries
    this.#resolve = resolve
    this.#reject = reject
    this.#left = entries.length
  }

  answer(place: number, stored: boolean): void {
    this.stored[place] = stored
    this.#oneEnded()
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#oneEnded()
  }

  #oneEnded(): void {
    this.#left--
    if (this.#left > 0) return
    if (this.#failure === undefined) this.#resolve(this.stored)
    else this.#reject(this.#failure.error)
  }
}

/** One entry of a call. */
interface Item {
  readonly entry: Write
  readonly call: Call
  readonly place: number
}

/**
 * Merges writes that come in one turn into one or two scripts for each shard. Reads that wait are sent before them. Large writes, and all
 * that come after them, are held until the network has room: a socket takes megabytes at once that the server does not get in time. Of one
 * key nothing else may be asked until a write of it has been answered.
 */
export class WriteBatch {
  readonly #shards: Shards
  readonly #reads: ReadBatch
  readonly #nagle = new Nagle()
  readonly #window: ByteWindow
  #waiting: Call[] = []

  /** `timeoutMs`: how long a server may be silent. */
  constructor(shards: Shards, reads: ReadBatch, timeoutMs: number) {
    this.#shards = shards
    this.#reads = reads
    this.#window = new ByteWindow({ timeoutMs, patienceMs: Infinity })
  }

  /** As `Store.write`. */
  write(entries: readonly Write[]): Promise<boolean[]> {
    if (this.#nagle.sendsAtOnce && this.#reads.isEmpty && this.#window.isEmpty && bytesOf(entries) < LIGHT_BYTES) {
      return this.#shards.gather(entries, keyOf, (shard, some) => this.#nagle.sent(shard.write(some)))
    }
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) realTime.setImmediate(this.#flushTurn)
      this.#waiting.push(new Call(entries, resolve, reject))
    })
  }

  /** As `Store.fill`. */
  fill(entry: Write, token: string): Promise<boolean> {
    const { key, bytes } = entry
    const { leases } = this.#shards.of(key)
    if (bytes.length < LIGHT_BYTES) return leases.fill(entry, token)
    return new Promise((resolve, reject) => {
      const send = (): Promise<boolean> => {
        const filled = leases.fill(entry, token)
        filled.then(resolve, reject)
        return answered(filled)
      }
      this.#window.send(bytes.length, send, reject)
    })
  }

  /** Sends all writes that wait or are held. */
  flush(): void {
    this.#flushTurn()
    this.#window.flush()
  }

  readonly #flushTurn = (): void => {
    const calls = this.#waiting
    if (calls.length === 0) return
    this.#reads.flush()
    this.#waiting = []
    const { commands } = this.#nagle
    this.#nagle.turned(calls.length)
    const items: Item[] = []
    for (const call of calls) for (const [place, entry] of call.entries.entries()) items.push({ entry, call, place })
    this.#shards.send(
      items,
      ({ entry }) => entry.key,
      (shard, group) => {
        for (const some of splitEvenly(group, commands, ENTRIES_AT_LEAST, ENTRIES_AT_ONCE)) {
          for (const few of chunks(some, ({ entry }) => entry.bytes.length)) this.#sendInTime(shard, few)
        }
      },
    )
  }

  /** Sends entries at once, or when there is room. */
  #sendInTime(shard: Shard, items: readonly Item[]): void {
    const entries = items.map(({ entry }) => entry)
    const bytes = bytesOf(entries)
    const refuse = (error: unknown): void => {
      for (const { call } of items) call.fail(error)
    }
    const send = (): Promise<boolean> => {
      const written = this.#nagle.sent(shard.write(entries))
      written.then((stored) => {
        for (const [i, { call, place }] of items.entries()) call.answer(place, stored[i] === true)
      }, refuse)
      return answered(written)
    }
    if (bytes < LIGHT_BYTES && this.#window.isEmpty) void send()
    else this.#window.send(bytes, send, refuse)
  }
}

/** Whether a promise resolves. */
function answered(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  )
}

function bytesOf(entries: readonly Write[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes.length, 0)
}

function keyOf({ key }: Write): string {
  return key
}
