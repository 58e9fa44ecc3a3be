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

  /** What `give` makes of the value near or in the store. @throws what `give` throws, at once where the store need not be asked. */
  one<T>(full: string, give: (found: Found | undefined) => T): Promise<T> {
    const { store, near, isEnabled, onFailed } = this.#setting
    if (!isEnabled()) return Promise.resolve(give(undefined))
    const copy = near?.get(full)
    if (copy !== undefined) return Promise.resolve(give(this.#hit(full, copy.value, copy.computeMs, 'near')))
    const reads = near?.begin(full)
    return store.read(
      full,
      (bytes, nowMs) => {
        const found = this.#count(full, bytes, reads, nowMs)
        return found instanceof Promise ? found.then(give) : give(found)
      },
      (error) => {
        onFailed('get', full, error)
        return give(this.#countDecoded(full, undefined, reads))
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
    return store.read(
      full,
      (bytes, nowMs) => {
        const entry = bytes === undefined ? undefined : values.entry(full, bytes)
        return entry !== undefined && freshness(entry, nowMs) === 'fresh'
      },
      (error) => {
        onFailed('has', full, error)
        return false
      },
    )
  }

  /** The values in the store. */
  async #read(full: readonly string[]): Promise<readonly (Found | undefined)[]> {
    const { store, near, onFailed } = this.#setting
    const reads = full.map((key) => near?.begin(key))
    let isTold = false
    const found = await store.readMany(
      full,
      (bytes, nowMs, place) => this.#count(full[place] as string, bytes, reads[place], nowMs),
      (error, place) => {
        if (!isTold) onFailed('getMany', undefined, error)
        isTold = true
        return this.#countDecoded(full[place] as string, undefined, reads[place])
      },
    )
    return promised(found)
  }

  /** What is decoded at once is given at once, not as a promise. */
  #count(
    full: string,
    bytes: Buffer | undefined,
    reads: NearReads | undefined,
    nowMs?: number,
  ): Found | undefined | Promise<Found | undefined> {
    const stored = bytes === undefined ? undefined : this.#setting.values.decode(full, bytes, nowMs)
    if (stored instanceof Promise) return stored.then((decoded) => this.#countDecoded(full, decoded, reads))
    return this.#countDecoded(full, stored, reads)
  }

  #countDecoded(full: string, stored: Stored | undefined, reads: NearReads | undefined): Found | undefined {
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
