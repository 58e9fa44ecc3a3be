import { groupOf } from '../../../keys/key-tree.js'

/** A value of more bytes is large: it is asked for alone. */
export const LARGE_BYTES: number = 2 ** 16
/** What a value is assumed to have when nothing is known of its group. Many such values at once do no harm. */
export const UNKNOWN_BYTES: number = 2 ** 13
/** The most large values and groups that are remembered. */
const MOST_LARGE = 2000
const MOST_GROUPS = 1000
/** How many values of one answer are looked at for the average sizes. */
const SAMPLES = 16
/** How much one value counts for the average of its group: more if it is larger, because that does more harm. */
const RISE = 0.2
const FALL = 0.02

/** How large values were when they were last read: each large one, and the average of each group of keys. */
export class ValueSizes {
  readonly #large = new Map<string, number>()
  readonly #averages = new Map<string, number>()

  /** Whether no large value is known. */
  get isEmpty(): boolean {
    return this.#large.size === 0
  }

  /** The size of a value, if it is known to be large. */
  largeOf(key: string): number | undefined {
    return this.#large.get(key)
  }

  /** The size that a value probably has. */
  expect(key: string): number {
    return this.#large.get(key) ?? this.#averages.get(groupOf(key)) ?? UNKNOWN_BYTES
  }

  /** Notes the size of one value, if it is large or was. */
  note(key: string, bytes: number): void {
    this.#large.delete(key)
    if (bytes > LARGE_BYTES) remember(this.#large, key, bytes, MOST_LARGE)
  }

  /** Notes the sizes of the values of one answer. */
  noteAll(keys: readonly string[], values: readonly (Buffer | null)[]): void {
    const step = Math.ceil(keys.length / SAMPLES)
    for (let i = 0; i < keys.length; i++) {
      const bytes = values[i]?.length ?? 0
      const key = keys[i] as string
      if (bytes > LARGE_BYTES) this.note(key, bytes)
      if (i % step === 0) this.#noteAverage(groupOf(key), bytes)
    }
  }

  #noteAverage(group: string, bytes: number): void {
    const known = this.#averages.get(group)
    const next = known === undefined ? bytes : known + (bytes > known ? RISE : FALL) * (bytes - known)
    remember(this.#averages, group, next, MOST_GROUPS)
  }
}

/** Sets an entry of a map. If it is new and there are too many, the oldest one goes. */
function remember(map: Map<string, number>, name: string, bytes: number, most: number): void {
  if (map.size >= most && !map.has(name)) map.delete(map.keys().next().value as string)
  map.set(name, bytes)
}
