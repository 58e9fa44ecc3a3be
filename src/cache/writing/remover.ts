import type { Store } from '../../contract/store.js'
import type { MustAnswer } from '../../contract/events/must-answer.js'
import { CacheNotRespondingError } from '../../contract/errors.js'
import type { CacheEvents } from '../../contract/cache-events.js'
import type { Events } from '../../contract/events/events.js'
import type { FailedDeletions } from './failed-deletions.js'
import { DELETE_OPTIONS } from '../../contract/options/known-options.js'
import { checkOptions, checkTag } from '../../contract/options/option-checks.js'
import { show } from '../../checks/show.js'
import type { Fallback } from '../reading/fallback.js'
import type { NearTier } from '../reading/near-tier.js'
import type { Writer } from './writer.js'

/** What removing needs of its cache. */
export interface RemoverSetting {
  readonly store: Store
  readonly events: Events
  readonly near: NearTier | undefined
  readonly fallback: Fallback | undefined
  readonly writer: Writer
  readonly deletions: FailedDeletions
  readonly mustAnswer: MustAnswer
}

/** Removes keys, for every process. If the store does not carry out a deletion, it is kept for later, and the caller gets the error. */
export class Remover {
  readonly #setting: RemoverSetting

  constructor(setting: RemoverSetting) {
    this.#setting = setting
  }

  /** Removes a key, with `children` also the keys below it. @throws {TypeError} naming the option that is wrong. */
  key(full: string, options: { children?: boolean | undefined } | undefined): Promise<string[]> {
    const { store } = this.#setting
    const children = checkOptions(options, 'delete', DELETE_OPTIONS)?.children ?? false
    if (typeof children !== 'boolean')
      throw new TypeError(`Expected \`children\` to be true or false, got ${show(children)}`)
    const remove = (): Promise<string[]> => (children ? store.removeTree(full) : store.remove([full]))
    return this.#remove('delete', { key: full, children, tag: undefined }, remove, lengthOf)
  }

  /** Removes all keys that carry a tag. @throws {TypeError} when it is no tag. */
  tag(tag: string): Promise<string[]> {
    const { store } = this.#setting
    checkTag(tag)
    return this.#remove('deleteTag', { key: undefined, children: true, tag }, () => store.removeTag(tag), lengthOf)
  }

  /** Removes everything. Gives the number of keys. */
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

  /** Removes keys and emits `delete`, even if only a part was removed. */
  async #remove<T>(
    operation: string,
    event: Omit<CacheEvents['delete'], 'count'>,
    remove: () => Promise<T>,
    countOf: (removed: T) => number,
  ): Promise<T> {
    const { near, fallback, writer, deletions, events, mustAnswer } = this.#setting
    let count = 0
    const compressing = writer.compressing()
    // Wait only if there is something to wait for. Otherwise a later write could be sent before this deletion.
    if (compressing !== undefined) await compressing
    near?.forgetDeleted(event)
    fallback?.forgetDeleted(event)
    try {
      const removed = await mustAnswer(operation, remove)
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
      fallback?.forgetDeleted(event)
      events.emit('delete', { ...event, count })
    }
  }
}

function lengthOf(removed: readonly string[]): number {
  return removed.length
}
