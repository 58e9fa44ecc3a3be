import { toUSVString } from 'node:util'
import { digest, refusal } from './digest.js'

const MAX_BYTES = 256
const DIGEST_LENGTH = 22
const HEAD_BYTES = MAX_BYTES - DIGEST_LENGTH - 1
const COLON = 58
const PERCENT = 37
const HASH = 35

/** The last text that needed no change. Most keys begin with the same literal as the one before, which need not be scanned again. */
let lastSimple: string | undefined

/**
 * Turns the text of a part into a segment of a key. A segment has no `#` except before a digest, no `:` next to another or at an end, and
 * at most 256 UTF-8 bytes. Text that needs no change is given back after one scan.
 * @throws {TypeError} naming the place, for lone surrogates.
 */
export function segmentOf(text: string, place: string | number): string {
  if (text === lastSimple) return text
  if (!isSimpleSegment(text)) return escapeSegment(text, typeof place === 'number' ? `part ${place} of the key` : place)
  lastSimple = text
  return text
}

/** Whether a text, or its part from `start` to `end`, is a segment without any change. */
export function isSimpleSegment(text: string, start: number = 0, end: number = text.length): boolean {
  let bytes = end - start
  if (bytes === 0 || bytes > MAX_BYTES) return false
  for (let i = start; i < end; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      if (unit === PERCENT || unit === HASH) return false
      if (unit === COLON && (i === start || i === end - 1 || text.charCodeAt(i + 1) === COLON)) return false
    } else if (unit < 0x800) bytes += 1
    else {
      bytes += 2
      if (unit < 0xd800 || unit > 0xdfff) continue
      if (unit > 0xdbff || ++i === end || !isLowSurrogate(text.charCodeAt(i))) return false
    }
  }
  return bytes <= MAX_BYTES
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

function escapeSegment(text: string, place: string): string {
  if (text === '') return '%'
  if (toUSVString(text) !== text) throw refusal(place, text)
  const signs = text.replaceAll('%', '%25').replaceAll('#', '%23')
  const escaped = signs.includes(':') ? signs.replace(/^:|:$|:(?=:)|(?<=:):/g, '%3A') : signs
  return Buffer.byteLength(escaped) <= MAX_BYTES ? escaped : `${head(escaped)}#${digest(text)}`
}

/** The longest beginning of an escaped text that leaves room for a digest and splits neither a code point nor an escape. */
function head(escaped: string): string {
  const bytes = Buffer.from(escaped.slice(0, MAX_BYTES))
  let end = HEAD_BYTES
  while ((bytes[end]! & 0xc0) === 0x80) end--
  if (bytes[end - 1] === PERCENT) end -= 1
  else if (bytes[end - 2] === PERCENT) end -= 2
  return bytes.toString('utf8', 0, end)
}

/** A segment as text to show. Digests stay as they are. */
export function unescapeSegment(segment: string): string {
  return segment === '%' ? '' : segment.replaceAll('%3A', ':').replaceAll('%23', '#').replaceAll('%25', '%')
}

const DIGEST = /^[\w-]{21}[AQgw]$/

/** Whether some part of a key makes this segment. */
export function isWrittenSegment(segment: string): boolean {
  const mark = segment.indexOf('#')
  if (mark === -1) return segment.length <= MAX_BYTES && segmentOf(unescapeSegment(segment), 'the key') === segment
  if (!DIGEST.test(segment.slice(mark + 1))) return false
  return mark === 0 || isHead(segment.slice(0, mark))
}

/**
 * Whether some long text has this head. Two tests are enough: if any text has it, so does one that goes on with wide characters, or with
 * colons.
 */
function isHead(text: string): boolean {
  if (text.length > HEAD_BYTES) return false
  return ['\u{1F511}', ':'].some((next) => {
    const escaped = escapeSegment(unescapeSegment(text) + next.repeat(16), 'the key')
    return escaped.startsWith(`${text}#`)
  })
}
