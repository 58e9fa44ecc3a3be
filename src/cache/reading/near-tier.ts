import { realTime } from '../../checks/real-time.js'
import { LRUCache } from 'lru-cache'
import type { Store } from '../../contract/store.js'
import type { CacheEvents } from '../../contract/cache-events.js'
import { childPrefix } from '../../keys/key-tree.js'
import type { NearBounds } from '../../contract/options/near-bounds.js'
import { copyValue, copyWeight, textWeight } from '../../values/value-copy.js'
import type { Stored, EntryCodec } from '../../values/entry-codec.js'

/** An entry that the near tier found. */
export interface NearHit {
  /** The caller may change this value: it is the caller's own. */
  readonly value: unknown
  /** When the entry becomes stale, in ms since 1970 on the store's clock. */
  readonly expiresAt: number
  readonly computeMs: number | undefined
}

interface Copy {
  readonly value: unknown
  readonly how: 'itself' | 'copied' | 'decoded'
  /** Until when the copy may serve, on this process's monotonic clock. */
  readonly untilMs: number
  readonly expiresAt: number
  readonly computeMs: number | undefined
  readonly tags: readonly string[]
  readonly weight: number
}

/** The reads of one key that are under way. What they find may be kept, unless the key changes in the meantime. */
export interface NearReads {
  readonly key: string
  readonly sinceMs: number
  count: number
}

/** The bytes that a copy takes besides its value and its key. The estimate is rather too high than too low. */
const COPY_BYTES = 450

/**
 * Copies of entries in this process, kept while the store reports changes. A copy is dropped when any process changes its key. All copies
 * are dropped when changes may have been missed.
 */
export class NearTier {
  readonly #store: Store
  readonly #codec: EntryCodec
  readonly #ttlMs: number
  readonly #copies: LRUCache<string, Copy>
  readonly #reads = new Map<string, NearReads>()

  constructor(store: Store, codec: EntryCodec, { maxEntries, maxBytes, ttlMs }: NearBounds) {
    this.#store = store
    this.#codec = codec
    this.#ttlMs = ttlMs
    this.#copies = new LRUCache({
      // `LRUCache` takes memory for `max` entries from the start, so `max` is not higher than `maxBytes` allows.
      max: Math.min(maxEntries, Math.ceil(maxBytes / COPY_BYTES)),
      maxSize: maxBytes,
      sizeCalculation: ({ weight }) => weight,
    })
    store.onChanged((keys) => (keys === undefined ? this.#forgetAll() : this.forget(keys)))
  }

  /** The fresh value under a key, if there is a copy. */
  get(key: string): NearHit | undefined {
    const copy = this.#copies.get(key)
    if (copy === undefined) return undefined
    if (realTime.nowMs() >= copy.untilMs) {
      this.#copies.delete(key)
      return undefined
    }
    const { how, value, expiresAt, computeMs } = copy
    if (how === 'itself') return copy
    if (how === 'copied') return { value: copyValue(value), expiresAt, computeMs }
    const again = this.#codec.again(key, value as Buffer)
    return again === undefined ? undefined : { value: again.value, expiresAt, computeMs }
  }

  /** Says that a key is about to be read. Gives `undefined` when nothing may be kept. */
  begin(key: string): NearReads | undefined {
    if (!this.#store.tracks) return undefined
    const known = this.#reads.get(key)
    if (known !== undefined) {
      known.count++
      return known
    }
    const reads = { key, sinceMs: realTime.nowMs(), count: 1 }
    this.#reads.set(key, reads)
    return reads
  }

  /** Says what was found, before the caller gets it. The value is kept if it is fresh and its key has not changed since `begin`. */
  end(reads: NearReads | undefined, stored: Stored | undefined): void {
    if (reads === undefined) return
    const { key } = reads
    reads.count--
    if (this.#reads.get(key) !== reads) return
    if (reads.count === 0) this.#reads.delete(key)
    if (stored?.state === 'fresh') this.#keep(key, stored, reads.sinceMs)
  }

  /** Drops the copies of these keys. Reads of these keys that are under way keep none. */
  forget(keys: readonly string[]): void {
    for (const key of keys) {
      this.#copies.delete(key)
      this.#reads.delete(key)
    }
  }

  /** The same for all keys that a deletion concerns. */
  forgetDeleted({ key, children, tag }: Omit<CacheEvents['delete'], 'count'>): void {
    if (tag !== undefined) {
      this.#reads.clear()
      this.#forgetWhere((_key, { tags }) => tags.includes(tag))
    } else if (key === undefined) this.#forgetAll()
    else {
      this.forget([key])
      if (!children) return
      const below = childPrefix(key)
      for (const reading of this.#reads.keys()) if (reading.startsWith(below)) this.#reads.delete(reading)
      this.#forgetWhere((each) => each.startsWith(below))
    }
  }

  #keep(key: string, { value, payload, entry }: Stored, sinceMs: number): void {
    const { expiresAt, computeMs, tags } = entry
    const nowMs = realTime.nowMs()
    const untilMs = Math.min(sinceMs + this.#ttlMs, nowMs + expiresAt - this.#store.now(key))
    const own = { untilMs, expiresAt, computeMs, tags }
    const keyWeight = COPY_BYTES + textWeight(key) + copyWeight(tags)
    const weight = this.#codec.areCopyable ? copyWeight(value) : Infinity
    if (typeof value !== 'object' || value === null) {
      this.#copies.set(key, { ...own, value, how: 'itself', weight: keyWeight + copyWeight(value) })
    } else if (weight < Infinity) {
      this.#copies.set(key, { ...own, value: copyValue(value), how: 'copied', weight: keyWeight + weight })
    } else {
      // Copy the payload, because it may be a small part of a large buffer, which would stay in memory.
      const kept = Buffer.from(new Uint8Array(payload).buffer)
      this.#copies.set(key, { ...own, value: kept, how: 'decoded', weight: keyWeight + copyWeight(kept) })
    }
  }

  #forgetAll(): void {
    this.#copies.clear()
    this.#reads.clear()
  }

  #forgetWhere(concerns: (key: string, copy: Copy) => boolean): void {
    for (const [key, copy] of this.#copies.entries()) if (concerns(key, copy)) this.#copies.delete(key)
  }
}
