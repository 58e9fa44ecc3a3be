import { keyParts } from '../../src/keys/key.js'
import type { KeyScalar } from '../../src/keys/key.js'

class Point {
  declare x: number
  declare y: number

  length(): number {
    return Math.hypot(this.x, this.y)
  }
}

const MAKERS: Readonly<Record<string, (content: never) => unknown>> = {
  $undefined: () => undefined,
  $number: (text: string) => Number(text),
  $bigint: (text: string) => BigInt(text),
  $date: (text: string) => new Date(text),
  $url: (text: string) => new URL(text),
  $repeat: ([text, times]: [string, number]) => text.repeat(times),
  $map: (entries: [unknown, unknown][]) => new Map(entries.map(([key, item]) => [revive(key), revive(item)])),
  $set: (members: unknown[]) => new Set(members.map(revive)),
  $buffer: (hex: string) => Buffer.from(hex, 'hex'),
  $uint8: (bytes: number[]) => Uint8Array.from(bytes),
  $int8: (bytes: number[]) => Int8Array.from(bytes),
  $arrayBuffer: (bytes: number[]) => Uint8Array.from(bytes).buffer,
  $regexp: ([source, flags]: [string, string]) => new RegExp(source, flags),
  $error: (message: string) => new RangeError(message),
  $point: (fields: object) => Object.assign(new Point(), revive(fields)),
  $nullPrototype: (fields: object) => Object.assign(Object.create(null) as object, revive(fields)),
  $cachedObject: ([name, id]: [string, unknown]) => ({ [keyParts]: () => [name, revive(id) as KeyScalar] }),
}

/** The value that a vector writes in JSON: `{ "$map": [[1, 2]] }` is a `Map`, what is not marked is itself. */
export function revive(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(revive)
  if (typeof json !== 'object' || json === null) return json
  const entries = Object.entries(json)
  const [name, content] = entries[0] ?? ['', undefined]
  const make = MAKERS[name]
  return make === undefined
    ? Object.fromEntries(entries.map(([each, value]) => [each, revive(value)]))
    : make(content as never)
}
