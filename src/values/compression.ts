import { promisify } from 'node:util'
import { constants, deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from 'node:zlib'

/** Beyond this size a payload is compressed and expanded off the event loop. */
const LARGE_BYTES = 32 * 1024
const LENGTH_BYTES = 4
/** A tenth larger than what zlib makes by default, in half the time or less. */
const FAST = { level: constants.Z_BEST_SPEED }

const deflate = promisify<Uint8Array, object, Buffer>(deflateRaw)
const inflate = promisify<Uint8Array, object, Buffer>(inflateRaw)

/** A payload compressed, its length first; `undefined` where that would not be smaller. Of a large one, a promise. */
export function compress(payload: Buffer): Buffer | undefined | Promise<Buffer | undefined> {
  if (payload.length <= LARGE_BYTES) return smaller(payload, deflateRawSync(payload, FAST))
  return deflate(payload, FAST).then((deflated) => smaller(payload, deflated))
}

/**
 * What `compress` was given. Of a large one, a promise.
 * @throws {Error} when the bytes are not what `compress` gives, or the payload is larger than `maxBytes`; as a rejection where a promise is given.
 */
export function expand(compressed: Buffer, maxBytes: number): Buffer | Promise<Buffer> {
  const length = compressed.readUInt32BE(0)
  if (length > maxBytes) throw new Error(`The compressed payload says that it has ${length} bytes, above ${maxBytes}`)
  const deflated = compressed.subarray(LENGTH_BYTES)
  // Room for all of it at once, and for no more than it says.
  const bounds = { maxOutputLength: Math.max(length, 1), chunkSize: Math.max(length, 64) }
  if (length <= LARGE_BYTES) return checkLength(inflateRawSync(deflated, bounds), length)
  return inflate(deflated, bounds).then((payload) => checkLength(payload, length))
}

function smaller(payload: Buffer, deflated: Buffer): Buffer | undefined {
  if (LENGTH_BYTES + deflated.length >= payload.length) return undefined
  const length = Buffer.allocUnsafe(LENGTH_BYTES)
  length.writeUInt32BE(payload.length)
  return Buffer.concat([length, deflated])
}

function checkLength(payload: Buffer, length: number): Buffer {
  if (payload.length === length) return payload
  throw new Error(`The compressed payload has ${payload.length} bytes, and says ${length}`)
}
