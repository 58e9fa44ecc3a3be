import type { Store } from '../../contract/store.js'
import type { Ask } from '../../contract/events/must-answer.js'
import { CacheNotRespondingError } from '../../contract/errors.js'
import type { CacheEvents } from '../../contract/cache-events.js'
import type { Events } from '../../contract/events/events.js'
import type { FailedDeletions } from './failed-deletions.js'
import type { Near } from '../reading/near-tier.js'
import type { Writing } from './writer.js'

/** What removing needs of its cache. */
export interface RemovalSetting {
  readonly store: Store
  readonly events: Events
  readonly near: Near | undefined
  readonly writing: Writing
  readonly deletions: FailedDeletions
  readonly ask: Ask
}

/** Removes keys, for every process. What the store does not carry out is noted, and the caller told. */
export class Removal {
  readonly #setting: RemovalSetting

  constructor(setting: RemovalSetting) {
    this.#setting = setting
  }

  /** A key, with `children` also those below it. */
  key(full: string, children: boolean): Promise<string[]> {
    const { store } = this.#setting
    const remove = (): Promise<string[]> => (children ? store.removeTree(full) : store.remove([full]))
    return this.#remove('delete', { key: full, children, tag: undefined }, remove, lengthOf)
  }

  /** All keys that carry a tag. */
  tag(tag: string): Promise<string[]> {
    const { store } = this.#setting
    return this.#remove('deleteTag', { key: undefined, children: true, tag }, () => store.removeTag(tag), lengthOf)
  }

  /** Everything. */
  all(): Promise<number> {
    const { store } = this.#setting
    const event = { key: undefined, children: true, tag: undefined }
    return this.#remove(
      'clear',
      event,
      () => store.clear(),
      (count) => count,
    )
  }

  /** Removes, and tells of it also where only a part was removed. */
  async #remove<T>(
    operation: string,
    event: Omit<CacheEvents['delete'], 'count'>,
    remove: () => Promise<T>,
    countOf: (removed: T) => number,
  ): Promise<T> {
    const { near, writing, deletions, events, ask } = this.#setting
    let count = 0
    const compressing = writing.compressing()
    // Else it goes out at once, before what is written after it.
    if (compressing !== undefined) await compressing
    near?.forgetDeleted(event)
    try {
      const removed = await ask(operation, remove)
      count = countOf(removed)
      return removed
    } catch (error) {
      if (error instanceof CacheNotRespondingError) {
        count = error.removed
        deletions.add(event)
      }
      throw error
    } finally {
      near?.forgetDeleted(event)
      events.emit('delete', { ...event, count })
    }
  }
}

function lengthOf(removed: readonly string[]): number {
  return removed.length
}
