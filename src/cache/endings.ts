import type { Ended, Store } from '../stores/store.js'

/** Messages may be lost, and are while the connection for them is down: until then followers look for themselves this often. */
const LOOK_FIRST_MS = 50
const LOOK_LAST_MS = 500

/** Waits for computations of other processes to end. */
export class Endings {
  readonly #store: Store
  readonly #waiting = new Map<string, Set<(ended: Ended) => void>>()

  constructor(store: Store) {
    this.#store = store
    store.onEnded((key, ended) => {
      for (const tell of this.#waiting.get(key) ?? []) tell(ended)
    })
  }

  /** Begins to listen for the end of a key's computation. To be begun before the store is asked, so that no end is missed. */
  listen(key: string): Ending {
    const ending = new Ending(() => {
      const all = this.#waiting.get(key)
      all?.delete(ending.tell)
      if (all?.size === 0) this.#waiting.delete(key)
    })
    const all = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, all.add(ending.tell))
    return ending
  }

  /** How long to wait for the message before looking again, given what is left of the lease and how often was looked. */
  patienceMs(leaseMs: number, leftMs: number, looks: number): number {
    const untilLook = this.#store.hearsEnds ? leaseMs / 2 : Math.min(LOOK_FIRST_MS * 2 ** looks, LOOK_LAST_MS)
    return Math.max(1, Math.min(untilLook, leftMs))
  }
}

/** The end of one computation, for one who waits for it. */
export class Ending {
  readonly #leave: () => void
  #ended: Ended | undefined
  #wake: () => void = () => undefined

  constructor(leave: () => void) {
    this.#leave = leave
  }

  readonly tell = (ended: Ended): void => {
    this.#ended = ended
    this.#wake()
  }

  /** How it ended; `undefined` when nothing was heard in this time, or `signal` has aborted. */
  async within(ms: number, signal: AbortSignal): Promise<Ended | undefined> {
    if (this.#ended !== undefined || signal.aborted) return this.#ended
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', this.#wake)
        resolve()
      }
      signal.addEventListener('abort', this.#wake)
    })
    signal.removeEventListener('abort', this.#wake)
    return this.#ended
  }

  /** Ends the listening. */
  leave(): void {
    this.#leave()
  }
}
