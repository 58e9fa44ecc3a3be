import type { Store } from '../stores/store.js'
import type { CacheEvents, Events } from './events.js'
import { nextMoment } from './moment.js'

/** More than this are taken for a deletion of everything. */
const MOST = 10_000
const KEYS_A_STEP = 500
const RETRY_FIRST_MS = 500
const RETRY_LAST_MS = 5000

/** What failed deletions need of their cache. */
export interface FailedDeletionsSetting {
  readonly name: string
  readonly store: Store
  readonly events: Events
  /** Told when keys come to be hidden: `undefined` for any. */
  readonly onHidden: (hides: ((key: string) => boolean) | undefined) => void
  readonly onFailed: (operation: string, key: undefined, error: unknown) => void
}

/** What is to be deleted, each with the moment at which that was last asked for. */
type Pending = Map<string, number>

/**
 * Deletions that the store did not carry out. What they concern is missing for this process from then on, and they are carried out when
 * the store answers: begun before the first read that can be answered, and hidden until they are done. It stands above the `Store`,
 * since only here the tags of an entry are known when it is read. Other processes see the old values until then, and those of a process
 * that ends meanwhile are lost.
 */
export class FailedDeletions {
  readonly #setting: FailedDeletionsSetting
  readonly #keys: Pending = new Map()
  readonly #trees: Pending = new Map()
  readonly #tags: Pending = new Map()
  #all: number | undefined
  #replaying: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #retryMs = RETRY_FIRST_MS
  #closed = false

  constructor(setting: FailedDeletionsSetting) {
    this.#setting = setting
    setting.events.on('state', ({ up }) => {
      this.#retryMs = RETRY_FIRST_MS
      if (up) void this.#replayAll()
    })
  }

  /** Whether an entry is to be taken for missing. */
  hides(key: string, tags: readonly string[] = []): boolean {
    if (this.#isEmpty) return false
    return (
      this.#all !== undefined ||
      this.#keys.has(key) ||
      tags.some((tag) => this.#tags.has(tag)) ||
      (this.#trees.size > 0 && this.#isInTree(key))
    )
  }

  /** Keys that were not deleted, or not written: the older value may still be there. */
  addKeys(keys: readonly string[]): void {
    this.#add(this.#keys, keys)
  }

  /** What a deletion concerned that failed. */
  add({ key, children, tag }: Omit<CacheEvents['delete'], 'count'>): void {
    if (tag !== undefined) this.#add(this.#tags, [tag])
    else if (key === undefined) this.#addAll()
    else this.#add(children ? this.#trees : this.#keys, [key])
  }

  /**
   * Carries out what concerns any of these, before they are written; `undefined` where nothing does. Rejects where the store does not
   * carry it out.
   */
  settle(keys: readonly string[], tags: readonly string[]): Promise<void> | undefined {
    if (this.#isEmpty) return undefined
    const isHidden = (): boolean => keys.some((key) => this.hides(key, tags))
    return isHidden() ? this.#settle(isHidden) : undefined
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
  }

  get #isEmpty(): boolean {
    return this.#all === undefined && this.#keys.size + this.#trees.size + this.#tags.size === 0
  }

  async #settle(isHidden: () => boolean): Promise<void> {
    if (this.#setting.store.backend().up) await this.#replayAll()
    if (isHidden()) throw new Error('an earlier deletion is still to be carried out')
  }

  #isInTree(key: string): boolean {
    for (let end = key.indexOf('::'); end !== -1; end = key.indexOf('::', end + 1)) {
      if (this.#trees.has(key.slice(0, end))) return true
    }
    return this.#trees.has(key)
  }

  #addAll(): void {
    for (const pending of [this.#keys, this.#trees, this.#tags]) pending.clear()
    this.#all = nextMoment()
    this.#setting.onHidden(undefined)
    this.#retryLater()
  }

  #add(pending: Pending, names: readonly string[]): void {
    if (this.#all !== undefined) {
      this.#addAll()
      return
    }
    const moment = nextMoment()
    for (const name of names) pending.set(name, moment)
    if (this.#keys.size + this.#trees.size + this.#tags.size > MOST) {
      process.emitWarning(
        `The cache '${this.#setting.name}' takes everything for missing: more than ${MOST} deletions could not be carried out. ` +
          'It is cleared as soon as its Redis answers',
        { code: 'KEYEDCACHE_DELETIONS' },
      )
      this.#addAll()
      return
    }
    this.#setting.onHidden(pending === this.#tags ? undefined : (key) => this.hides(key))
    this.#retryLater()
  }

  #retryLater(): void {
    if (this.#closed || this.#retry !== undefined) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      if (this.#setting.store.backend().up) void this.#replayAll()
      else if (!this.#isEmpty) this.#retryLater()
    }, this.#retryMs).unref()
  }

  /** Carries out all, one after the other; what fails is tried again later. Never rejects. */
  #replayAll(): Promise<void> {
    this.#replaying ??= this.#replay().finally(() => {
      this.#replaying = undefined
    })
    return this.#replaying
  }

  async #replay(): Promise<void> {
    const { store, onFailed } = this.#setting
    try {
      /* eslint-disable no-await-in-loop -- one after the other; what is added meanwhile comes last */
      while (!this.#isEmpty && !this.#closed) {
        const all = this.#all
        if (all !== undefined) {
          await store.clear()
          if (this.#all === all) this.#all = undefined
        }
        const [tree] = this.#trees
        if (tree !== undefined) await carryOut(this.#trees, [tree], () => store.removeTree(tree[0]))
        const [tag] = this.#tags
        if (tag !== undefined) await carryOut(this.#tags, [tag], () => store.removeTag(tag[0]))
        const some = [...this.#keys].slice(0, KEYS_A_STEP)
        if (some.length > 0) await carryOut(this.#keys, some, () => store.remove(some.map(([key]) => key)))
      }
      /* eslint-enable no-await-in-loop */
      this.#retryMs = RETRY_FIRST_MS
    } catch (error) {
      onFailed('replay', undefined, error)
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_LAST_MS)
      this.#retryLater()
    }
  }
}

/** Forgets what was carried out, unless it was asked for again meanwhile. */
async function carryOut(
  pending: Pending,
  some: readonly (readonly [name: string, moment: number])[],
  remove: () => Promise<unknown>,
): Promise<void> {
  await remove()
  for (const [name, moment] of some) if (pending.get(name) === moment) pending.delete(name)
}
