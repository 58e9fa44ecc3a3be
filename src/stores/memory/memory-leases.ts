import type { Computation } from '../../contract/inspected.js'
import { realTime } from '../../checks/real-time.js'
import { isUnder } from '../../keys/key.js'
import type { Acquired, Attempt, Ended } from '../../contract/store.js'

interface Lease {
  /** In real time, as it is renewed in real time. */
  until: number
  readonly since: number
  /** Its place among all leases and tombstones. The system's clock may be set back. */
  readonly place: number
  readonly token: string
  readonly process: string
  followed: boolean
}

/** From this many tombstones on, those that nobody needs are dropped. */
const MANY_TOMBSTONES = 1000

/** The computations under way in one process. Listeners are told when they end. */
export class MemoryLeases {
  readonly #leases = new Map<string, Lease>()
  /** Until when attempts are paused, in the order in which the pauses began. A key never has both a lease and a pause. */
  readonly #pauses = new Map<string, number>()
  /** The place at which a tag was last removed during a computation. */
  readonly #tombstones = new Map<string, number>()
  #lastPlace = 0
  /** At this many tombstones, the unneeded ones are dropped next. */
  #mostTombstones = MANY_TOMBSTONES
  #onEnded: (key: string, ended: Ended) => void = () => undefined
  #onTagRemoved: (tag: string) => void = () => undefined

  /** How many leases, pauses and tombstones there are. */
  get size(): number {
    return this.#leases.size + this.#pauses.size + this.#tombstones.size
  }

  listen(listener: (key: string, ended: Ended) => void): void {
    this.#onEnded = listener
  }

  listenForTags(listener: (tag: string) => void): void {
    this.#onTagRemoved = listener
  }

  /** As `Store.acquire`, given that no entry answers the attempt. */
  acquire({ key, token, process, leaseMs, follows, patient }: Attempt, now: number): Acquired {
    this.#dropPauses(now)
    const lease = this.#leases.get(key)
    if (lease !== undefined && lease.until > realTime.nowMs()) {
      lease.followed ||= follows
      return { kind: 'follows', leader: lease.token, leftMs: lease.until - realTime.nowMs() }
    }
    const pausedMs = (this.#pauses.get(key) ?? now) - now
    if (patient && pausedMs > 0) return { kind: 'paused', leftMs: pausedMs }
    this.#pauses.delete(key)
    this.#leases.set(key, {
      until: realTime.nowMs() + leaseMs,
      since: now,
      place: ++this.#lastPlace,
      token,
      process,
      followed: false,
    })
    return { kind: 'leads' }
  }

  /** Extends a lease, if it still has this token. Ends it if one of the tags was removed since it began. */
  renew(key: string, token: string, leaseMs: number, tags: readonly string[]): boolean {
    const lease = this.#leases.get(key)
    if (lease?.token !== token) return false
    if (tags.some((tag) => (this.#tombstones.get(tag) ?? 0) > lease.place)) {
      this.#end(key, lease, 'voided')
      return false
    }
    lease.until = realTime.nowMs() + leaseMs
    return true
  }

  /** Whether somebody waits for the end of a lease with this token. */
  isFollowed(key: string, token: string): boolean {
    const lease = this.#leases.get(key)
    return lease?.token === token && lease.followed
  }

  /** Ends a lease if it still has this token. */
  end(key: string, token: string, ended: Ended): boolean {
    const lease = this.#leases.get(key)
    if (lease?.token !== token) return false
    this.#end(key, lease, ended)
    return true
  }

  pause(key: string, now: number, until: number): void {
    this.#dropPauses(now)
    this.#pauses.delete(key)
    this.#pauses.set(key, until)
  }

  /** Notes that a tag was removed, so that a computation under way does not store an entry with this tag. */
  bury(tag: string, now: number): void {
    this.#dropPauses(now)
    if (this.#leases.size === 0) return
    this.#tombstones.set(tag, ++this.#lastPlace)
    if (this.#tombstones.size >= this.#mostTombstones) this.#dropTombstones()
    this.#onTagRemoved(tag)
  }

  /** Voids the lease or the pause of a key. */
  void(key: string): void {
    if (!this.#leases.has(key) && !this.#pauses.delete(key)) return
    this.#forget(key)
    this.#onEnded(key, 'voided')
  }

  /** Voids the computations of a key and of those below it; all for `undefined`. */
  voidTree(key: string | undefined): void {
    for (const each of [...this.#leases.keys(), ...this.#pauses.keys()]) {
      if (key === undefined || each === key || isUnder(each, key)) this.void(each)
    }
  }

  list(): Computation[] {
    return Array.from(this.#leases)
      .filter(([, lease]) => lease.until > realTime.nowMs())
      .map(([key, { process, since }]) => ({ key, process, since: new Date(since) }))
  }

  #end(key: string, { followed }: Lease, ended: Ended): void {
    this.#forget(key)
    if (followed) this.#onEnded(key, ended)
  }

  /** Drops a lease. Only computations need tombstones, so these go with the last lease. */
  #forget(key: string): void {
    this.#leases.delete(key)
    if (this.#leases.size === 0) this.#tombstones.clear()
  }

  /** Drops pauses that are over, up to the first that is not. All last about equally long, so none stays much longer than it should. */
  #dropPauses(now: number): void {
    for (const [key, until] of this.#pauses) {
      if (until > now) return
      this.#pauses.delete(key)
    }
  }

  /** Drops the tombstones that are older than all leases. */
  #dropTombstones(): void {
    const first = Math.min(...Array.from(this.#leases.values(), ({ place }) => place))
    for (const [tag, place] of this.#tombstones) if (place < first) this.#tombstones.delete(tag)
    this.#mostTombstones = Math.max(MANY_TOMBSTONES, 2 * this.#tombstones.size)
  }
}
