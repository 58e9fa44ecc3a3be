import { type Deletion, concerns } from './deletion.js'
import type { KeyTurn } from './key-turn.js'
import { Turn } from './turn.js'

/**
 * The turn of a removal of all keys below one, of all that carry a tag, or of everything. The store takes many steps for it. For the calls
 * that come meanwhile, it is as if it were done: they do not find what it concerns, and what they write stays.
 */
export class WideRemoval extends Turn {
  readonly deletion: Deletion
  /** The keys of what it concerns that were written since it was called. */
  readonly #written = new Set<string>()

  constructor(deletion: Deletion) {
    super()
    this.deletion = deletion
  }

  /** Leaves out what a write is about to store, if the removal concerns it. */
  spare({ keys, tags }: KeyTurn): void {
    for (const key of keys) if (concerns(this.deletion, key, tags)) this.#written.add(key)
  }

  /** Those of some names that it still has to remove. */
  left<N extends string | Buffer>(names: readonly N[]): readonly N[] {
    return this.#written.size === 0 ? names : names.filter((name) => !this.#written.has(name as string))
  }

  /** Whether a call that is made now may find, under a key, what the removal concerns. */
  mayBeFound(key: string): boolean {
    return !this.#written.has(key) && concerns(this.deletion, key)
  }
}
