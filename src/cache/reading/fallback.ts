import { LRUCache } from 'lru-cache'
import { realTime } from '../../checks/real-time.js'
import type { Outage, Store } from '../../contract/store.js'
import type { CopyBounds } from '../../contract/options/copy-bounds.js'
import type { Lifetime } from '../../contract/options/option-checks.js'
import type { EntryCodec, KnownValue } from '../../values/entry-codec.js'
import { copyWeight, textWeight } from '../../values/value-copy.js'
import { type Deletion, concerns } from '../order/deletion.js'
import type { NearTier } from './near-tier.js'

/** A value that is being computed or written. It may be kept, unless its key changes in the meantime. */
export interface Keeping {
  readonly key: string
  /** The outage in which that began; `undefined` when the server answered. */
  readonly outage: Outage | undefined
  /** How many outages had ended by then. */
  readonly ended: number
}

interface Kept {
  readonly outage: Outage
  /**
   * The encoded entry, each byte as one character. A string of this kind takes as many bytes as it has characters. A small `Buffer` would
   * take some hundred bytes more, or be a part of a larger one.
   */
  readonly text: string
  readonly tags: readonly string[]
  readonly sinceMs: number
  readonly life: Lifetime
}

/** What the fallback needs of its cache. */
export interface FallbackSetting {
  readonly store: Store
  readonly codec: EntryCodec
  readonly near: NearTier | undefined
  readonly bounds: CopyBounds
}

/** The bytes that a kept value takes besides its entry and its key. */
const KEPT_BYTES = 250

/**
 * The values that this process computes and sets while the store does not answer. They answer its reads until the store does, so that an
 * outage of Redis does not become one of the database. Each value belongs to an outage. It is forgotten when that ends, before anybody gets
 * the first answer. Copies of the near tier serve too, as they were when the outage began.
 */
export class Fallback {
  readonly #setting: FallbackSetting
  readonly #keeping = new Map<string, Keeping>()
  #kept: LRUCache<string, Kept> | undefined
  #ended = 0

  constructor(setting: FallbackSetting) {
    this.#setting = setting
    setting.store.onOutageEnd((outage) => this.#end(outage))
  }

  /** The value under a key that the store has not answered for. A stale one may serve only if no other can be had. */
  find(key: string): KnownValue | undefined {
    const { store, near, bounds } = this.#setting
    const outage = store.outageOf(key)
    if (outage === undefined) return undefined
    const kept = this.#kept?.get(key)
    if (kept?.outage === outage) return this.#value(key, kept)
    const copy = near?.lastKnown(key, outage)
    if (copy === undefined) return undefined
    const isFresh = store.now(key) < copy.entry.expiresAt && realTime.nowMs() < outage.sinceMs + bounds.ttlMs
    return { ...copy, state: isFresh ? 'fresh' : 'stale' }
  }

  /** Says that a value for a key is about to be computed or written. */
  begin(key: string): Keeping {
    const keeping = { key, outage: this.#setting.store.outageOf(key), ended: this.#ended }
    this.#keeping.set(key, keeping)
    return keeping
  }

  /**
   * Keeps the encoded entry of a value that the store has not taken. Gives whether it is kept. It is not if the store answers, has answered
   * in the meantime, or the key has changed since `begin`. Without an entry, what is kept stays. `nothing`: the value cannot be kept, and what
   * is kept is older, so that goes.
   */
  end(
    keeping: Keeping | undefined,
    bytes?: Buffer | 'nothing',
    life?: Lifetime,
    tags: readonly string[] = [],
  ): boolean {
    if (keeping === undefined) return false
    const { key } = keeping
    const outage = this.#outageFor(keeping)
    if (this.#keeping.get(key) === keeping) this.#keeping.delete(key)
    if (outage === undefined || bytes === undefined || life === undefined) return false
    // The copy of the near tier is older, so it must not serve again when this value is gone.
    this.#setting.near?.forget([key])
    if (bytes === 'nothing') {
      this.#kept?.delete(key)
      return false
    }
    this.#kept ??= this.#room()
    this.#kept.set(key, { outage, text: bytes.toString('latin1'), tags, sinceMs: realTime.nowMs(), life })
    return this.#kept.has(key)
  }

  /** Whether a value may be kept now. */
  isFor(keeping: Keeping | undefined): boolean {
    return keeping !== undefined && this.#outageFor(keeping) !== undefined
  }

  /** Forgets the values of these keys. What is being computed or written under them is not kept. */
  forget(keys: readonly string[]): void {
    for (const key of keys) {
      this.#kept?.delete(key)
      this.#keeping.delete(key)
    }
  }

  /** The same for all keys that a deletion concerns. */
  forgetDeleted(deletion: Deletion): void {
    const { key, children } = deletion
    if (key !== undefined && !children) {
      this.forget([key])
      return
    }
    for (const each of this.#keeping.keys()) if (concerns(deletion, each)) this.#keeping.delete(each)
    this.#forgetWhere((each, { tags }) => concerns(deletion, each, tags))
  }

  /** Forgets all values. */
  clear(): void {
    this.#kept = undefined
    this.#keeping.clear()
  }

  /** The outage in which a value may be kept: it has lasted since the value began, or has begun since and is the first one. */
  #outageFor(keeping: Keeping): Outage | undefined {
    const { key, outage: since, ended } = keeping
    if (this.#keeping.get(key) !== keeping) return undefined
    const outage = this.#setting.store.outageOf(key)
    const isSame = since === undefined ? ended === this.#ended : since === outage
    return isSame ? outage : undefined
  }

  #value(key: string, { text, sinceMs, life }: Kept): KnownValue | undefined {
    const ageMs = realTime.nowMs() - sinceMs
    const isFresh = ageMs < Math.min(life.ttlMs, this.#setting.bounds.ttlMs)
    const known = isFresh || ageMs < life.ttlMs + life.graceMs ? this.#setting.codec.own(key, toBytes(text)) : undefined
    if (known !== undefined && (isFresh || known.entry.hasGrace))
      return { ...known, state: isFresh ? 'fresh' : 'stale' }
    this.#kept?.delete(key)
    return undefined
  }

  #end(outage: Outage): void {
    this.#ended++
    this.#forgetWhere((_key, kept) => kept.outage === outage)
    // Frees what the LRU cache takes for its places, too.
    if (this.#kept?.size === 0) this.#kept = undefined
  }

  #forgetWhere(isMeant: (key: string, kept: Kept) => boolean): void {
    for (const [key, kept] of this.#kept?.entries() ?? []) if (isMeant(key, kept)) this.#kept?.delete(key)
  }

  #room(): LRUCache<string, Kept> {
    const { maxEntries, maxBytes } = this.#setting.bounds
    return new LRUCache({
      // `LRUCache` takes memory for `max` entries from the start, so `max` is not higher than `maxBytes` allows.
      max: Math.min(maxEntries, Math.ceil(maxBytes / KEPT_BYTES)),
      maxSize: maxBytes,
      sizeCalculation: ({ text, tags }, key) => KEPT_BYTES + text.length + textWeight(key) + copyWeight(tags),
    })
  }
}

function toBytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
