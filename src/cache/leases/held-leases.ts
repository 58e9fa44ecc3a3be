import type { Events } from '../../contract/events/events.js'

/** A lease as it is kept here. */
interface HeldLease {
  /** Whether nobody waits for it any more. */
  readonly isOver: boolean
  /** Whether the store answers. */
  readonly canEnd: boolean
  release(ended: 'voided'): Promise<unknown>
}

const RETRY_MS = 500

/**
 * The leases of this process, so that none is left behind for which others would wait: those that are held are given up at the end, and
 * those whose end the store did not hear of when it answers again.
 */
export class HeldLeases {
  readonly #held = new Set<HeldLease>()
  /** Ended here, and maybe not in the store. */
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
    // Where it only was late no change of state will follow.
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined
      if (lease.canEnd) this.#releaseLeft()
    }, RETRY_MS).unref()
  }

  /** Gives up all. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    await Promise.all(Array.from(this.#held, (lease) => lease.release('voided')))
  }

  #releaseLeft(): void {
    const left = [...this.#left]
    this.#left.clear()
    for (const lease of left) void lease.release('voided')
  }
}
