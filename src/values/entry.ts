import { types } from 'node:util'
import { crc32 } from 'node:zlib'
import { compress, expand } from './compression.js'
import { kindOf } from '../checks/kind.js'
import type { Serializer } from './serializer.js'
import { show } from '../checks/show.js'

/** One stored value and its metadata. Times are ms since 1970 on the store's clock. */
export interface Entry {
  /** When the value becomes stale. `Infinity`: never. */
  readonly expiresAt: number
  /** When the value was stored. */
  readonly createdAt: number
  /** Whether the value may be served after its ttl, until the store drops it. */
  readonly hasGrace: boolean
  /** How long it took to compute; `undefined` when that is not known. */
  readonly computeMs: number | undefined
  /** The tags under which `deleteTag` finds it. */
  readonly tags: readonly string[]
  /** Whether the payload is compressed. */
  readonly isCompressed: boolean
  /** The serialized value: a view of the bytes that were read. */
  readonly payload: Buffer
}

/** The first byte of an entry. A later version has a greater one, with the same upper half. */
export const MAGIC_AND_VERSION = 0xe1
/** The size of the header, in bytes. */
export const HEADER_BYTES = 18
/** The size of the checksum at the end, in bytes. The checksum tells one entry from another. */
export const CHECKSUM_BYTES = 4
/** The CRC-32 of any data followed by its own CRC-32, lowest byte first. */
const RESIDUE = 0x21_44_df_1c

const IS_COMPRESSED = 0b1
/** The flag, in the second byte, for tags after the header. */
export const HAS_TAGS = 0b10
const HAS_GRACE = 0b100

const NEVER = 2 ** 48 - 1
const UNKNOWN = 2 ** 32 - 1
const MAX_UINT16 = 2 ** 16 - 1
const NO_TAGS: readonly string[] = Object.freeze([])

/** Whether bytes are an entry of a later version. Other processes write such entries during an upgrade. */
export function isNewer(bytes: Buffer): boolean {
  const first = bytes[0] ?? 0
  return first > MAGIC_AND_VERSION && first >> 4 === MAGIC_AND_VERSION >> 4
}

/**
 * The byte format of entries: a header of 18 bytes, tags if there are any, the serialized value, and a checksum of all that. The checksum
 * is at the end, as the frame check sequence of Ethernet (IEEE 802.3) is, so that one pass over all bytes checks them.
 */
export class EntryFormat {
  readonly #serializer: Serializer
  readonly #seed: number

  constructor(serializer: Serializer) {
    this.#serializer = serializer
    // The seed makes the check of an entry fail if another serializer wrote it.
    this.#seed = crc32(serializer.name)
  }

  /**
   * The bytes of an entry. Times are rounded up to whole milliseconds, so that the time between them stays the same.
   * @throws {TypeError} naming the path of what the serializer cannot hold, or the tag that is too long.
   */
  encode(value: unknown, meta: Omit<Entry, 'payload' | 'isCompressed'>): Buffer {
    const { expiresAt, createdAt, hasGrace, computeMs, tags } = meta
    const payload = this.#serializer.encode(value)
    if (!types.isUint8Array(payload)) {
      throw new TypeError(
        `Expected serializer ${show(this.#serializer.name)} to encode to a Buffer, got ${kindOf(payload)}`,
      )
    }
    const payloadOffset = HEADER_BYTES + tagsLength(tags)
    const bytes = Buffer.allocUnsafe(payloadOffset + payload.length + CHECKSUM_BYTES)
    bytes[0] = MAGIC_AND_VERSION
    bytes[1] = (tags.length > 0 ? HAS_TAGS : 0) | (hasGrace ? HAS_GRACE : 0)
    bytes.writeUIntBE(expiresAt === Infinity ? NEVER : clamp(Math.ceil(expiresAt), NEVER - 1), 2, 6)
    bytes.writeUIntBE(clamp(Math.ceil(createdAt), NEVER), 8, 6)
    bytes.writeUInt32BE(computeMs === undefined ? UNKNOWN : clamp(Math.round(computeMs), UNKNOWN - 1), 14)
    if (tags.length > 0) writeTags(bytes, tags)
    bytes.set(payload, payloadOffset)
    return this.#signed(bytes)
  }

  /** The entry in these bytes, its value not yet decoded. `undefined` when they do not check. The bytes may be anything. */
  read(bytes: Buffer): Entry | undefined {
    const end = bytes.length - CHECKSUM_BYTES
    if (end < HEADER_BYTES || bytes[0] !== MAGIC_AND_VERSION) return undefined
    const flags = byte(bytes, 1)
    if ((flags & ~(IS_COMPRESSED | HAS_TAGS | HAS_GRACE)) !== 0) return undefined
    if (crc32(bytes, this.#seed) !== RESIDUE) return undefined
    const tagged = hasTags(bytes) ? readTags(bytes, end) : undefined
    if (tagged === undefined && hasTags(bytes)) return undefined
    return {
      expiresAt: expiryOf(bytes),
      createdAt: uint48(bytes, 8),
      hasGrace: (flags & HAS_GRACE) !== 0,
      computeMs: computeMsOf(bytes),
      tags: tagged?.tags ?? NO_TAGS,
      isCompressed: (flags & IS_COMPRESSED) !== 0,
      payload: bytes.subarray(tagged?.end ?? HEADER_BYTES, end),
    }
  }

  /** Reads the first `HEADER_BYTES` of an entry. `undefined` when they are not a header. There is no check, so this is for looking only. */
  head(bytes: Buffer): Pick<Entry, 'expiresAt' | 'createdAt' | 'computeMs'> | undefined {
    if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC_AND_VERSION) return undefined
    return {
      expiresAt: expiryOf(bytes),
      createdAt: uint48(bytes, 8),
      computeMs: computeMsOf(bytes),
    }
  }

  /**
   * The same entry with its payload compressed. The bytes are given back unchanged if the payload has at most `above` bytes, or would not
   * be smaller. For a large payload, a promise.
   */
  compress(bytes: Buffer, above: number): Buffer | Promise<Buffer> {
    const end = bytes.length - CHECKSUM_BYTES
    if (end - HEADER_BYTES <= above) return bytes
    const payloadOffset = hasTags(bytes) ? (readTags(bytes, end)?.end ?? end) : HEADER_BYTES
    if (end - payloadOffset <= above) return bytes
    const packed = compress(bytes.subarray(payloadOffset, end))
    if (packed instanceof Promise) return packed.then((payload) => this.#withCompressed(bytes, payloadOffset, payload))
    return this.#withCompressed(bytes, payloadOffset, packed)
  }

  /**
   * The payload of an entry as the serializer made it. For a large compressed one, a promise.
   * @throws {Error} when it cannot be expanded, or to more than `maxBytes`. The promise rejects with it.
   */
  payload({ payload, isCompressed }: Entry, maxBytes: number): Buffer | Promise<Buffer> {
    return isCompressed ? expand(payload, maxBytes) : payload
  }

  /** The value in a payload, new on every call. @throws {Error} when it does not decode; the entry then counts as missing. */
  value(payload: Buffer): unknown {
    return this.#serializer.decode(payload)
  }

  #withCompressed(bytes: Buffer, payloadOffset: number, compressed: Buffer | undefined): Buffer {
    if (compressed === undefined) return bytes
    const packed = Buffer.concat([bytes.subarray(0, payloadOffset), compressed, Buffer.alloc(CHECKSUM_BYTES)])
    packed.writeUInt8(packed.readUInt8(1) | IS_COMPRESSED, 1)
    return this.#signed(packed)
  }

  /** Writes the checksum into the last bytes. Gives the same buffer. */
  #signed(bytes: Buffer): Buffer {
    const end = bytes.length - CHECKSUM_BYTES
    bytes.writeUInt32LE(crc32(bytes.subarray(0, end), this.#seed), end)
    return bytes
  }
}

/** As `readUInt32BE`, without its checks, because the bytes are known to be there. With them a hit takes a tenth longer to decode. */
function uint32(bytes: Buffer, at: number): number {
  return byte(bytes, at) * 2 ** 24 + ((byte(bytes, at + 1) << 16) | (byte(bytes, at + 2) << 8) | byte(bytes, at + 3))
}

function uint48(bytes: Buffer, at: number): number {
  return ((byte(bytes, at) << 8) | byte(bytes, at + 1)) * 2 ** 32 + uint32(bytes, at + 2)
}

function byte(bytes: Buffer, at: number): number {
  return bytes[at] as number
}

function expiryOf(bytes: Buffer): number {
  const expiresAt = uint48(bytes, 2)
  return expiresAt === NEVER ? Infinity : expiresAt
}

function computeMsOf(bytes: Buffer): number | undefined {
  const computeMs = uint32(bytes, 14)
  return computeMs === UNKNOWN ? undefined : computeMs
}

function hasTags(bytes: Buffer): boolean {
  return (byte(bytes, 1) & HAS_TAGS) !== 0
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

/** The tags before the payload, and where the payload begins. `undefined` if they go beyond `limit`. */
function readTags(bytes: Buffer, limit: number): { tags: string[]; end: number } | undefined {
  if (limit < HEADER_BYTES + 2) return undefined
  const count = bytes.readUInt16BE(HEADER_BYTES)
  const tags: string[] = []
  let at = HEADER_BYTES + 2
  for (let i = 0; i < count; i++) {
    const start = at + 2
    if (start > limit) return undefined
    at = start + bytes.readUInt16BE(at)
    if (at > limit) return undefined
    tags.push(bytes.toString('utf8', start, at))
  }
  return { tags, end: at }
}
