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

/** What a lease is for. */
export interface LeaseSubject {
  readonly key: string
  /** Tags that its entry will carry: it is lost when one of them is removed. */
  readonly tags: readonly string[]
}

/** The lease of a key that this process holds: renewed every third of its length until it is filled or released. */
export class Lease {
  readonly #setting: LeaseSetting
  readonly #key: string
  readonly #tags: readonly string[]
  readonly #token: string
  readonly #onLost: () => void
  readonly #heartbeat: NodeJS.Timeout
  #untilMs: number

  /** `onLost` is told when it is found that the lease is another's or void. */
  constructor(setting: LeaseSetting, { key, tags }: LeaseSubject, token: string, onLost: () => void) {
    this.#setting = setting
    this.#key = key
    this.#tags = tags
    this.#token = token
    this.#onLost = onLost
    this.#untilMs = performance.now() + setting.leaseMs
    setting.leases.hold(this)
    this.#heartbeat = setInterval(() => void this.renew(), setting.leaseMs / 3)
  }

  /** Whether nobody waits for it any more, since it was silent for too long. */
  get isOver(): boolean {
    return performance.now() > this.#untilMs
  }

  /** Whether the store answers. */
  get canEnd(): boolean {
    return this.#setting.store.backend().up
  }

  /** Ends it with an entry. `false`: it was lost before, and nothing is stored. `undefined`: the store did not answer. */
  async fill(entry: Write): Promise<boolean | undefined> {
    const { store, near } = this.#setting
    const keys = [this.#key]
    near?.forget(keys)
    const filled = await this.#end('fill', () => store.fill(entry, this.#token))
    near?.forget(keys)
    // Whoever waits does not wait for what is not stored. Nor is it stored later.
    if (filled === undefined && this.canEnd) void this.release('nothing')
    return filled
  }

  /** Ends it without an entry, and pauses patient attempts. `false`: it was lost before. `undefined`: the store did not answer. */
  release(ended: 'nothing' | 'voided', pauseMs = 0): Promise<boolean | undefined> {
    return this.#end('release', () => this.#setting.store.release(this.#key, this.#token, ended, pauseMs))
  }

  async #end(operation: string, end: () => Promise<boolean>): Promise<boolean | undefined> {
    clearInterval(this.#heartbeat)
    this.#setting.leases.end(this)
    try {
      return await end()
    } catch (error) {
      this.#setting.onFailed(operation, this.#key, error)
      this.#setting.leases.leave(this)
      return undefined
    }
  }

  /** Makes it last from now on, if it still is this process's. Never rejects. */
  async renew(): Promise<void> {
    const { store, leaseMs, onFailed } = this.#setting
    try {
      if (await store.renew(this.#key, this.#token, leaseMs, this.#tags)) {
        this.#untilMs = performance.now() + leaseMs
        return
      }
      clearInterval(this.#heartbeat)
      this.#onLost()
    } catch (error) {
      onFailed('renew', this.#key, error)
    }
  }
}
