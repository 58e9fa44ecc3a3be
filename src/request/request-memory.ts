import { isUnder } from '../cache/key.js'
import type { Found } from '../cache/found.js'

/** What a request knows of one key. */
export interface Remembered {
  readonly found: Promise<Found | undefined>
  /** The same once it is settled. */
  value: Found | undefined
  /** Its value, as it is given to those who ask from then on. */
  given: Promise<unknown> | undefined
  /** `obtaining`: it may be computed just now, for which only those wait who would compute it themselves. */
  state: 'reading' | 'obtaining' | 'found' | 'missing'
  /** Whether another call may take the outcome: not where it depends on a wish of the call that began it. */
  readonly shared: boolean
}

const MAX_REMEMBERED = 1000

/** The Map of one request: what it found under which key, what it found missing, and what is under way. */
export class RequestMemory {
  readonly #remembered = new Map<string, Remembered>()
  #open = true

  get(key: string): Remembered | undefined {
    return this.#remembered.get(key)
  }

  /** Remembers what is under way for a key. It is forgotten where it fails, or gives what is not stored. */
  add(key: string, found: Promise<Found | undefined>, state: 'reading' | 'obtaining', shared = true): void {
    const remembered: Remembered = { found, value: undefined, given: undefined, state, shared }
    this.#remembered.delete(key)
    // A Map gives its keys in the order in which they came: the oldest makes room.
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value as string)
    if (this.#open) this.#remembered.set(key, remembered)
    const drop = (): void => {
      if (this.#remembered.get(key) === remembered) this.#remembered.delete(key)
    }
    found.then((value) => {
      remembered.value = value
      remembered.state = value === undefined ? 'missing' : 'found'
      if (value?.isStored === false) drop()
    }, drop)
  }

  /** Forgets a key, with `children` all keys below it too; everything for `undefined`. */
  forget(key: string | undefined, children: boolean): void {
    if (key === undefined) this.#remembered.clear()
    else {
      this.#remembered.delete(key)
      if (children) for (const each of this.#remembered.keys()) if (isUnder(each, key)) this.#remembered.delete(each)
    }
  }

  /** A computation that the request began has ended: what was known is out of date, and what was not stored is not to be remembered. */
  computed(key: string, stored: boolean): void {
    if (stored && this.#remembered.get(key)?.state === 'obtaining') return
    this.#remembered.delete(key)
  }

  /** Forgets everything, and remembers nothing from now on. */
  close(): void {
    this.#open = false
    this.#remembered.clear()
  }
}
