import type { Ended, Store } from '../../contract/store.js'

/** While messages do not arrive, followers look for themselves: each time after a fourth of what they have waited so far. */
const LOOK_SHARE = 1 / 4
const LOOK_FIRST_MS = 50
const LOOK_LAST_MS = 500

/** Waits for computations of other processes to end. */
export class LeaseEnds {
  readonly #store: Store
  readonly #waiting = new Map<string, Set<LeaseEnd>>()

  constructor(store: Store) {
    this.#store = store
    store.onEnded((key, ended) => {
      for (const leaseEnd of this.#waiting.get(key) ?? []) leaseEnd.tell(ended)
    })
    // What ended in between, nobody has told.
    store.onHearing(() => {
      for (const leaseEnds of this.#waiting.values()) for (const leaseEnd of leaseEnds) leaseEnd.doubt()
    })
  }

  /** Begins to listen for the end of a key's computation. To be begun before the store is asked, so that no end is missed. */
  listen(key: string): LeaseEnd {
    const leaseEnd = new LeaseEnd(() => {
      const all = this.#waiting.get(key)
      all?.delete(leaseEnd)
      if (all?.size === 0) this.#waiting.delete(key)
    })
    const all = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, all.add(leaseEnd))
    return leaseEnd
  }

  /** How long to wait for the message before looking again, given what is left of the lease and for how long was waited already. */
  waitMs(leaseMs: number, leftMs: number, waitedMs: number): number {
    const untilLook = this.#store.hearsEnds
      ? leaseMs / 2
      : Math.min(Math.max(LOOK_FIRST_MS, LOOK_SHARE * waitedMs), LOOK_LAST_MS)
    return Math.max(1, Math.min(untilLook, leftMs))
  }
}

/** The end of one computation, for one who waits for it. */
export class LeaseEnd {
  readonly #leave: () => void
  #ended: Ended | undefined
  #woken = false
  #wake: () => void = () => undefined
  #onVoided: () => void = () => undefined

  constructor(leave: () => void) {
    this.#leave = leave
  }

  /** It has ended. */
  tell(ended: Ended): void {
    this.#ended = ended
    if (ended === 'voided') this.#onVoided()
    this.doubt()
  }

  /** Calls the listener when it was voided, also where that was told before. */
  onVoided(listener: () => void): void {
    this.#onVoided = listener
    if (this.#ended === 'voided') listener()
  }

  /** It may have ended. */
  doubt(): void {
    this.#woken = true
    this.#wake()
  }

  /** How it ended; `undefined` when nothing was heard in this time, it may have ended unheard, or `signal` has aborted. */
  async within(ms: number, signal: AbortSignal): Promise<Ended | undefined> {
    if (this.#woken || signal.aborted) return this.#ended
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
