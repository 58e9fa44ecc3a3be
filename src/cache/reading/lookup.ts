import type { Store } from '../../contract/store.js'
import type { Events } from '../../contract/events/events.js'
import { type ServedValue, hit } from '../../contract/events/served-value.js'
import { freshness } from '../../values/freshness.js'
import type { CallOrder } from '../order/call-order.js'
import type { Fallback } from './fallback.js'
import type { NearTier } from './near-tier.js'
import type { Reader, Reading } from './reader.js'
import type { EntryCodec } from '../../values/entry-codec.js'

/** What a lookup needs of its cache. */
export interface LookupSetting {
  readonly store: Store
  readonly order: CallOrder
  readonly codec: EntryCodec
  readonly near: NearTier | undefined
  readonly fallback: Fallback | undefined
  readonly reader: Reader
  readonly events: Events
  /** While this is false, nothing is found. */
  readonly isEnabled: () => boolean
  readonly onFailed: (operation: string, key: string | undefined, error: unknown) => void
}

/**
 * Finds fresh values by their full keys. Each key counts as one call. When the store does not answer, only what the fallback knows is
 * found.
 */
export class Lookup {
  readonly #setting: LookupSetting

  constructor(setting: LookupSetting) {
    this.#setting = setting
  }

  /**
   * Gives what `give` makes of the value in the near tier or the store. `give` runs in the async context of the call.
   * @throws what `give` throws, at once if the store need not be asked.
   */
  one<T>(full: string, give: (found: ServedValue | undefined) => T): Promise<T> {
    const { near, reader, events, isEnabled } = this.#setting
    if (!isEnabled()) return Promise.resolve(give(undefined))
    const copy = near?.get(full)
    if (copy !== undefined) return Promise.resolve(give(hit(events, full, copy.value, copy.computeMs, 'near')))
    return reader.one(full, 'get', (reading) => give(this.#count(full, reading)))
  }

  /** The values in the near tier or the store, in one round trip. */
  async many(full: readonly string[]): Promise<readonly (ServedValue | undefined)[]> {
    const { near, events, isEnabled } = this.#setting
    if (!isEnabled()) return full.map(() => undefined)
    if (near === undefined) return this.#read(full)
    const copies = full.map((key) => near.get(key))
    const read = await this.#read(full.filter((_key, i) => copies[i] === undefined))
    let next = 0
    return full.map((key, i) => {
      const copy = copies[i]
      return copy === undefined ? read[next++] : hit(events, key, copy.value, copy.computeMs, 'near')
    })
  }

  /** Whether a fresh value is in the store. Counts as no call. */
  async has(full: string): Promise<boolean> {
    const { store, order, codec, fallback, isEnabled, onFailed } = this.#setting
    if (!isEnabled()) return false
    const hiding = order.hiding(full)
    const isFresh = (bytes: Buffer | undefined, nowMs: number): boolean => {
      const entry = bytes === undefined ? undefined : codec.entry(full, bytes)
      if (entry === undefined || hiding?.(entry.tags) === true) return false
      const isFreshNow = freshness(entry, nowMs) === 'fresh'
      if (!isFreshNow) store.doubtClock(full)
      return isFreshNow
    }
    return order
      .read([full], () => store.read(full, isFresh))
      .catch((error: unknown) => {
        onFailed('has', full, error)
        return fallback?.find(full)?.state === 'fresh'
      })
  }

  /** The values in the store. */
  #read(full: readonly string[]): Promise<readonly (ServedValue | undefined)[]> {
    return this.#setting.reader.many(full, 'getMany', (reading, place) => this.#count(full[place] as string, reading))
  }

  #count(full: string, { stored, answered }: Reading): ServedValue | undefined {
    const { events } = this.#setting
    if (stored?.state === 'fresh') {
      return hit(events, full, stored.value, stored.entry.computeMs, answered ? 'store' : 'fallback')
    }
    events.emit('miss', { key: full })
    return undefined
  }
}
