import { crc32 } from 'node:zlib'
import type { Serializer } from './serializer.js'
import { show } from './show.js'

/** One stored value with what is known of it. Times are ms since 1970 on the store's clock. */
export interface Entry {
  /** From when on the value is stale. `Infinity`: never. */
  readonly expiresAt: number
  /** When the value was stored. */
  readonly createdAt: number
  /** Whether the value may serve past its ttl, until the store drops it. */
  readonly hasGrace: boolean
  /** How long it took to compute; `undefined` when that is not known. */
  readonly computeMs: number | undefined
  /** The tags under which `deleteTag` finds it. */
  readonly tags: readonly string[]
  /** The serialized value: a view of the bytes that were read. */
  readonly payload: Buffer
}

const MAGIC_AND_VERSION = 0xe1
const HEADER_BYTES = 22
const CRC_OFFSET = 18

// Bit 0 is kept for a compressed payload.
const HAS_TAGS = 0b10
const HAS_GRACE = 0b100

const NEVER = 2 ** 48 - 1
const UNKNOWN = 2 ** 32 - 1
const MAX_UINT16 = 2 ** 16 - 1

/** How entries are written as bytes: a header of 22 bytes with a checksum, tags if there are any, the serialized value. */
export class EntryFormat {
  readonly #serializer: Serializer
  readonly #seed: number

  constructor(serializer: Serializer) {
    this.#serializer = serializer
    // So an entry that another serializer wrote does not check.
    this.#seed = crc32(serializer.name)
  }

  /**
   * The bytes of an entry. Fractions of a millisecond are rounded, of `expiresAt` up.
   * @throws {TypeError} naming the path of what the serializer cannot hold, or the tag that is too long.
   */
  encode(value: unknown, meta: Omit<Entry, 'payload'>): Buffer {
    const { expiresAt, createdAt, hasGrace, computeMs, tags } = meta
    const payload = this.#serializer.encode(value)
    if (!(payload instanceof Uint8Array)) {
      throw new TypeError(
        `Expected serializer ${show(this.#serializer.name)} to encode to a Buffer, got ${show(payload)}`,
      )
    }
    const payloadOffset = HEADER_BYTES + tagsLength(tags)
    const bytes = Buffer.allocUnsafe(payloadOffset + payload.length)
    bytes[0] = MAGIC_AND_VERSION
    bytes[1] = (tags.length > 0 ? HAS_TAGS : 0) | (hasGrace ? HAS_GRACE : 0)
    bytes.writeUIntBE(expiresAt === Infinity ? NEVER : clamp(Math.ceil(expiresAt), NEVER - 1), 2, 6)
    bytes.writeUIntBE(clamp(Math.round(createdAt), NEVER), 8, 6)
    bytes.writeUInt32BE(computeMs === undefined ? UNKNOWN : clamp(Math.round(computeMs), UNKNOWN - 1), 14)
    if (tags.length > 0) writeTags(bytes, tags)
    bytes.set(payload, payloadOffset)
    bytes.writeUInt32BE(this.#checksum(bytes), CRC_OFFSET)
    return bytes
  }

  /** The entry that the bytes hold, its value not yet decoded; `undefined` when they do not check, whatever they are. */
  read(bytes: Buffer): Entry | undefined {
    if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC_AND_VERSION) return undefined
    const flags = bytes.readUInt8(1)
    if ((flags & ~(HAS_TAGS | HAS_GRACE)) !== 0) return undefined
    if (bytes.readUInt32BE(CRC_OFFSET) !== this.#checksum(bytes)) return undefined
    const tagged = (flags & HAS_TAGS) !== 0 ? readTags(bytes) : { tags: [], end: HEADER_BYTES }
    if (tagged === undefined) return undefined
    const expiresAt = bytes.readUIntBE(2, 6)
    const computeMs = bytes.readUInt32BE(14)
    return {
      expiresAt: expiresAt === NEVER ? Infinity : expiresAt,
      createdAt: bytes.readUIntBE(8, 6),
      hasGrace: (flags & HAS_GRACE) !== 0,
      computeMs: computeMs === UNKNOWN ? undefined : computeMs,
      tags: tagged.tags,
      payload: bytes.subarray(tagged.end),
    }
  }

  /** The value of an entry, fresh on every call. @throws {Error} when it does not decode; the entry then counts as missing. */
  value(entry: Entry): unknown {
    return this.#serializer.decode(entry.payload)
  }

  #checksum(bytes: Buffer): number {
    const head = crc32(bytes.subarray(0, CRC_OFFSET), this.#seed)
    return crc32(bytes.subarray(HEADER_BYTES), head)
  }
}

function clamp(ms: number, max: number): number {
  return Math.min(Math.max(ms, 0), max)
}

function tagsLength(tags: readonly string[]): number {
  if (tags.length === 0) return 0
  if (tags.length > MAX_UINT16)
    throw new TypeError(`Expected \`tags\` to be at most ${MAX_UINT16} tags, got ${tags.length}`)
  let length = 2
  for (const [i, tag] of tags.entries()) {
    const tagLength = Buffer.byteLength(tag)
    if (tagLength > MAX_UINT16) {
      throw new TypeError(`Expected \`tags[${i}]\` to be at most ${MAX_UINT16} bytes, got ${tagLength}: ${show(tag)}`)
    }
    length += 2 + tagLength
  }
  return length
}

function writeTags(bytes: Buffer, tags: readonly string[]): void {
  let at = bytes.writeUInt16BE(tags.length, HEADER_BYTES)
  for (const tag of tags) {
    const length = bytes.write(tag, at + 2)
    bytes.writeUInt16BE(length, at)
    at += 2 + length
  }
}

function readTags(bytes: Buffer): { tags: string[]; end: number } | undefined {
  if (bytes.length < HEADER_BYTES + 2) return undefined
  const count = bytes.readUInt16BE(HEADER_BYTES)
  const tags: string[] = []
  let at = HEADER_BYTES + 2
  for (let i = 0; i < count; i++) {
    if (at + 2 > bytes.length) return undefined
    const start = at + 2
    at = start + bytes.readUInt16BE(at)
    if (at > bytes.length) return undefined
    tags.push(bytes.toString('utf8', start, at))
  }
  return { tags, end: at }
}
