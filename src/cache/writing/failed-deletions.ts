import { realTime } from '../../checks/real-time.js'
import type { Store } from '../../contract/store.js'
import type { CacheEvents } from '../../contract/cache-events.js'
import type { Events } from '../../contract/events/events.js'
import { PendingDeletions } from './pending-deletions.js'
import type { Place } from './place.js'
import { quoted } from '../../checks/one-line.js'

/** More pending deletions than this count as a deletion of everything. */
const MOST = 10_000
const KEYS_PER_STEP = 500
const RETRY_FIRST_MS = 500
const RETRY_LAST_MS = 5000

/** What failed deletions need of their cache. */
export interface FailedDeletionsSetting {
  readonly name: string
  readonly store: Store
  /** Deletions are pending for all caches of the place, and each of these carries them out. */
  readonly place: Place
  readonly events: Events
  /** Called when keys become hidden. `undefined`: any key may be. */
  readonly onHidden: (hides: ((key: string) => boolean) | undefined) => void
  readonly onFailed: (operation: string, key: undefined, error: unknown) => void
}

/** The name of the deletion of everything. */
const EVERYTHING = ''

/**
 * Deletions that the store did not carry out. For this process, the entries that they concern are missing until the deletion is done. When
 * the store answers again, the deletions begin before the first read that can be answered. Each one stands alone: one that fails again does
 * not delay the others. Other processes see the old values until then. If this process ends before, its deletions are lost. This class
 * stands above the `Store`, because only here the tags of an entry are known when it is read. The pending deletions are those of the place:
 * they concern all caches there, and whichever reaches Redis first carries them out.
 */
export class FailedDeletions {
  readonly #setting: FailedDeletionsSetting
  readonly #all: PendingDeletions
  readonly #trees: PendingDeletions
  readonly #tags: PendingDeletions
  readonly #keys: PendingDeletions
  #replaying: Promise<void> | undefined
  #retry: NodeJS.Timeout | undefined
  #retryMs = RETRY_FIRST_MS
  #closed = false

  constructor(setting: FailedDeletionsSetting) {
    const { store, place } = setting
    const { all, trees, tags, keys } = place.pending
    this.#setting = setting
    this.#all = new PendingDeletions(all, 1, () => store.clear())
    this.#trees = new PendingDeletions(trees, 1, ([tree]) => store.removeTree(tree as string))
    this.#tags = new PendingDeletions(tags, 1, ([tag]) => store.removeTag(tag as string))
    this.#keys = new PendingDeletions(keys, KEYS_PER_STEP, (some) => store.remove(some))
    setting.events.on('state', ({ up }) => {
      this.#retryMs = RETRY_FIRST_MS
      if (up) void this.#replayAll()
    })
  }

  /** Whether an entry counts as missing. */
  hides(key: string, tags: readonly string[] = []): boolean {
    if (this.#isEmpty) return false
    return (
      this.#all.size > 0 ||
      this.#keys.has(key) ||
      tags.some((tag) => this.#tags.has(tag)) ||
      this.#treesOf(key).length > 0
    )
  }

  /** Adds keys that could not be deleted or written: the older value may still be there. */
  addKeys(keys: readonly string[]): void {
    this.#add(this.#keys, keys)
  }

  /** Says that a deletion is pending that hides these keys, maybe one of another cache. `undefined`: it may hide any key. */
  hidden(hides: ((key: string) => boolean) | undefined): void {
    this.#setting.onHidden(hides)
    this.#retryLater()
  }

  /** Adds a deletion that failed. */
  add({ key, children, tag }: Omit<CacheEvents['delete'], 'count'>): void {
    if (tag !== undefined) this.#add(this.#tags, [tag])
    else if (key === undefined) this.#addAll()
    else this.#add(children ? this.#trees : this.#keys, [key])
  }

  /**
   * Carries out the deletions that concern any of these keys or tags, and no others, before the keys are written. Gives `undefined` when
   * there are none. Rejects when the store does not carry them out.
   */
  settle(keys: readonly string[], tags: readonly string[]): Promise<void> | undefined {
    if (this.#isEmpty) return undefined
    const isHidden = (): boolean => keys.some((key) => this.hides(key, tags))
    return isHidden() ? this.#settle(keys, tags, isHidden) : undefined
  }

  close(): void {
    this.#closed = true
    realTime.clearTimeout(this.#retry)
  }

  get #isEmpty(): boolean {
    return this.#all.size + this.#trees.size + this.#tags.size + this.#keys.size === 0
  }

  async #settle(keys: readonly string[], tags: readonly string[], isHidden: () => boolean): Promise<void> {
    if (this.#setting.store.backend().up) {
      await Promise.allSettled([
        this.#all.carryOut([EVERYTHING]),
        ...keys.flatMap((key) => this.#treesOf(key)).map((tree) => this.#trees.carryOut([tree])),
        ...tags.map((tag) => this.#tags.carryOut([tag])),
        this.#keys.carryOut(keys),
      ])
    }
    if (isHidden()) throw new Error('an earlier deletion is still to be carried out')
  }

  /** The pending deletions of trees that a key is in. */
  #treesOf(key: string): string[] {
    if (this.#trees.size === 0) return []
    const trees = this.#trees.has(key) ? [key] : []
    for (let end = key.indexOf('::'); end !== -1; end = key.indexOf('::', end + 1)) {
      const tree = key.slice(0, end)
      if (this.#trees.has(tree)) trees.push(tree)
    }
    return trees
  }

  #addAll(): void {
    for (const pending of [this.#keys, this.#trees, this.#tags]) pending.clear()
    this.#all.add(EVERYTHING)
    this.#hide(undefined)
  }

  #add(pending: PendingDeletions, names: readonly string[]): void {
    if (this.#all.size > 0) {
      this.#addAll()
      return
    }
    for (const name of names) pending.add(name)
    if (this.#keys.size + this.#trees.size + this.#tags.size > MOST) {
      process.emitWarning(
        `The cache ${quoted(this.#setting.name)} takes everything for missing: more than ${MOST} deletions could not be carried out. ` +
          'It is cleared as soon as its Redis answers',
        { code: 'KEYEDCACHE_DELETIONS' },
      )
      this.#addAll()
      return
    }
    this.#hide(pending === this.#tags ? undefined : (key) => this.hides(key))
  }

  #hide(hides: ((key: string) => boolean) | undefined): void {
    this.hidden(hides)
    for (const other of this.#setting.place.others) other.hide(hides)
  }

  #retryLater(): void {
    if (this.#closed || this.#retry !== undefined) return
    this.#retry = realTime
      .setTimeout(() => {
        this.#retry = undefined
        if (this.#setting.store.backend().up) void this.#replayAll()
        else if (!this.#isEmpty) this.#retryLater()
      }, this.#retryMs)
      .unref()
  }

  /** Carries out all deletions, one after the other. A deletion that fails is tried again later. Never rejects. */
  #replayAll(): Promise<void> {
    this.#replaying ??= this.#replay().finally(() => {
      this.#replaying = undefined
      if (!this.#isEmpty) this.#retryLater()
    })
    return this.#replaying
  }

  async #replay(): Promise<void> {
    const failures: unknown[] = []
    for (const pending of [this.#all, this.#trees, this.#tags, this.#keys]) {
      for (const names of pending.steps()) {
        if (this.#closed || !this.#setting.store.backend().up) return
        // eslint-disable-next-line no-await-in-loop -- one after the other; what is added meanwhile comes last
        await pending.carryOut(names).catch((error: unknown) => failures.push(error))
      }
    }
    if (failures.length > 0) this.#setting.onFailed('replay', undefined, failures[0])
    this.#retryMs = failures.length === 0 ? RETRY_FIRST_MS : Math.min(2 * this.#retryMs, RETRY_LAST_MS)
  }
}
