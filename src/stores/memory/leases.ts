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
  #listener: (key: string, ended: Ended) => void = () => undefined

  listen(listener: (key: string, ended: Ended) => void): void {
    this.#listener = listener
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

  renew(key: string, token: string, until: number): boolean {
    const lease = this.#leases.get(key)
    if (lease?.token !== token) return false
    lease.until = until
    return true
  }

  /** Ends a lease if it still has this token. */
  end(key: string, token: string, ended: Ended): boolean {
    if (this.#leases.get(key)?.token !== token) return false
    this.#drop(key, ended)
    return true
  }

  pause(key: string, since: number, until: number): void {
    this.#leases.set(key, { until, since, token: undefined, process: '', followed: false })
  }

  /** Notes that a tag was removed: what is being computed now may not be stored with it. */
  bury(tag: string, now: number): void {
    if (this.#leases.size === 0) this.#tombstones.clear()
    else this.#tombstones.set(tag, now)
  }

  /** Whether one of these tags was removed since the computation of a key began. */
  isBuried(key: string, tags: readonly string[]): boolean {
    const since = this.#leases.get(key)?.since ?? -Infinity
    return tags.some((tag) => (this.#tombstones.get(tag) ?? -Infinity) >= since)
  }

  void(key: string): void {
    this.#drop(key, 'voided')
  }

  /** Voids the computations of a key and of those below it; all for `undefined`. */
  voidTree(key: string | undefined): void {
    for (const each of this.#leases.keys()) {
      if (key === undefined || each === key || isUnder(each, key)) this.#drop(each, 'voided')
    }
  }

  list(now: number): Computation[] {
    return Array.from(this.#leases)
      .filter(([, lease]) => lease.until > now && lease.token !== undefined)
      .map(([key, { process, since }]) => ({ key, process, since: new Date(since) }))
  }

  #drop(key: string, ended: Ended): void {
    const lease = this.#leases.get(key)
    if (lease === undefined) return
    this.#leases.delete(key)
    if (lease.followed) this.#listener(key, ended)
  }
}
