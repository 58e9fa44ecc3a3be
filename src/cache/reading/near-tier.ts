import { realTime } from '../../checks/real-time.js'
import { LRUCache } from 'lru-cache'
import type { Outage, Store } from '../../contract/store.js'
import type { CopyBounds } from '../../contract/options/copy-bounds.js'
import { copyValue, copyWeight, textWeight } from '../../values/value-copy.js'
import type { EntryCodec, KnownValue, Stored } from '../../values/entry-codec.js'
import { type Deletion, concerns } from '../order/deletion.js'

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
  readonly createdAt: number
  readonly hasGrace: boolean
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

/** The copies of the time before changes were no longer heard of. */
interface Held {
  readonly copies: LRUCache<string, Copy>
  /** When that was noticed, on this process's monotonic clock. */
  readonly sinceMs: number
}

/** The bytes that a copy takes besides its value and its key. The estimate is rather too high than too low. */
const COPY_BYTES = 450
/** The connections of a process to a server are lost within this time of each other. */
const LOSS_MS = 100

/**
 * Copies of entries in this process, kept while the store reports changes. A copy is dropped when any process changes its key. None of the
 * copies serves when changes may have been missed. They are held for the fallback then: if the store does not answer, they are what was
 * last known.
 */
export class NearTier {
  readonly #store: Store
  readonly #codec: EntryCodec
  readonly #bounds: CopyBounds
  #copies: LRUCache<string, Copy>
  #held: Held | undefined
  readonly #reads = new Map<string, NearReads>()

  constructor(store: Store, codec: EntryCodec, bounds: CopyBounds) {
    this.#store = store
    this.#codec = codec
    this.#bounds = bounds
    this.#copies = this.#room()
    store.onChanged((keys) => {
      if (keys !== undefined) this.forget(keys)
      else if (store.tracks) this.#forgetAll()
      else this.#hold()
    })
  }

  /** The fresh value under a key, if there is a copy. */
  get(key: string): NearHit | undefined {
    const copy = this.#copies.get(key)
    // A copy past its time stays until its key is read again. Until then it is what was last known.
    if (copy === undefined || realTime.nowMs() >= copy.untilMs) return undefined
    if (copy.how === 'itself') return copy
    const given = this.#valueOf(key, copy)
    return given && { value: given.value, expiresAt: copy.expiresAt, computeMs: copy.computeMs }
  }

  /** The copy of a key as it was when this outage began, also past its time. */
  lastKnown(key: string, outage: Outage): Omit<KnownValue, 'state'> | undefined {
    const held = this.#held
    const areHeld = held !== undefined && outage.sinceMs <= held.sinceMs + LOSS_MS
    const copy = this.#copies.peek(key) ?? (areHeld ? held.copies.peek(key) : undefined)
    const given = copy && this.#valueOf(key, copy)
    return given && { value: given.value, entry: copy }
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

  /**
   * Says what was found, before the caller gets it. The value is kept if it is fresh and its key has not changed since `begin`. Else there
   * is no copy any more, unless nothing was found because the store did not answer.
   */
  end(reads: NearReads | undefined, stored: Stored | undefined, answered = true): void {
    if (reads === undefined) return
    const { key } = reads
    reads.count--
    if (this.#reads.get(key) !== reads) return
    if (reads.count === 0) this.#reads.delete(key)
    if (stored?.state === 'fresh') this.#keep(key, stored, reads.sinceMs)
    else if (answered) this.#copies.delete(key)
  }

  /** Drops the copies of these keys. Reads of these keys that are under way keep none. */
  forget(keys: readonly string[]): void {
    for (const key of keys) {
      this.#copies.delete(key)
      this.#held?.copies.delete(key)
      this.#reads.delete(key)
    }
  }

  /** The same for all keys that a deletion concerns. */
  forgetDeleted(deletion: Deletion): void {
    const { key, children, tag } = deletion
    if (key !== undefined && !children) this.forget([key])
    else if (key === undefined && tag === undefined) this.#forgetAll()
    else {
      for (const reading of this.#reads.keys()) if (concerns(deletion, reading)) this.#reads.delete(reading)
      this.#forgetWhere((each, { tags }) => concerns(deletion, each, tags))
    }
  }

  #keep(key: string, { value, payload, entry }: Stored, sinceMs: number): void {
    // The store reports changes again, so what was held is known no longer.
    this.#held = undefined
    const { expiresAt, createdAt, hasGrace, computeMs, tags } = entry
    const nowMs = realTime.nowMs()
    const untilMs = Math.min(sinceMs + this.#bounds.ttlMs, nowMs + expiresAt - this.#store.now(key))
    const own = { untilMs, expiresAt, createdAt, hasGrace, computeMs, tags }
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

  #valueOf(key: string, { how, value }: Copy): { readonly value: unknown } | undefined {
    if (how === 'itself') return { value }
    return how === 'copied' ? { value: copyValue(value) } : this.#codec.again(key, value as Buffer)
  }

  /** No copy serves any more. They are held for the fallback. */
  #hold(): void {
    this.#reads.clear()
    if (this.#copies.size === 0) return
    this.#held = { copies: this.#copies, sinceMs: realTime.nowMs() }
    this.#copies = this.#room()
  }

  #forgetAll(): void {
    this.#copies.clear()
    this.#held = undefined
    this.#reads.clear()
  }

  #forgetWhere(isMeant: (key: string, copy: Copy) => boolean): void {
    for (const copies of [this.#copies, this.#held?.copies]) {
      for (const [key, copy] of copies?.entries() ?? []) if (isMeant(key, copy)) copies?.delete(key)
    }
  }

  #room(): LRUCache<string, Copy> {
    const { maxEntries, maxBytes } = this.#bounds
    return new LRUCache({
      // `LRUCache` takes memory for `max` entries from the start, so `max` is not higher than `maxBytes` allows.
      max: Math.min(maxEntries, Math.ceil(maxBytes / COPY_BYTES)),
      maxSize: maxBytes,
      sizeCalculation: ({ weight }) => weight,
    })
  }
}
