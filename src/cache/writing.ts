import type { Store } from '../stores/store.js'
import type { Events } from './events.js'
import { groupOf } from './key-tree.js'
import type { Lifetime } from './options.js'
import type { Values } from './values.js'

/** What writing needs of its cache. */
export interface WritingSetting {
  readonly store: Store
  readonly values: Values
  readonly events: Events
  readonly maxValueBytes: number
  readonly onFailed: (operation: string, key: string | undefined, error: unknown) => void
}

/** Values on their way into the store. What cannot be stored leaves no older value behind. */
export class Writing {
  readonly #setting: WritingSetting
  readonly #warned = new Set<string>()

  constructor(setting: WritingSetting) {
    this.#setting = setting
  }

  /**
   * Stores values under full keys. Gives for each whether it is stored now.
   * @throws {TypeError} naming the path of what cannot be stored, before anything is.
   */
  async write(
    values: readonly (readonly [key: string, value: unknown])[],
    life: Lifetime,
    tags: readonly string[],
  ): Promise<boolean[]> {
    const { store, onFailed } = this.#setting
    const entries = this.encodeAll(values, life, tags)
    const fits = entries.map(({ key, bytes }) => life.ttlMs > 0 && this.#fits(key, bytes))
    const kept = entries.filter((_entry, i) => fits[i])
    const gone = entries.filter((_entry, i) => !fits[i]).map(({ key }) => key)
    try {
      if (gone.length > 0) await store.remove(gone)
      const stored =
        kept.length === 0
          ? []
          : await store.write(
              kept.map((entry) => ({ ...entry, tags, expiresAt: store.now(entry.key) + life.ttlMs + life.graceMs })),
            )
      let next = 0
      return fits.map((each) => (each ? stored[next++] === true : life.ttlMs === 0))
    } catch (error) {
      onFailed('set', entries.length === 1 ? entries[0]?.key : undefined, error)
      return entries.map(() => false)
    }
  }

  /** The bytes of all values. @throws {TypeError} naming the path of what cannot be stored. */
  encodeAll(
    values: readonly (readonly [key: string, value: unknown])[],
    life: Lifetime,
    tags: readonly string[],
  ): { key: string; bytes: Buffer }[] {
    return values.map(([key, value]) => ({
      key,
      bytes: this.#setting.values.encode(key, value, life, undefined, tags),
    }))
  }

  /** The bytes of what a factory gave; `undefined` for what cannot be stored, told once for each group of keys. */
  encodeComputed(
    key: string,
    value: unknown,
    life: Lifetime,
    computeMs: number,
    tags: readonly string[],
  ): Buffer | undefined {
    try {
      const bytes = this.#setting.values.encode(key, value, life, computeMs, tags)
      return this.#fits(key, bytes) ? bytes : undefined
    } catch (error) {
      const group = groupOf(key)
      if (!this.#warned.has(group)) {
        this.#warned.add(group)
        process.emitWarning(`The value of ${JSON.stringify(key)} is not cached: ${String(error)}`, {
          code: 'KEYEDCACHE_NOT_STORED',
        })
      }
      return undefined
    }
  }

  #fits(key: string, { length }: Buffer): boolean {
    const { maxValueBytes, onFailed } = this.#setting
    if (length <= maxValueBytes) return true
    onFailed('set', key, new RangeError(`${length} bytes are above \`maxValueBytes\`, which is ${maxValueBytes}`))
    return false
  }
}
