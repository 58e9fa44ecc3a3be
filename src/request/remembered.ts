import type { ServedValue } from '../contract/events/served-value.js'

/** What a request knows about one key, from one write or deletion of the key to the next. */
export class Remembered {
  readonly key: string
  /** The stored value. All calls of the request get this one. */
  found: ServedValue | undefined
  /** A promise of that value, for all later calls. */
  given: Promise<unknown> | undefined
  /** Whether nothing was found. */
  isMissing = false
  /** A read under way. Calls that come in the meantime wait for it. */
  reading: Promise<ServedValue | undefined> | undefined
  /** A `getOrSet` under way that has no schema, signal or timeout. Only calls that would compute the value themselves wait for it. */
  obtaining: Promise<ServedValue> | undefined
  /** How many calls are under way that may compute the key. */
  obtains = 0

  constructor(key: string) {
    this.key = key
  }

  /**
   * Whether a read has to ask the cache. While calls may compute a missing key, a read asks again, because the value may be stored before
   * they end.
   */
  get isUnread(): boolean {
    return this.found === undefined && this.reading === undefined && (!this.isMissing || this.obtains > 0)
  }
}
