import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Entry, EntryFormat } from './entry.js'
import { freshness } from './freshness.js'
import type { Lifetime } from './options.js'
import type { Serializer } from './serializer.js'

/** A value with what is known of the entry that holds it. */
export interface Stored {
  readonly value: unknown
  readonly bytes: Buffer
  readonly entry: Entry
  readonly state: 'fresh' | 'stale'
}

/** Values as entries, and back. */
export class Values {
  readonly #serializer: Serializer
  readonly #format: EntryFormat
  readonly #now: (key: string) => number
  readonly #onBad: (key: string, error: unknown) => void

  /** `onBad` is told of what does not check or does not decode, which is as good as missing. */
  constructor(serializer: Serializer, now: (key: string) => number, onBad: (key: string, error: unknown) => void) {
    this.#serializer = serializer
    this.#format = new EntryFormat(serializer)
    this.#now = now
    this.#onBad = onBad
  }

  /** @throws {TypeError} naming the path of what cannot be stored. */
  encode(
    key: string,
    value: unknown,
    { ttlMs, graceMs }: Lifetime,
    computeMs: number | undefined,
    tags: readonly string[],
  ): Buffer {
    const createdAt = this.#now(key)
    const hasGrace = graceMs > 0
    return this.#format.encode(value, { expiresAt: createdAt + ttlMs, createdAt, hasGrace, computeMs, tags })
  }

  /** A copy of a value; what cannot be stored is given back itself. */
  copy(value: unknown): unknown {
    try {
      return this.#serializer.decode(this.#serializer.encode(value))
    } catch {
      return value
    }
  }

  /** The entry in these bytes, its value not decoded. */
  entry(key: string, bytes: Buffer): Entry | undefined {
    const entry = this.#format.read(bytes)
    if (entry === undefined) this.#onBad(key, new Error('the stored entry does not check'))
    return entry
  }

  /** The value in these bytes, a fresh copy on every call. */
  decode(key: string, bytes: Buffer): Stored | undefined {
    const entry = this.entry(key, bytes)
    if (entry === undefined) return undefined
    try {
      return { value: this.#format.value(entry), bytes, entry, state: freshness(entry, this.#now(key)) }
    } catch (error) {
      this.#onBad(key, error)
      return undefined
    }
  }
}

/** What a schema has against a value; `undefined` when it has nothing against it. */
export async function schemaError(
  schema: StandardSchemaV1 | undefined,
  key: string,
  value: unknown,
): Promise<TypeError | undefined> {
  if (schema === undefined) return undefined
  const { issues } = await schema['~standard'].validate(value)
  if (issues === undefined) return undefined
  const messages = issues.map(({ message }) => message).join('; ')
  return new TypeError(`The value of ${JSON.stringify(key)} is not as its schema says: ${messages}`, { cause: issues })
}
