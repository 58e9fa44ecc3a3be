import type { ServedValue } from '../contract/events/served-value.js'

/** What a request knows of one key, from one write or deletion of it to the next. */
export class Remembered {
  readonly key: string
  /** What is stored: all calls are given this one. */
  found: ServedValue | undefined
  /** Its value, as it is given to those who ask from then on. */
  given: Promise<unknown> | undefined
  /** Whether nothing was found. */
  isMissing = false
  /** A read under way, for all who ask meanwhile. */
  reading: Promise<ServedValue | undefined> | undefined
  /** A `getOrSet` without options of its own that is under way. Only those wait for it who would compute the value themselves. */
  obtaining: Promise<ServedValue> | undefined
  /** How many calls are under way that may compute. */
  obtains = 0

  constructor(key: string) {
    this.key = key
  }

  /** Whether a read has to ask the cache. What was missing may be there before those who compute it say so. */
  get isUnread(): boolean {
    return this.found === undefined && this.reading === undefined && (!this.isMissing || this.obtains > 0)
  }
}
