import { realTime } from '../../checks/real-time.js'
import type { Events } from '../../contract/events/events.js'

/** What this class needs of a lease. */
interface HeldLease {
  /** Whether the lease was silent for too long, so that nobody waits for it any more. */
  readonly isOver: boolean
  /** Whether the store answers. */
  readonly canEnd: boolean
  release(ended: 'voided'): Promise<unknown>
}

const RETRY_MS = 500

/**
 * The leases of this process. None may be left behind, because others would wait for it. On close, the held leases are released. If the
 * store did not hear of the end of a lease, the lease is released when the store answers again.
 */
export class HeldLeases {
  readonly #held = new Set<HeldLease>()
  /** Leases that ended in this process, but maybe not in the store. */
  readonly #left = new Set<HeldLease>()
  #retry: NodeJS.Timeout | undefined
  #closed = false

  constructor(events: Events) {
    events.on('state', ({ up }) => {
      if (up) this.#releaseLeft()
    })
  }

  /** Says that a lease is held. */
  hold(lease: HeldLease): void {
    this.#held.add(lease)
  }

  /** Says that a lease is about to be ended. */
  end(lease: HeldLease): void {
    this.#held.delete(lease)
  }

  /** Says that the store may not have heard of a lease's end. */
  leave(lease: HeldLease): void {
    if (this.#closed || lease.isOver) return
    this.#left.add(lease)
    // Retry after some time: if the store was only late, no `state` event follows.
    this.#retry ??= realTime
      .setTimeout(() => {
        this.#retry = undefined
        if (lease.canEnd) this.#releaseLeft()
      }, RETRY_MS)
      .unref()
  }

  /** Releases all held leases. */
  async close(): Promise<void> {
    this.#closed = true
    realTime.clearTimeout(this.#retry)
    await Promise.all(Array.from(this.#held, (lease) => lease.release('voided')))
  }

  #releaseLeft(): void {
    const left = [...this.#left]
    this.#left.clear()
    for (const lease of left) void lease.release('voided')
  }
}
