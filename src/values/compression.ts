import { promisify } from 'node:util'
import { constants, deflateRaw, deflateRawSync, inflateRaw, inflateRawSync } from 'node:zlib'

/** A larger payload is compressed and expanded off the event loop. */
const LARGE_BYTES = 32 * 1024
const LENGTH_BYTES = 4
/** The result is a tenth larger than with zlib's default level, in half the time or less. */
const FAST = { level: constants.Z_BEST_SPEED }

const deflating = promisify<Uint8Array, object, Buffer>(deflateRaw)
const inflating = promisify<Uint8Array, object, Buffer>(inflateRaw)

/** Compresses a payload, and puts its length first. `undefined` when that would not be smaller. For a large payload, a promise. */
export function compress(payload: Buffer): Buffer | undefined | Promise<Buffer | undefined> {
  if (payload.length <= LARGE_BYTES) return smaller(payload, deflateRawSync(payload, FAST))
  return deflate(payload)
}

/**
 * The payload that `compress` was given. For a large one, a promise.
 * @throws {Error} when the bytes are not what `compress` gives, or the payload is larger than `maxBytes`. The promise rejects with it.
 */
export function expand(compressed: Buffer, maxBytes: number): Buffer | Promise<Buffer> {
  const length = compressed.readUInt32BE(0)
  if (length > maxBytes) throw new Error(`The compressed payload says that it has ${length} bytes, above ${maxBytes}`)
  const deflated = compressed.subarray(LENGTH_BYTES)
  // One chunk has room for the whole payload. More than the stated length is refused.
  const bounds = { maxOutputLength: Math.max(length, 1), chunkSize: Math.max(length, 64) }
  if (length <= LARGE_BYTES) return checkLength(inflateRawSync(deflated, bounds), length)
  return inflate(deflated, bounds, length)
}

// Async functions, since in Jest a promise of Node's own is no instance of the `Promise` of tests

async function deflate(payload: Buffer): Promise<Buffer | undefined> {
  return smaller(payload, await deflating(payload, FAST))
}

async function inflate(deflated: Buffer, bounds: object, length: number): Promise<Buffer> {
  return checkLength(await inflating(deflated, bounds), length)
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
