import type { Store } from '../stores/store.js'
import type { Events } from './events.js'
import { freshness } from './freshness.js'
import type { Near, NearReads } from './near.js'
import { promised } from './promised.js'
import type { Found } from './read-through.js'
import type { Stored, Values } from './values.js'

/** What looking up needs of its cache. */
export interface LookupSetting {
  readonly store: Store
  readonly values: Values
  readonly near: Near | undefined
  readonly events: Events
  /** While it is not, nothing is found. */
  readonly isEnabled: () => boolean
  readonly onFailed: (operation: string, key: string | undefined, error: unknown) => void
}

/** Finds fresh values by their full keys, each counted as one call. Where the store does not answer, nothing is found. */
export class Lookup {
  readonly #setting: LookupSetting

  constructor(setting: LookupSetting) {
    this.#setting = setting
  }

  /**
   * What `give` makes of the value near or in the store. Entries are decoded where they arrive, in a row with others; what is told of them
   * and given is in the async context of the call. @throws what `give` throws, at once where the store need not be asked.
   */
  one<T>(full: string, give: (found: Found | undefined) => T): Promise<T> {
    const { store, values, near, isEnabled, onFailed } = this.#setting
    if (!isEnabled()) return Promise.resolve(give(undefined))
    const copy = near?.get(full)
    if (copy !== undefined) return Promise.resolve(give(this.#hit(full, copy.value, copy.computeMs, 'near')))
    const reads = near?.begin(full)
    return store
      .read<Stored | undefined>(full, (bytes, nowMs) => bytes && values.decode(full, bytes, nowMs))
      .then(
        (stored) => give(this.#count(full, stored, reads)),
        (error: unknown) => {
          onFailed('get', full, error)
          return give(this.#count(full, undefined, reads))
        },
      )
  }

  /** The values near or in the store, in one round trip. */
  async many(full: readonly string[]): Promise<readonly (Found | undefined)[]> {
    const { near, isEnabled } = this.#setting
    if (!isEnabled()) return full.map(() => undefined)
    if (near === undefined) return this.#read(full)
    const copies = full.map((key) => near.get(key))
    const read = await this.#read(full.filter((_key, i) => copies[i] === undefined))
    let next = 0
    return full.map((key, i) => {
      const copy = copies[i]
      return copy === undefined ? read[next++] : this.#hit(key, copy.value, copy.computeMs, 'near')
    })
  }

  /** Whether a fresh value is in the store. Counts nothing. */
  async has(full: string): Promise<boolean> {
    const { store, values, isEnabled, onFailed } = this.#setting
    if (!isEnabled()) return false
    const isFresh = (bytes: Buffer | undefined, nowMs: number): boolean => {
      const entry = bytes === undefined ? undefined : values.entry(full, bytes)
      return entry !== undefined && freshness(entry, nowMs) === 'fresh'
    }
    return store.read(full, isFresh).catch((error: unknown) => {
      onFailed('has', full, error)
      return false
    })
  }

  /** The values in the store. */
  async #read(full: readonly string[]): Promise<readonly (Found | undefined)[]> {
    const { store, values, near, onFailed } = this.#setting
    const reads = full.map((key) => near?.begin(key))
    let isTold = false
    const found = await store.readMany(
      full,
      (bytes, nowMs, place) => {
        const key = full[place] as string
        const stored = bytes && values.decode(key, bytes, nowMs)
        if (stored instanceof Promise) return stored.then((decoded) => this.#count(key, decoded, reads[place]))
        return this.#count(key, stored, reads[place])
      },
      (error, place) => {
        if (!isTold) onFailed('getMany', undefined, error)
        isTold = true
        return this.#count(full[place] as string, undefined, reads[place])
      },
    )
    return promised(found)
  }

  #count(full: string, stored: Stored | undefined, reads: NearReads | undefined): Found | undefined {
    const { near, events } = this.#setting
    near?.end(reads, stored)
    if (stored?.state === 'fresh') return this.#hit(full, stored.value, stored.entry.computeMs, 'store')
    events.emit('miss', { key: full })
    return undefined
  }

  #hit(key: string, value: unknown, computeMs: number | undefined, by: 'near' | 'store'): Found {
    const savedMs = computeMs ?? 0
    this.#setting.events.emit('hit', { key, by, stale: false, savedMs })
    return { value, computeMs: savedMs, isComputed: false, isStored: true }
  }
}
