import { shared } from '../../contract/copies/shared.js'
import type { StatsTotals } from '../../contract/statistics.js'
import type { Deletion } from '../order/deletion.js'

/** A cache, as the other caches of its place see it. */
export interface Neighbour {
  /** Forgets what this cache keeps in the process of what another one has written or deleted. */
  forget(changed: Deletion): void
  /** Says that a deletion is pending that hides these keys. `undefined`: it may hide any key. */
  hide(hides: ((key: string) => boolean) | undefined): void
  /** What this cache has counted since it was made. */
  counted(): StatsTotals
}

/** A deletion that is still to be carried out. If it is asked for again, that is a new one. */
export interface PendingDeletion {
  underWay: Promise<void> | undefined
}

/** What the caches of one place have together. Its identity is that of the place. */
interface Common {
  readonly caches: Set<Neighbour>
  readonly pending: Readonly<Record<'all' | 'trees' | 'tags' | 'keys', Map<string, PendingDeletion>>>
}

const places = shared.places as Map<string, Common>

/**
 * The place where a cache keeps its entries: a server (as it is addressed), a database there, and a prefix. A process may have several
 * caches of one place, for example because two modules make one each. They are to agree, so each tells the others what it has changed, and
 * deletions that failed are pending for all of them. A cache leaves its place when it is closed.
 */
export class Place {
  readonly #name: string | undefined
  readonly #common: Common
  #cache: Neighbour | undefined

  /** Without a name, no other cache is there. */
  constructor(name: string | undefined) {
    this.#name = name
    this.#common = (name === undefined ? undefined : places.get(name)) ?? {
      caches: new Set(),
      pending: { all: new Map(), trees: new Map(), tags: new Map(), keys: new Map() },
    }
  }

  /** The same object for all caches of the place. */
  get identity(): object {
    return this.#common
  }

  /** The deletions that are pending in the place, by what they concern. */
  get pending(): Common['pending'] {
    return this.#common.pending
  }

  /** The other open caches of the place. */
  get others(): readonly Neighbour[] {
    const { caches } = this.#common
    return caches.size < 2 ? [] : [...caches].filter((each) => each !== this.#cache)
  }

  enter(cache: Neighbour): void {
    this.#cache = cache
    this.#common.caches.add(cache)
    if (this.#name !== undefined) places.set(this.#name, this.#common)
  }

  leave(): void {
    const { caches } = this.#common
    if (this.#cache !== undefined) caches.delete(this.#cache)
    const isKnown = this.#name !== undefined && places.get(this.#name) === this.#common
    if (isKnown && caches.size === 0) places.delete(this.#name)
  }
}
