import type { Acquired, Ended } from '../../contract/store.js'

/** What a computation knows of those in other processes that it has followed, one after the other. */
export class Following {
  /** What it cannot use of what is stored, as `Attempt` has it. */
  seen: Buffer | 'any' | undefined
  readonly #anew: boolean
  #leader: string | undefined
  #askedAt = -1
  #startedAt = -1
  #isSideBySide = false

  /** `any`: what is stored is of use only if its factory began after the computation asked. */
  constructor(seen: Buffer | 'any' | undefined) {
    this.seen = seen
    this.#anew = seen === 'any'
  }

  /** A logical time after which the factory began whose value is found; -1 when none is known. */
  get startedAt(): number {
    return this.#startedAt
  }

  /** Whether it waits for another that leads, whoever that is. */
  get waits(): boolean {
    return !this.#isSideBySide
  }

  /** Whether it computes beside this leader, because it has waited for another one before. */
  isBeside({ leader }: Acquired & { kind: 'follows' }): boolean {
    return this.#isSideBySide && leader !== this.#leader
  }

  /** Whether this is not the leader that it followed before. */
  isAnother({ leader }: Acquired & { kind: 'follows' }): boolean {
    return leader !== this.#leader
  }

  /** Says that another leads, as was learned by asking at this logical time. */
  follow({ leader, entry }: Acquired & { kind: 'follows' }, askedAt: number): void {
    if (this.seen === 'any' && this.#leader !== undefined && leader !== this.#leader) {
      // The one before led when the store was asked, so this one has begun after that. What it stores will be anew.
      this.#startedAt = this.#askedAt
      this.seen = entry
    }
    this.#leader = leader
    this.#askedAt = askedAt
  }

  /** Says how that one has ended; `undefined`: maybe it has not. */
  end(ended: Ended | undefined): void {
    // After one that may have begun too early, all wait for the next one together.
    const isTooEarly = this.seen === 'any' && ended === 'filled'
    // If nothing is stored now, the processes that waited compute side by side. Otherwise each would wait for the one before it, and for ever
    // where the key is deleted again and again.
    this.#isSideBySide = ended !== undefined && !isTooEarly
    if (this.#anew && ended !== undefined && ended !== 'filled') this.seen = 'any'
  }
}
