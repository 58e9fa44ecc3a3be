import { LRUCache } from 'lru-cache'

const LIMIT = 5
const WINDOW_MS = 15 * 60 * 1000

/** Counts attempts to sign in, for each address and user name: five in a quarter of an hour, in this process. */
export class Attempts {
  readonly #counts = new LRUCache<string, number>({ max: 10_000, ttl: WINDOW_MS, noUpdateTTL: true })

  /** Counts one attempt. Gives the seconds to wait if there were too many, else `0`. */
  begin(who: string): number {
    const count = this.#counts.get(who) ?? 0
    if (count >= LIMIT) return Math.max(1, Math.ceil(this.#counts.getRemainingTTL(who) / 1000))
    this.#counts.set(who, count + 1)
    return 0
  }

  /** Forgets the attempts, because the last one was right. */
  succeed(who: string): void {
    this.#counts.delete(who)
  }
}
