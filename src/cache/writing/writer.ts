import type { Store, Write } from '../../contract/store.js'
import type { Events } from '../../contract/events/events.js'
import type { FailedDeletions } from './failed-deletions.js'
import { groupOf } from '../../keys/key-tree.js'
import type { SetOptions } from '../../contract/cache.js'
import { SET_OPTIONS } from '../../contract/options/known-options.js'
import { checkOptions, checkTags, type Lifetime, lifetime } from '../../contract/options/option-checks.js'
import type { CallOrder } from '../order/call-order.js'
import type { KeyTurn } from '../order/key-turn.js'
import type { Fallback } from '../reading/fallback.js'
import type { NearTier } from '../reading/near-tier.js'
import { allOf } from '../../checks/all-of.js'
import type { EntryCodec } from '../../values/entry-codec.js'
import { quoted } from '../../checks/one-line.js'
import { reasonOf } from '../../checks/reason.js'
import { RateLimit } from '../../checks/rate-limit.js'
import { keptUntil } from '../../values/freshness.js'

/** At most this many groups get a warning, in all and per minute. So nobody can fill the log by choosing keys. */
const MOST_WARNED = 200
const MOST_WARNED_PER_MINUTE = 10

/** What writing needs of its cache. */
export interface WriterSetting {
  readonly store: Store
  readonly order: CallOrder
  readonly codec: EntryCodec
  readonly events: Events
  readonly deletions: FailedDeletions
  readonly near: NearTier | undefined
  readonly fallback: Fallback | undefined
  readonly maxValueBytes: number
  /** The default lifetime. */
  readonly lifetime: Lifetime
  /** Nothing is stored while this is false. */
  readonly isEnabled: () => boolean
  readonly onFailed: (operation: string, key: string | undefined, error: unknown) => void
}

/** Writes values to the store. If a value cannot be stored, no older value is left behind. */
export class Writer {
  readonly #setting: WriterSetting
  readonly #warned = new Set<string>()
  readonly #warnings = new RateLimit(MOST_WARNED_PER_MINUTE)

  constructor(setting: WriterSetting) {
    this.#setting = setting
  }

  /**
   * Stores values under full keys, and emits `set` for each. Gives for each whether it is stored now, or with a ttl of 0 whether it is
   * removed.
   * @throws {TypeError} at once, naming the option that is wrong, or the path of what cannot be stored.
   */
  write(
    values: readonly (readonly [key: string, value: unknown])[],
    options: SetOptions | undefined,
  ): Promise<readonly boolean[]> {
    const { near, fallback, order, isEnabled } = this.#setting
    const life = lifetime(checkOptions(options, 'set', SET_OPTIONS) ?? {}, this.#setting.lifetime)
    const tags = checkTags(options?.tags)
    const entries = this.#encodeAll(values, life, tags)
    if (!isEnabled()) return Promise.resolve(entries.map(() => false))
    const keys = values.map(([key]) => key)
    const write = order.beginWrite(keys, tags)
    near?.forget(keys)
    fallback?.forget(keys)
    write.stored = this.#inTurn(write, entries, life)
    return write.stored
  }

  /** Carries out a write when its turn has come. Of several that wait for one key, only the last is stored. */
  async #inTurn(write: KeyTurn, entries: readonly (Write | undefined)[], life: Lifetime): Promise<readonly boolean[]> {
    const { store, near, fallback, deletions, events, order, onFailed } = this.#setting
    const { keys, tags } = write
    const coming = write.come()
    // Wait only if there is something to wait for. Otherwise a later call could be sent before this write.
    if (coming !== undefined) {
      await coming
      // Reads that were called before have begun meanwhile.
      near?.forget(keys)
    }
    const own = write.isReplaced ? keys.filter((key) => write.storedLater(key) === undefined) : keys
    const kept: Write[] = []
    const gone: string[] = []
    const fits = entries.map((entry) => entry !== undefined && life.ttlMs > 0 && this.#fits(entry.key, entry.bytes))
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string
      if (own !== keys && write.storedLater(key) !== undefined) continue
      if (fits[i] === true) kept.push(entries[i] as Write)
      else gone.push(key)
    }
    const keepings = fallback === undefined ? [] : kept.map(({ key }) => fallback.begin(key))
    let stored: readonly (boolean | Promise<boolean>)[]
    try {
      const settled = deletions.settle(own, tags)
      if (settled !== undefined) await settled
      const compressed = this.#compress(kept)
      const packed = compressed instanceof Promise ? await compressed : compressed
      if (gone.length > 0) await store.remove(gone)
      const written = kept.length === 0 ? [] : await store.write(packed)
      for (const keeping of keepings) fallback?.end(keeping)
      let next = 0
      const isRemoved = life.ttlMs === 0
      stored =
        gone.length === 0 && own === keys
          ? written
          : keys.map((key, i) => write.storedLater(key) ?? (fits[i] === true ? written[next++] === true : isRemoved))
    } catch (error) {
      onFailed('set', keys.length === 1 ? keys[0] : undefined, error)
      deletions.addKeys(own)
      near?.forget(own)
      for (const [i, { bytes }] of kept.entries()) fallback?.end(keepings[i], bytes, life, tags)
      stored = keys.map((key) => write.storedLater(key) ?? false)
    } finally {
      near?.forget(own)
      order.end(write)
    }
    const all = write.isReplaced ? await allOf(stored) : (stored as readonly boolean[])
    for (let i = 0; i < keys.length; i++) {
      events.emit('set', { key: keys[i] as string, stored: all[i] === true && life.ttlMs > 0 })
    }
    return all
  }

  /**
   * Encodes the value of a factory. Gives `undefined` when it cannot be stored. That emits `error`, and warns once for each group of keys.
   */
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

  /**
   * The entries of all values; `undefined` for one that is too large to be encoded.
   * @throws {TypeError} naming the path of what cannot be stored.
   */
  #encodeAll(
    values: readonly (readonly [key: string, value: unknown])[],
    life: Lifetime,
    tags: readonly string[],
  ): (Write | undefined)[] {
    const { store, codec, onFailed } = this.#setting
    return values.map(([key, value]) => {
      // Taken before encoding, so that the index entry expires no later than the value. Lists then show no key that `get` cannot find.
      const expiresAt = keptUntil(store.now(key), life)
      try {
        return { key, bytes: codec.encode(key, value, life, undefined, tags), expiresAt, tags }
      } catch (error) {
        // Node itself limits the length of text and buffers; this is that `RangeError`.
        if (!(error instanceof RangeError)) throw error
        onFailed('set', key, error)
        return undefined
      }
    })
  }

  /** The entries as they are sent: compressed. */
  #compress(entries: readonly Write[]): readonly Write[] | Promise<readonly Write[]> {
    const packed = allOf(entries.map(({ bytes }) => this.#setting.codec.compress(bytes)))
    const withBytes = (all: readonly Buffer[]): Write[] =>
      entries.map((entry, i) => (all[i] === entry.bytes ? entry : { ...entry, bytes: all[i]! }))
    return packed instanceof Promise ? packed.then(withBytes) : withBytes(packed)
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

  /** @throws {RangeError} when there are more bytes than `maxValueBytes`. */
  #checkSize({ length }: Buffer): void {
    const { maxValueBytes } = this.#setting
    if (length <= maxValueBytes) return
    throw new RangeError(`${length} bytes are above \`maxValueBytes\`, which is ${maxValueBytes}`)
  }
}
