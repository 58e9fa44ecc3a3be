import type { Store } from '../../contract/store.js'
import type { NearTier, NearReads } from './near-tier.js'
import type { CallOrder, Hiding } from '../order/call-order.js'
import type { Fallback } from './fallback.js'
import { allOf } from '../../checks/all-of.js'
import type { EntryCodec, KnownValue, Stored } from '../../values/entry-codec.js'

/** What was read under a key. */
export interface Reading {
  /**
   * The value, fresh or stale; `undefined` when none is stored or it does not decode. When the store did not answer: what the fallback
   * knows.
   */
  readonly stored: KnownValue | undefined
  /** The stored bytes, even if they do not decode. */
  readonly bytes: Buffer | undefined
  /** Whether the store answered. */
  readonly answered: boolean
}

/** The reading of a call that does not read the store. */
export const UNREAD: Reading = { stored: undefined, bytes: undefined, answered: true }

const UNANSWERED: Reading = { ...UNREAD, answered: false }

/** What reading needs of its cache. */
export interface ReaderSetting {
  readonly store: Store
  readonly order: CallOrder
  readonly codec: EntryCodec
  readonly near: NearTier | undefined
  readonly fallback: Fallback | undefined
  readonly onFailed: (operation: string, key: string | undefined, error: unknown) => void
}

/**
 * Reads entries from the store by their full keys, and lets the near tier keep what it may. Entries are decoded as they arrive, maybe in
 * the async context of another call. `give` runs in the async context of its own call. When the store does not answer, an error of the
 * `operation` is emitted, and only what the fallback knows is found.
 */
export class Reader {
  readonly #setting: ReaderSetting

  constructor(setting: ReaderSetting) {
    this.#setting = setting
  }

  /** Reads a key and gives what `give` makes of the reading. */
  one<T>(key: string, operation: string, give: (reading: Reading) => T | Promise<T>): Promise<T> {
    const { order } = this.#setting
    if (order.isIdle) return this.#one(key, operation, give, undefined)
    const hiding = order.hiding(key)
    return order.read([key], () => this.#one(key, operation, give, hiding))
  }

  #one<T>(
    key: string,
    operation: string,
    give: (reading: Reading) => T | Promise<T>,
    hiding: Hiding | undefined,
  ): Promise<T> {
    const { store, near, onFailed } = this.#setting
    const reads = near?.begin(key)
    return store
      .read<Reading>(key, (bytes, nowMs) => this.#decode(key, bytes, nowMs, reads, hiding))
      .then(give, (error: unknown) => {
        onFailed(operation, key, error)
        near?.end(reads, undefined, false)
        return give(this.#unanswered(key))
      })
  }

  /** The same for many keys, in order and in one round trip. `give` also gets the place of the key. */
  many<T>(
    keys: readonly string[],
    operation: string,
    give: (reading: Reading, place: number) => T,
  ): Promise<readonly T[]> {
    const { order } = this.#setting
    const hiding = keys.map((key) => order.hiding(key))
    return order.read(keys, () => this.#many(keys, operation, give, hiding))
  }

  async #many<T>(
    keys: readonly string[],
    operation: string,
    give: (reading: Reading, place: number) => T,
    hiding: readonly (Hiding | undefined)[],
  ): Promise<readonly T[]> {
    const { store, near, onFailed } = this.#setting
    const reads = keys.map((key) => near?.begin(key))
    let isTold = false
    const given = await store.readMany<T | Promise<T>>(
      keys,
      (bytes, nowMs, place) => {
        const reading = this.#decode(keys[place] as string, bytes, nowMs, reads[place], hiding[place])
        return reading instanceof Promise ? reading.then((decoded) => give(decoded, place)) : give(reading, place)
      },
      (error, place) => {
        if (!isTold) onFailed(operation, undefined, error)
        isTold = true
        near?.end(reads[place], undefined, false)
        return give(this.#unanswered(keys[place] as string), place)
      },
    )
    return allOf(given)
  }

  #unanswered(key: string): Reading {
    const known = this.#setting.fallback?.find(key)
    return known === undefined ? UNANSWERED : { ...UNANSWERED, stored: known }
  }

  #decode(
    key: string,
    bytes: Buffer | undefined,
    nowMs: number,
    reads: NearReads | undefined,
    hiding: Hiding | undefined,
  ): Reading | Promise<Reading> {
    if (bytes !== undefined && hiding !== undefined && this.#isHidden(key, bytes, hiding))
      return this.#read(key, undefined, bytes, reads)
    const stored = bytes && this.#setting.codec.decode(key, bytes, nowMs)
    if (stored instanceof Promise) return stored.then((decoded) => this.#read(key, decoded, bytes, reads))
    return this.#read(key, stored, bytes, reads)
  }

  #isHidden(key: string, bytes: Buffer, hiding: Hiding): boolean {
    const entry = this.#setting.codec.entry(key, bytes)
    return entry !== undefined && hiding(entry.tags)
  }

  #read(key: string, stored: Stored | undefined, bytes: Buffer | undefined, reads: NearReads | undefined): Reading {
    const { store, near } = this.#setting
    near?.end(reads, stored)
    if (stored?.state === 'stale') store.doubtClock(key)
    return { stored, bytes, answered: true }
  }
}
