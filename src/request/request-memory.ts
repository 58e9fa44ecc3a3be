import type { ServedValue } from '../contract/events/served-value.js'
import { isUnder } from '../keys/key.js'
import { Remembered } from './remembered.js'
import type { Acceptance } from './acceptance.js'

const MAX_REMEMBERED = 1000

/**
 * The Map of one request: the values found, the keys found missing, and what is under way. If a key is forgotten while a call is under way,
 * only that call gets what it finds.
 */
export class RequestMemory {
  readonly #remembered = new Map<string, Remembered>()
  #open = true

  get(key: string): Remembered | undefined {
    return this.#remembered.get(key)
  }

  /** What is known about a key. If nothing is known, a new place to remember it. */
  at(key: string): Remembered {
    const known = this.#remembered.get(key)
    if (known !== undefined) return known
    const remembered = new Remembered(key)
    if (!this.#open) return remembered
    // A Map gives its keys in the order in which they were added, so this drops the oldest one.
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value as string)
    this.#remembered.set(key, remembered)
    return remembered
  }

  /** Remembers a read that begins. Gives the promise for its callers. */
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

  /**
   * Remembers what a call obtains, and gives the call its value. If another call found a value in the meantime and this call accepts it,
   * that is the value.
   */
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
      // The key may be stored after all, because a computation may go on without this call.
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

  /**
   * A computation of this request was stored, so what was known is out of date. It is kept if a running call will soon report the stored
   * value.
   */
  computed(key: string): void {
    if (this.#remembered.get(key)?.obtains === 0) this.#remembered.delete(key)
  }

  /** Forgets everything, and remembers nothing from now on. */
  close(): void {
    this.#open = false
    this.#remembered.clear()
  }

  /** Whether the key was not forgotten since then. */
  #holds(remembered: Remembered): boolean {
    return this.#remembered.get(remembered.key) === remembered
  }

  /** Remembers a stored value. A value that is not stored goes to its caller only. */
  #keep(remembered: Remembered, found: ServedValue): ServedValue {
    remembered.isMissing = false
    if (!found.isStored || !this.#holds(remembered)) return found
    remembered.found = found
    remembered.given = undefined
    return found
  }
}
