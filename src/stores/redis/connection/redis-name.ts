import { isUtf8 } from 'node:buffer'

/**
 * A name as Redis has it: a key, or bytes that are no UTF-8 and so nobody's key. As text these would be another name, which stands at
 * another place and can never be removed.
 */
export type Name = string | Buffer

/** The name that these bytes are. */
export function nameOf(bytes: Buffer): Name {
  return isUtf8(bytes) ? bytes.toString() : bytes
}

/** What a name is continued from, be it bytes: `before` and the name. */
export function nameAfter<N extends Name>(before: string, name: N): N
export function nameAfter(before: string, name: Name): Name {
  return typeof name === 'string' ? before + name : Buffer.concat([Buffer.from(before), name])
}
