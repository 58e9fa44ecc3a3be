import type { ServedValue } from '../contract/events/served-value.js'
import { isUnder } from '../keys/key.js'
import { Remembered } from './remembered.js'
import type { Acceptance } from './acceptance.js'

const MAX_REMEMBERED = 1000

/**
 * The Map of one request: what it found under which key, what it found missing, and what is under way. A call that was under way when its
 * key was forgotten has what it found for itself.
 */
export class RequestMemory {
  readonly #remembered = new Map<string, Remembered>()
  #open = true

  get(key: string): Remembered | undefined {
    return this.#remembered.get(key)
  }

  /** What is known of a key; if that is nothing, where it will be remembered. */
  at(key: string): Remembered {
    const known = this.#remembered.get(key)
    if (known !== undefined) return known
    const remembered = new Remembered(key)
    if (!this.#open) return remembered
    // A Map gives its keys in the order in which they came: the oldest makes room.
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value as string)
    this.#remembered.set(key, remembered)
    return remembered
  }

  /** Has a read that begins remembered. Gives what its callers are to have. */
  read(remembered: Remembered, reading: Promise<ServedValue | undefined>): Promise<ServedValue | undefined> {
    const end = (found: ServedValue | undefined): ServedValue | undefined => {
      remembered.reading = undefined
      if (remembered.found !== undefined && this.#holds(remembered)) return remembered.found
      if (found === undefined) remembered.isMissing = true
      else this.#keep(remembered, found)
      return found
    }
    remembered.reading = reading.then(end, (error: unknown) => {
      remembered.reading = undefined
      throw error
    })
    return remembered.reading
  }

  /** Has what a call obtains remembered. Gives what the call is to have: what was found meanwhile, if the call accepts it. */
  async obtain(remembered: Remembered, obtaining: Promise<ServedValue>, accepts: Acceptance): Promise<ServedValue> {
    remembered.obtains++
    try {
      const own = await obtaining
      for (;;) {
        const { found } = remembered
        const isAccepted =
          found !== undefined && own.isStored && this.#holds(remembered) && accepts(remembered.key, found)
        if (isAccepted === true) return found
        if (isAccepted === false) return this.#keep(remembered, own)
        // eslint-disable-next-line no-await-in-loop -- another may be remembered by then
        await isAccepted
      }
    } catch (error) {
      // It may be computed yet.
      remembered.isMissing = false
      throw error
    } finally {
      remembered.obtains--
    }
  }

  /** Forgets a key, with `children` all keys below it too; everything for `undefined`. */
  forget(key: string | undefined, children: boolean): void {
    if (key === undefined) this.#remembered.clear()
    else {
      this.#remembered.delete(key)
      if (children) for (const each of this.#remembered.keys()) if (isUnder(each, key)) this.#remembered.delete(each)
    }
  }

  /** A computation that the request began was stored: what was known is out of date, unless a call is about to say what is stored now. */
  computed(key: string): void {
    if (this.#remembered.get(key)?.obtains === 0) this.#remembered.delete(key)
  }

  /** Forgets everything, and remembers nothing from now on. */
  close(): void {
    this.#open = false
    this.#remembered.clear()
  }

  /** Whether the key has not been forgotten since. */
  #holds(remembered: Remembered): boolean {
    return this.#remembered.get(remembered.key) === remembered
  }

  /** Remembers what is stored. What is not is the caller's alone. */
  #keep(remembered: Remembered, found: ServedValue): ServedValue {
    remembered.isMissing = false
    if (!found.isStored || !this.#holds(remembered)) return found
    remembered.found = found
    remembered.given = undefined
    return found
  }
}
