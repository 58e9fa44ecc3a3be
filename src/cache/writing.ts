import type { Store, Write } from '../stores/store.js'
import type { Events } from './events.js'
import type { FailedDeletions } from './failed-deletions.js'
import { groupOf } from './key-tree.js'
import type { Lifetime } from './options.js'
import type { Near } from './near.js'
import { promised } from './promised.js'
import type { Values } from './values.js'
import { quoted } from './one-line.js'
import { reasonOf } from './reason.js'

/** So many groups are warned of: who chooses keys is not to fill the log. */
const MOST_WARNED = 200

/** What writing needs of its cache. */
export interface WritingSetting {
  readonly store: Store
  readonly values: Values
  readonly events: Events
  readonly deletions: FailedDeletions
  readonly near: Near | undefined
  readonly maxValueBytes: number
  /** While it is not, nothing is stored. */
  readonly isEnabled: () => boolean
  readonly onFailed: (operation: string, key: string | undefined, error: unknown) => void
}

/** Values on their way into the store. What cannot be stored leaves no older value behind. */
export class Writing {
  readonly #setting: WritingSetting
  readonly #warned = new Set<string>()
  /** Entries that are being compressed, by key: what is written or removed later waits for them. */
  readonly #compressing = new Map<string, Promise<unknown>>()

  constructor(setting: WritingSetting) {
    this.#setting = setting
  }

  /**
   * Stores values under full keys. Gives for each whether it is stored now, and tells of it.
   * @throws {TypeError} naming the path of what cannot be stored, before anything is.
   */
  async write(
    values: readonly (readonly [key: string, value: unknown])[],
    life: Lifetime,
    tags: readonly string[],
  ): Promise<boolean[]> {
    const { store, near, deletions, events, isEnabled, onFailed } = this.#setting
    const entries = this.#encodeAll(values, life, tags)
    if (!isEnabled()) return entries.map(() => false)
    const keys = values.map(([key]) => key)
    const kept: Write[] = []
    const gone: string[] = []
    const fits = entries.map((entry) => entry !== undefined && life.ttlMs > 0 && this.#fits(entry.key, entry.bytes))
    for (const [i, key] of keys.entries()) {
      if (fits[i] === true) kept.push(entries[i] as Write)
      else gone.push(key)
    }
    let stored: boolean[]
    try {
      const settled = deletions.settle(keys, tags)
      // Else what is written goes out at once, before what is deleted after it.
      if (settled !== undefined) await settled
      const compressed = this.#compress(kept, this.compressing(keys))
      const packed = compressed instanceof Promise ? await compressed : compressed
      near?.forget(keys)
      if (gone.length > 0) await store.remove(gone)
      const written = kept.length === 0 ? [] : await store.write(packed)
      let next = 0
      stored = fits.map((each) => (each ? written[next++] === true : life.ttlMs === 0))
    } catch (error) {
      onFailed('set', keys.length === 1 ? keys[0] : undefined, error)
      deletions.addKeys(keys)
      stored = entries.map(() => false)
    } finally {
      near?.forget(keys)
    }
    for (const [i, key] of keys.entries()) events.emit('set', { key, stored: stored[i] === true && life.ttlMs > 0 })
    return stored
  }

  /** Settles when what is being compressed under these keys (or any) is on its way; `undefined` where nothing is. */
  compressing(keys?: readonly string[]): Promise<unknown> | undefined {
    if (this.#compressing.size === 0) return undefined
    const concerned =
      keys === undefined ? [...this.#compressing.values()] : keys.flatMap((key) => this.#compressing.get(key) ?? [])
    return concerned.length === 0 ? undefined : Promise.all(concerned)
  }

  /** The bytes of what a factory gave; `undefined` for what cannot be stored, which is told, and warned of once for each group of keys. */
  encodeComputed(
    key: string,
    value: unknown,
    life: Lifetime,
    computeMs: number,
    tags: readonly string[],
  ): Buffer | undefined {
    try {
      const bytes = this.#setting.values.encode(key, value, life, computeMs, tags)
      this.#checkSize(bytes)
      return bytes
    } catch (error) {
      this.#setting.onFailed('set', key, error)
      this.#warnOnce(key, error)
      return undefined
    }
  }

  #warnOnce(key: string, error: unknown): void {
    const group = groupOf(key)
    if (this.#warned.has(group) || this.#warned.size === MOST_WARNED) return
    this.#warned.add(group)
    process.emitWarning(
      `The value of ${quoted(key)} is not stored, so it is computed again on every call: ${reasonOf(error)}`,
      { code: 'KEYEDCACHE_NOT_STORED' },
    )
  }

  /** The entries of all values; none for one that is too large to be encoded. @throws {TypeError} naming the path of what cannot be stored. */
  #encodeAll(
    values: readonly (readonly [key: string, value: unknown])[],
    life: Lifetime,
    tags: readonly string[],
  ): (Write | undefined)[] {
    const { store, values: format, onFailed } = this.#setting
    return values.map(([key, value]) => {
      // Before the header is written, which says when the value is stale: what `get` no longer finds is not listed either.
      const expiresAt = store.now(key) + life.ttlMs + life.graceMs
      try {
        return { key, bytes: format.encode(key, value, life, undefined, tags), expiresAt, tags }
      } catch (error) {
        // Text and buffers have a longest length, whatever `maxValueBytes` is.
        if (!(error instanceof RangeError)) throw error
        onFailed('set', key, error)
        return undefined
      }
    })
  }

  /** The entries as they are sent, after those `earlier`. */
  #compress(
    entries: readonly Write[],
    earlier: Promise<unknown> | undefined,
  ): readonly Write[] | Promise<readonly Write[]> {
    const packed = promised(entries.map(({ bytes }) => this.#setting.values.compress(bytes)))
    const withBytes = (all: readonly Buffer[]): Write[] =>
      entries.map((entry, i) => (all[i] === entry.bytes ? entry : { ...entry, bytes: all[i]! }))
    if (earlier === undefined && !(packed instanceof Promise)) return withBytes(packed)
    const sent = Promise.all([Promise.resolve(packed), Promise.resolve(earlier)]).then(([all]) => {
      for (const { key } of entries) if (this.#compressing.get(key) === sent) this.#compressing.delete(key)
      return withBytes(all)
    })
    for (const { key } of entries) this.#compressing.set(key, sent)
    return sent
  }

  #fits(key: string, bytes: Buffer): boolean {
    try {
      this.#checkSize(bytes)
      return true
    } catch (error) {
      this.#setting.onFailed('set', key, error)
      return false
    }
  }

  /** @throws {RangeError} when they are too many. */
  #checkSize({ length }: Buffer): void {
    const { maxValueBytes } = this.#setting
    if (length <= maxValueBytes) return
    throw new RangeError(`${length} bytes are above \`maxValueBytes\`, which is ${maxValueBytes}`)
  }
}
