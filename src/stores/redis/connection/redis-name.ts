import { isUtf8 } from 'node:buffer'

/**
 * A name in Redis: a key, or bytes that are not UTF-8 and so nobody's key. As text these bytes would become another name, and the real one
 * could never be removed.
 */
export type Name = string | Buffer

/** Turns bytes from Redis into a name. */
export function nameOf(bytes: Buffer): Name {
  return isUtf8(bytes) ? bytes.toString() : bytes
}

/** `before`, followed by a name of text or of bytes. */
export function nameAfter<N extends Name>(before: string, name: N): N
export function nameAfter(before: string, name: Name): Name {
  return typeof name === 'string' ? before + name : Buffer.concat([Buffer.from(before), name])
}
