import { realTime } from '../../checks/real-time.js'
import type { Store, Write } from '../../contract/store.js'
import type { HeldLeases } from './held-leases.js'
import type { NearTier } from '../reading/near-tier.js'

/** What leases of one cache have in common. */
export interface LeaseSetting {
  readonly store: Store
  readonly near: NearTier | undefined
  readonly leaseMs: number
  readonly leases: HeldLeases
  readonly onFailed: (operation: string, key: string, error: unknown) => void
}

/** An entry that has expired removes the older one. */
const NO_BYTES = Buffer.alloc(0)
const EXPIRED = 0

/** What a lease is for. */
export interface LeaseSubject {
  readonly key: string
  /** The tags that the entry will carry. The lease is lost when one of them is removed. */
  readonly tags: readonly string[]
}

/** The lease of a key that this process holds. It is renewed after every third of its length, until it is filled or released. */
export class Lease {
  readonly #setting: LeaseSetting
  readonly #key: string
  readonly #tags: readonly string[]
  readonly token: string
  readonly #onLost: () => void
  readonly #heartbeat: NodeJS.Timeout
  #untilMs: number

  /** `onLost` is called when the lease turns out to be void or held by another process. */
  constructor(setting: LeaseSetting, { key, tags }: LeaseSubject, token: string, onLost: () => void) {
    this.#setting = setting
    this.#key = key
    this.#tags = tags
    this.token = token
    this.#onLost = onLost
    this.#untilMs = realTime.nowMs() + setting.leaseMs
    setting.leases.hold(this)
    this.#heartbeat = realTime.setInterval(() => void this.renew(), setting.leaseMs / 3)
  }

  /** Whether the lease was silent for too long, so that nobody waits for it any more. */
  get isOver(): boolean {
    return realTime.nowMs() > this.#untilMs
  }

  /** Whether the store answers. */
  get canEnd(): boolean {
    return this.#setting.store.backend().up
  }

  /** Whether somebody waits for the end of the lease. `false` also if the store does not answer. Never rejects. */
  async isFollowed(): Promise<boolean> {
    try {
      return await this.#setting.store.isFollowed(this.#key, this.token)
    } catch (error) {
      this.#setting.onFailed('abandon', this.#key, error)
      return false
    }
  }

  /** Ends the lease with an entry. `false`: the lease was lost before, and nothing is stored. `undefined`: the store did not take it. */
  async fill(entry: Write): Promise<boolean | undefined> {
    const filled = await this.#fill(entry)
    if (filled !== undefined || !this.canEnd) return filled
    // The store refuses the entry, or answers again and maybe did not get it. Others must not wait for it, and it may not be stored later.
    const ended = this.#endRefused(entry.tags)
    // Who refuses answers. After that nobody may read what was there before.
    if (this.#setting.store.outageOf(this.#key) === undefined) await ended
    return undefined
  }

  /** Ends the lease and removes the older entry, because the computed value cannot be kept. Gives what `fill` gives. */
  fillWithNothing(tags: readonly string[]): Promise<boolean | undefined> {
    return this.#fill({ key: this.#key, bytes: NO_BYTES, expiresAt: EXPIRED, tags })
  }

  async #endRefused(tags: readonly string[]): Promise<void> {
    const filled = await this.fillWithNothing(tags)
    if (filled === undefined && this.canEnd) await this.release('nothing')
  }

  async #fill(entry: Write): Promise<boolean | undefined> {
    const { store, near } = this.#setting
    const keys = [this.#key]
    near?.forget(keys)
    const filled = await this.#end('fill', () => store.fill(entry, this.token))
    near?.forget(keys)
    return filled
  }

  /**
   * Ends the lease, leaves the older entry, and pauses patient attempts for `pauseMs`. `false`: the lease was lost before, or one of the tags
   * was removed meanwhile. `undefined`: the store did not answer.
   */
  release(ended: 'nothing' | 'voided', pauseMs = 0, tags?: readonly string[]): Promise<boolean | undefined> {
    return this.#end('release', () => this.#setting.store.release(this.#key, this.token, ended, pauseMs, tags))
  }

  async #end(operation: string, end: () => Promise<boolean>): Promise<boolean | undefined> {
    realTime.clearInterval(this.#heartbeat)
    this.#setting.leases.end(this)
    try {
      return await end()
    } catch (error) {
      this.#setting.onFailed(operation, this.#key, error)
      this.#setting.leases.leave(this)
      return undefined
    }
  }

  /** Extends the lease to its full length from now on, if this process still holds it. Never rejects. */
  async renew(): Promise<void> {
    const { store, leaseMs, onFailed } = this.#setting
    try {
      if (await store.renew(this.#key, this.token, leaseMs, this.#tags)) {
        this.#untilMs = realTime.nowMs() + leaseMs
        return
      }
      realTime.clearInterval(this.#heartbeat)
      this.#onLost()
    } catch (error) {
      onFailed('renew', this.#key, error)
    }
  }
}
