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
 * a key with a waiting write sends all waiting writes first. So the operations on a key keep the order of the calls. Large writes, and all
 * that come after them, are held until the network has room: a socket takes megabytes at once that the server does not get in time.
 */
export class WriteBatch {
  readonly #shards: Shards
  readonly #reads: ReadBatch
  readonly #nagle = new Nagle()
  readonly #window: ByteWindow
  #waiting: Call[] = []
  #keys = new Set<string>()
  /** The keys of the writes that are held. */
  readonly #held = new Set<string>()

  /** `timeoutMs`: how long a server may be silent. */
  constructor(shards: Shards, reads: ReadBatch, timeoutMs: number) {
    this.#shards = shards
    this.#reads = reads
    this.#window = new ByteWindow({ timeoutMs, patienceMs: Infinity })
  }

  /** As `Store.write`. */
  write(entries: readonly Write[]): Promise<boolean[]> {
    if (this.#keys.size + this.#held.size > 0) this.flushForAny(entries.map(keyOf))
    if (this.#nagle.sendsAtOnce && this.#reads.isEmpty && this.#held.size === 0 && bytesOf(entries) < LIGHT_BYTES) {
      return this.#shards.gather(entries, keyOf, (shard, some) => this.#nagle.sent(shard.write(some)))
    }
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) realTime.setImmediate(this.#flushTurn)
      this.#waiting.push(new Call(entries, resolve, reject))
      for (const { key } of entries) this.#keys.add(key)
    })
  }

  /** As `Store.fill`. */
  fill(entry: Write, token: string): Promise<boolean> {
    const { key, bytes } = entry
    this.flushFor(key)
    const { leases } = this.#shards.of(key)
    if (bytes.length < LIGHT_BYTES) return leases.fill(entry, token)
    return new Promise((resolve, reject) => {
      const send = (): Promise<boolean> => {
        const filled = leases.fill(entry, token)
        filled.then(resolve, reject)
        return answered(filled)
      }
      this.#hold([key], bytes.length, send, reject)
    })
  }

  /** Sends all writes that wait or are held, if one of them is of this key. */
  flushFor(key: string): void {
    if (this.#keys.size > 0 && this.#keys.has(key)) this.#flushTurn()
    if (this.#held.size > 0 && this.#held.has(key)) this.#window.flush()
  }

  /** The same, if one of them is of one of these keys. */
  flushForAny(keys: readonly string[]): void {
    if (this.#keys.size > 0 && keys.some((key) => this.#keys.has(key))) this.#flushTurn()
    if (this.#held.size > 0 && keys.some((key) => this.#held.has(key))) this.#window.flush()
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
    this.#keys = new Set()
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
      for (const { call } of items) call.reject(error)
    }
    const send = (): Promise<boolean> => {
      const written = this.#nagle.sent(shard.write(entries))
      written.then((stored) => {
        for (const [i, { call, place }] of items.entries()) call.answer(place, stored[i] === true)
      }, refuse)
      return answered(written)
    }
    if (bytes < LIGHT_BYTES && this.#held.size === 0) void send()
    else this.#hold(entries.map(keyOf), bytes, send, refuse)
  }

  /** Sends when there is room. Until then, whoever uses one of the keys lets everything out first. */
  #hold(keys: readonly string[], bytes: number, send: () => Promise<boolean>, refuse: (error: Error) => void): void {
    const letGo = (): void => {
      for (const key of keys) this.#held.delete(key)
    }
    for (const key of keys) this.#held.add(key)
    this.#window.send(
      bytes,
      () => {
        letGo()
        return send()
      },
      (error) => {
        letGo()
        refuse(error)
      },
    )
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
