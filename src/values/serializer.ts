import { parseJson } from './json.js'
import { isPlain } from './plain-value.js'
import { TaggedReader } from './tagged-reader.js'
import { TaggedWriter } from './tagged-writer.js'

/** Turns values into bytes and back. */
export interface Serializer {
  /** Identifies the serializer. An entry that was written under another name is a miss. */
  readonly name: string
  /** The bytes of a value. @throws {TypeError} naming the path of what it cannot hold. */
  encode(value: unknown): Buffer
  /**
   * A new value that shares no memory with the bytes, nor with any value decoded before.
   * @throws {Error} when the bytes do not decode; the entry then counts as missing.
   */
  decode(bytes: Buffer): unknown
}

/** The first byte of a tagged tree and the binary data that it refers to. No JSON text begins with it. */
const TAGGED = 0xc1
const TAGGED_HEADER_BYTES = 5

function encode(value: unknown): Buffer {
  if (isPlain(value)) return Buffer.from(JSON.stringify(value))
  const writer = new TaggedWriter()
  const tree = Buffer.from(JSON.stringify(writer.write(value)))
  const header = Buffer.allocUnsafe(TAGGED_HEADER_BYTES)
  header[0] = TAGGED
  header.writeUInt32BE(tree.length, 1)
  return Buffer.concat([header, tree, ...writer.binary])
}

function decode(bytes: Buffer): unknown {
  if (bytes[0] !== TAGGED) return parseJson(bytes)
  const treeEnd = TAGGED_HEADER_BYTES + bytes.readUInt32BE(1)
  if (treeEnd > bytes.length) throw new Error('The tagged tree ends beyond the bytes')
  const tree = parseJson(bytes.subarray(TAGGED_HEADER_BYTES, treeEnd))
  return new TaggedReader(bytes.subarray(treeEnd)).read(tree)
}

/**
 * The serializer used when none is configured. It writes JSON for what JSON can hold. Everything else that can be stored is a tagged tree
 * in JSON (`undefined`, `NaN`, infinities, `bigint`, `Date`, `RegExp`, `Error`, `Map`, `Set`, `Buffer`, `ArrayBuffer`, typed arrays,
 * objects without prototype), with binary data after it. What `encode` returns may be a view of a larger buffer.
 */
export const defaultSerializer: Serializer = { name: 'keyedcache', encode, decode }
