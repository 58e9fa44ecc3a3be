import { isError } from '../checks/is-error.js'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type Entry, EntryFormat, isNewer } from './entry.js'
import { freshness } from './freshness.js'
import type { Lifetime } from '../contract/options/option-checks.js'
import { defaultSerializer, type Serializer } from './serializer.js'
import { quoted } from '../checks/one-line.js'

/** A decoded value, and what is known of its entry. */
export interface KnownValue {
  readonly value: unknown
  readonly entry: Omit<Entry, 'isCompressed' | 'payload'>
  readonly state: 'fresh' | 'stale'
}

/** A decoded value and its entry. */
export interface Stored extends KnownValue {
  readonly bytes: Buffer
  readonly entry: Entry
  /** The serialized value, not compressed. */
  readonly payload: Buffer
}

/** The limits for compression. */
export interface CompressionBounds {
  /** Payloads of more bytes are compressed. */
  readonly compressAbove: number
  /** Payloads that would expand to more bytes than this count as missing. */
  readonly maxValueBytes: number
}

/** Encodes values as entries, and decodes them. */
export class EntryCodec {
  /** Whether decoded values are of the kinds that `copyValue` knows. */
  readonly areCopyable: boolean
  readonly #serializer: Serializer
  readonly #compression: CompressionBounds
  readonly #format: EntryFormat
  readonly #now: (key: string) => number
  readonly #onBad: (key: string, error: unknown) => void
  readonly #hides: (key: string, tags: readonly string[]) => boolean

  /**
   * `hides` says which entries count as missing, whatever is stored. `onBad` is called for each entry that does not check or does not
   * decode. Such an entry counts as missing too.
   */
  constructor(
    serializer: Serializer,
    compression: CompressionBounds,
    now: (key: string) => number,
    onBad: (key: string, error: unknown) => void,
    hides: (key: string, tags: readonly string[]) => boolean,
  ) {
    this.areCopyable = serializer === defaultSerializer
    this.#serializer = serializer
    this.#compression = compression
    this.#format = new EntryFormat(serializer)
    this.#now = now
    this.#onBad = onBad
    this.#hides = hides
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

  /** The bytes to send for an encoded entry: compressed if it is large enough and becomes smaller. For a large one, a promise. */
  compress(bytes: Buffer): Buffer | Promise<Buffer> {
    const packed = this.#format.compress(bytes, this.#compression.compressAbove)
    return packed instanceof Promise ? packed.catch(() => bytes) : packed
  }

  /** A copy of a value. A value that cannot be stored is given back itself. */
  copy(value: unknown): unknown {
    try {
      return this.#serializer.decode(this.#serializer.encode(value))
    } catch {
      return value
    }
  }

  /** What the header of an entry says, unchecked. */
  head(bytes: Buffer): ReturnType<EntryFormat['head']> {
    return this.#format.head(bytes)
  }

  /** The entry in these bytes, its value not decoded. `undefined` when it counts as missing. */
  entry(key: string, bytes: Buffer): Entry | undefined {
    const entry = this.#format.read(bytes)
    if (entry === undefined) {
      const what = isNewer(bytes) ? 'is of a later version' : 'does not check'
      return this.#bad(key, new Error(`the stored entry ${what}`))
    }
    return this.#hides(key, entry.tags) ? undefined : entry
  }

  /**
   * Whether what is stored under a key must not be replaced by a computed value. One reason: a deletion of it is still to be carried out.
   * The other: a process of a later version wrote it, and the two versions would overwrite each other in turns.
   */
  mustStay(key: string, bytes: Buffer | undefined): boolean {
    return this.#hides(key, []) || (bytes !== undefined && isNewer(bytes))
  }

  /** The value in these bytes, a new copy on every call, and whether it was fresh at `nowMs`. For a large compressed one, a promise. */
  decode(key: string, bytes: Buffer, nowMs: number = this.#now(key)): Stored | undefined | Promise<Stored | undefined> {
    const entry = this.entry(key, bytes)
    if (entry === undefined) return undefined
    try {
      const payload = this.#format.payload(entry, this.#compression.maxValueBytes)
      if (!(payload instanceof Promise)) return this.#stored(bytes, entry, payload, nowMs)
      return payload
        .then((expanded) => this.#stored(bytes, entry, expanded, nowMs))
        .catch((error: unknown) => this.#bad(key, error))
    } catch (error) {
      return this.#bad(key, error)
    }
  }

  /** The value in a payload that was decoded before, a new copy on every call. */
  again(key: string, payload: Buffer): { readonly value: unknown } | undefined {
    try {
      return { value: this.#serializer.decode(payload) }
    } catch (error) {
      return this.#bad(key, error)
    }
  }

  /**
   * The value in an entry that this process has encoded and not compressed, a new copy on every call. Deletions that are still to be
   * carried out do not hide it. Whether it is fresh is for the caller to say.
   */
  own(key: string, bytes: Buffer): Omit<KnownValue, 'state'> | undefined {
    const entry = this.#format.read(bytes)
    if (entry === undefined) return undefined
    const decoded = this.again(key, entry.payload)
    return decoded && { value: decoded.value, entry }
  }

  #stored(bytes: Buffer, entry: Entry, payload: Buffer, nowMs: number): Stored {
    return { value: this.#format.value(payload), bytes, entry, payload, state: freshness(entry, nowMs) }
  }

  #bad(key: string, error: unknown): undefined {
    this.#onBad(key, error)
    return undefined
  }
}

/** The error when a schema refuses a value, or throws. `undefined` when it accepts the value. */
export async function schemaError(
  schema: StandardSchemaV1 | undefined,
  key: string,
  value: unknown,
): Promise<Error | undefined> {
  if (schema === undefined) return undefined
  try {
    const { issues } = await schema['~standard'].validate(value)
    return issues === undefined ? undefined : refusal(key, issues)
  } catch (error) {
    return isError(error) ? error : new TypeError(`The schema of ${quoted(key)} failed`, { cause: error })
  }
}

function refusal(key: string, issues: readonly StandardSchemaV1.Issue[]): TypeError {
  const messages = issues.map(({ message }) => message).join('; ')
  return new TypeError(`The value of ${quoted(key)} is not as its schema says: ${messages}`, { cause: issues })
}
