import { realTime } from '../../checks/real-time.js'
import type { Ended, Store } from '../../contract/store.js'

/** While messages do not arrive, followers ask the store themselves. Each pause is a fourth of the time that they have waited so far. */
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
    // Messages may have been missed, so every follower asks the store again.
    store.onHearing(() => {
      for (const leaseEnds of this.#waiting.values()) for (const leaseEnd of leaseEnds) leaseEnd.doubt()
    })
  }

  /** Begins to listen for the end of a key's computation. Call it before asking the store, so that no end is missed. */
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

  /**
   * How long to wait for a message before asking the store again, in ms. `leftMs` is the rest of the lease, `waitedMs` the time waited so
   * far.
   */
  waitMs(leaseMs: number, leftMs: number, waitedMs: number): number {
    const untilLook = this.#store.hearsEnds
      ? leaseMs / 2
      : Math.min(Math.max(LOOK_FIRST_MS, LOOK_SHARE * waitedMs), LOOK_LAST_MS)
    return Math.max(1, Math.min(untilLook, leftMs))
  }
}

/** The end of one computation, for one follower that waits for it. */
export class LeaseEnd {
  readonly #leave: () => void
  #ended: Ended | undefined
  #woken = false
  #wake: () => void = () => undefined
  #onVoided: () => void = () => undefined

  constructor(leave: () => void) {
    this.#leave = leave
  }

  /** Says that the computation has ended, as a message has it. It may be of the same key in another database. */
  tell(ended: Ended): void {
    this.#ended = ended
    if (ended === 'voided') this.#onVoided()
    this.doubt()
  }

  /** Calls the listener when a message says that the computation is void, or at once if one did. */
  onVoided(listener: () => void): void {
    this.#onVoided = listener
    if (this.#ended === 'voided') listener()
  }

  /** Says that the computation may have ended, or that the follower has another reason to wait no longer. */
  doubt(): void {
    this.#woken = true
    this.#wake()
  }

  /** How the computation ended. `undefined`: no message came in this time, or it may have ended without one. */
  async within(ms: number): Promise<Ended | undefined> {
    if (this.#woken) return this.#ended
    await new Promise<void>((resolve) => {
      const timer = realTime.setTimeout(() => resolve(), ms)
      this.#wake = () => {
        realTime.clearTimeout(timer)
        resolve()
      }
    })
    return this.#ended
  }

  /** Stops listening. */
  leave(): void {
    this.#leave()
  }
}
