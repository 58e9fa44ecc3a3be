import type { Computation } from '../../cache/cache.js'
import { isUnder } from '../../cache/key.js'
import type { Acquired, Attempt, Ended } from '../store.js'

interface Lease {
  until: number
  since: number
  /** `undefined` while attempts are paused: nobody computes. */
  token: string | undefined
  process: string
  followed: boolean
}

/** The computations under way in one process, and who is told when they end. */
export class Leases {
  readonly #leases = new Map<string, Lease>()
  /** When a tag was last removed while something was being computed. */
  readonly #tombstones = new Map<string, number>()
  #onEnded: (key: string, ended: Ended) => void = () => undefined
  #onTagRemoved: (tag: string) => void = () => undefined

  listen(listener: (key: string, ended: Ended) => void): void {
    this.#onEnded = listener
  }

  listenForTags(listener: (tag: string) => void): void {
    this.#onTagRemoved = listener
  }

  /** As `Store.acquire`, given that no entry answers the attempt. */
  acquire({ key, token, process, leaseMs, follows, patient }: Attempt, now: number): Acquired {
    const lease = this.#leases.get(key)
    if (lease !== undefined && lease.until > now) {
      const leftMs = lease.until - now
      if (lease.token !== undefined) {
        lease.followed ||= follows
        return { kind: 'follows', leftMs }
      }
      if (patient) return { kind: 'paused', leftMs }
    }
    this.#leases.set(key, { until: now + leaseMs, since: now, token, process, followed: false })
    return { kind: 'leads' }
  }

  /** Makes a lease last, if it still has this token; ends it where one of the tags was removed since it began. */
  renew(key: string, token: string, until: number, tags: readonly string[]): boolean {
    const lease = this.#leases.get(key)
    if (lease?.token !== token) return false
    if (tags.some((tag) => (this.#tombstones.get(tag) ?? -Infinity) >= lease.since)) {
      this.#end(key, lease, 'voided')
      return false
    }
    lease.until = until
    return true
  }

  /** Ends a lease if it still has this token. */
  end(key: string, token: string, ended: Ended): boolean {
    const lease = this.#leases.get(key)
    if (lease?.token !== token) return false
    this.#end(key, lease, ended)
    return true
  }

  pause(key: string, since: number, until: number): void {
    this.#leases.set(key, { until, since, token: undefined, process: '', followed: false })
  }

  /** Notes that a tag was removed: what is being computed now may not be stored with it. */
  bury(tag: string, now: number): void {
    if (this.#leases.size === 0) return this.#tombstones.clear()
    this.#tombstones.set(tag, now)
    this.#onTagRemoved(tag)
  }

  /** Takes a lease away from the one who holds it. */
  void(key: string): void {
    if (this.#leases.delete(key)) this.#onEnded(key, 'voided')
  }

  /** Voids the computations of a key and of those below it; all for `undefined`. */
  voidTree(key: string | undefined): void {
    for (const each of this.#leases.keys()) {
      if (key === undefined || each === key || isUnder(each, key)) this.void(each)
    }
  }

  list(now: number): Computation[] {
    return Array.from(this.#leases)
      .filter(([, lease]) => lease.until > now && lease.token !== undefined)
      .map(([key, { process, since }]) => ({ key, process, since: new Date(since) }))
  }

  #end(key: string, { followed }: Lease, ended: Ended): void {
    this.#leases.delete(key)
    if (followed) this.#onEnded(key, ended)
  }
}
