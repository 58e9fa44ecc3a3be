import type { RemovalStep } from '../../contract/removal-step.js'
import type { Store } from '../../contract/store.js'
import type { MustAnswer } from '../../contract/events/must-answer.js'
import { CacheNotRespondingError } from '../../contract/errors.js'
import type { Events } from '../../contract/events/events.js'
import type { FailedDeletions } from './failed-deletions.js'
import { DELETE_OPTIONS } from '../../contract/options/known-options.js'
import { checkOptions, checkTag } from '../../contract/options/option-checks.js'
import { show } from '../../checks/show.js'
import type { CallOrder } from '../order/call-order.js'
import type { KeyTurn } from '../order/key-turn.js'
import type { Deletion } from '../order/deletion.js'
import type { WideRemoval } from '../order/wide-removal.js'
import type { Fallback } from '../reading/fallback.js'
import type { NearTier } from '../reading/near-tier.js'

/** What removing needs of its cache. */
export interface RemoverSetting {
  readonly store: Store
  readonly order: CallOrder
  readonly events: Events
  readonly near: NearTier | undefined
  readonly fallback: Fallback | undefined
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
    const { store, order } = this.#setting
    const children = checkOptions(options, 'delete', DELETE_OPTIONS)?.children ?? false
    if (typeof children !== 'boolean')
      throw new TypeError(`Expected \`children\` to be true or false, got ${show(children)}`)
    const event = { key: full, children, tag: undefined }
    if (children) return this.#removeMany('delete', event, (step) => store.removeTree(full, step), lengthOf)
    return this.#remove('delete', event, order.beginRemoval(full), () => store.remove([full]), lengthOf)
  }

  /** Removes all keys that carry a tag. @throws {TypeError} when it is no tag. */
  tag(tag: string): Promise<string[]> {
    const { store } = this.#setting
    checkTag(tag)
    const event = { key: undefined, children: true, tag }
    return this.#removeMany('deleteTag', event, (step) => store.removeTag(tag, step), lengthOf)
  }

  /** Removes everything. Gives the number of keys. */
  all(): Promise<number> {
    const { store } = this.#setting
    const event = { key: undefined, children: true, tag: undefined }
    return this.#removeMany(
      'clear',
      event,
      (step) => store.clear(step),
      (count) => count,
    )
  }

  #removeMany<T>(
    operation: string,
    event: Deletion,
    remove: (step: RemovalStep) => Promise<T>,
    countOf: (removed: T) => number,
  ): Promise<T> {
    const { order } = this.#setting
    const wide = order.beginWide(event)
    const step = order.stepOf(wide)
    return this.#remove(operation, event, wide, () => remove(step), countOf)
  }

  /** Removes keys in their turn, which it ends, and emits `delete`, even if only a part was removed. */
  async #remove<T>(
    operation: string,
    event: Deletion,
    turn: KeyTurn | WideRemoval,
    remove: () => Promise<T>,
    countOf: (removed: T) => number,
  ): Promise<T> {
    const { near, fallback, deletions, order, events, mustAnswer } = this.#setting
    let count = 0
    near?.forgetDeleted(event)
    fallback?.forgetDeleted(event)
    const coming = turn.come()
    // Wait only if there is something to wait for. Otherwise a later call could be sent before this deletion.
    if (coming !== undefined) {
      await coming
      // Reads that were called before have begun meanwhile.
      near?.forgetDeleted(event)
    }
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
      order.end(turn)
      events.emit('delete', { ...event, count })
    }
  }
}

function lengthOf(removed: readonly string[]): number {
  return removed.length
}
