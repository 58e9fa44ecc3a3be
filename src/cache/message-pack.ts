/** The deepest nesting accepted, of arrays and maps: one for each level of a stored value, and a few for tags. */
const MAX_NESTING = 110

/**
 * Checks that bytes are one complete MessagePack value made of nothing but `nil`, booleans, numbers, text, arrays and
 * maps with text for names. Extensions are refused, since msgpackr would run them: those that define functions
 * from the bytes, and those that the host application registered for itself.
 * @throws {Error} naming the offset of what is wrong.
 */
export function checkMessagePack(bytes: Buffer): void {
  if (skipValue(bytes, 0, 0) !== bytes.length) throw new Error('MessagePack value does not end where its bytes end')
}

/** Gives the offset after the value; one beyond the end is noticed by whoever reads there. */
function skipValue(bytes: Buffer, at: number, depth: number): number {
  const token = bytes[at]
  if (token === undefined) throw new Error('MessagePack value is cut off')
  if (token < 0x80 || token >= 0xe0) return at + 1
  if (token >= 0xa0 && token < 0xc0) return at + 1 + (token & 0x1f)
  if (token < 0x90) return skipMap(bytes, at + 1, token & 0x0f, depth)
  if (token < 0xa0) return skipArray(bytes, at + 1, token & 0x0f, depth)
  switch (token) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return at + 1
    case 0xcc:
    case 0xd0:
      return at + 2
    case 0xcd:
    case 0xd1:
      return at + 3
    case 0xce:
    case 0xd2:
      return at + 5
    case 0xcb:
      return at + 9
    case 0xdc:
      return skipArray(bytes, at + 3, bytes.readUInt16BE(at + 1), depth)
    case 0xdd:
      return skipArray(bytes, at + 5, bytes.readUInt32BE(at + 1), depth)
    case 0xde:
      return skipMap(bytes, at + 3, bytes.readUInt16BE(at + 1), depth)
    case 0xdf:
      return skipMap(bytes, at + 5, bytes.readUInt32BE(at + 1), depth)
    default:
      return skipText(bytes, at)
  }
}

function skipArray(bytes: Buffer, start: number, length: number, depth: number): number {
  if (depth === MAX_NESTING) throw new Error(`MessagePack value is nested deeper than ${MAX_NESTING} levels`)
  let at = start
  for (let i = 0; i < length; i++) at = skipValue(bytes, at, depth + 1)
  return at
}

function skipMap(bytes: Buffer, start: number, length: number, depth: number): number {
  if (depth === MAX_NESTING) throw new Error(`MessagePack value is nested deeper than ${MAX_NESTING} levels`)
  let at = start
  for (let i = 0; i < length; i++) at = skipValue(bytes, skipText(bytes, at), depth + 1)
  return at
}

function skipText(bytes: Buffer, at: number): number {
  const token = bytes[at]
  if (token === undefined) throw new Error('MessagePack value is cut off')
  if (token >= 0xa0 && token < 0xc0) return at + 1 + (token & 0x1f)
  if (token === 0xd9) return at + 2 + bytes.readUInt8(at + 1)
  if (token === 0xda) return at + 3 + bytes.readUInt16BE(at + 1)
  if (token === 0xdb) return at + 5 + bytes.readUInt32BE(at + 1)
  throw new Error(`MessagePack token 0x${token.toString(16)} at ${at} is not one that is stored`)
}
