import type { Store, Write } from '../../contract/store.js'
import type { Events } from '../../contract/events/events.js'
import type { FailedDeletions } from './failed-deletions.js'
import { groupOf } from '../../keys/key-tree.js'
import type { SetOptions } from '../../contract/cache.js'
import { SET_OPTIONS } from '../../contract/options/known-options.js'
import { checkOptions, checkTags, type Lifetime, lifetime } from '../../contract/options/option-checks.js'
import type { NearTier } from '../reading/near-tier.js'
import { allOf } from '../../checks/all-of.js'
import type { EntryCodec } from '../../values/entry-codec.js'
import { quoted } from '../../checks/one-line.js'
import { reasonOf } from '../../checks/reason.js'
import { RateLimit } from '../../checks/rate-limit.js'
import { keptUntil } from '../../values/freshness.js'

/** So many groups are warned of, and in one minute: who chooses keys is not to fill the log. */
const MOST_WARNED = 200
const MOST_WARNED_PER_MINUTE = 10

/** What writing needs of its cache. */
export interface WriterSetting {
  readonly store: Store
  readonly codec: EntryCodec
  readonly events: Events
  readonly deletions: FailedDeletions
  readonly near: NearTier | undefined
  readonly maxValueBytes: number
  /** That of values whose options say nothing else. */
  readonly lifetime: Lifetime
  /** While it is not, nothing is stored. */
  readonly isEnabled: () => boolean
  readonly onFailed: (operation: string, key: string | undefined, error: unknown) => void
}

/** Values on their way into the store. What cannot be stored leaves no older value behind. */
export class Writer {
  readonly #setting: WriterSetting
  readonly #warned = new Set<string>()
  readonly #warnings = new RateLimit(MOST_WARNED_PER_MINUTE)
  /** Entries that are being compressed, by key: what is written or removed later waits for them. */
  readonly #compressing = new Map<string, Promise<unknown>>()

  constructor(setting: WriterSetting) {
    this.#setting = setting
  }

  /**
   * Stores values under full keys. Gives for each whether it is stored now, and tells of it.
   * @throws {TypeError} naming the option that is wrong, or the path of what cannot be stored, before anything is.
   */
  async write(
    values: readonly (readonly [key: string, value: unknown])[],
    options: SetOptions | undefined,
  ): Promise<boolean[]> {
    const { store, near, deletions, events, isEnabled, onFailed } = this.#setting
    const life = lifetime(checkOptions(options, 'set', SET_OPTIONS) ?? {}, this.#setting.lifetime)
    const tags = checkTags(options?.tags)
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
      const bytes = this.#setting.codec.encode(key, value, life, computeMs, tags)
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
    if (this.#warned.has(group) || this.#warned.size === MOST_WARNED || !this.#warnings.take()) return
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
    const { store, codec, onFailed } = this.#setting
    return values.map(([key, value]) => {
      // Before the header is written, which says when the value is stale: what `get` no longer finds is not listed either.
      const expiresAt = keptUntil(store.now(key), life)
      try {
        return { key, bytes: codec.encode(key, value, life, undefined, tags), expiresAt, tags }
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
    const packed = allOf(entries.map(({ bytes }) => this.#setting.codec.compress(bytes)))
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
