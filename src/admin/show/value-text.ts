import { inspect, types } from 'node:util'
import { isPlainPrototype } from '../../checks/built-in.js'
import { visible } from '../../checks/visible.js'
import { amount, bytes, number } from './format.js'
import { hexDump, MAX_HEX_BYTES } from './hex-dump.js'

/** The ways to write a value out. */
export const FORMATS = ['json', 'text', 'hex'] as const
export type Format = (typeof FORMATS)[number]

/** A value written out for a reader. */
export interface ValueText {
  readonly format: Format
  /** What the text is, as in “Value as JSON”. */
  readonly kind: string
  readonly text: string
  /** How much of the whole is shown; `undefined` when that is all of it. */
  readonly cut: string | undefined
}

const MAX_BYTES = 64 * 1024

/**
 * Writes a value out, at most 64 KiB of it. Without a format, text is shown as text, bytes in hex, and other values as JSON. A value that
 * JSON cannot express is shown as Node shows it, also if JSON was asked for.
 */
export function valueText(value: unknown, format?: Format): ValueText {
  const binary = bytesOf(value)
  const isJsonLike = binary === undefined && isJson(value, 0)
  switch (format ?? (typeof value === 'string' ? 'text' : binary ? 'hex' : 'json')) {
    case 'hex':
      return hex(binary, value, isJsonLike)
    case 'text':
      if (typeof value === 'string') return cutText('text', 'text', value)
      if (binary) return cutText('text', 'text', binary.toString())
      // Node would look behind a Proxy that `redact` gave, so it gets a plain copy.
      return nodeText('text', 'a JavaScript value', isJsonLike ? JSON.parse(JSON.stringify(value)) : value)
    case 'json':
      return isJsonLike
        ? cutText('json', 'JSON', JSON.stringify(value, null, 2))
        : nodeText('json', 'a JavaScript value, which JSON cannot say', value)
  }
}

function hex(binary: Buffer | undefined, value: unknown, isJsonLike: boolean): ValueText {
  const [kind, all] = binary
    ? ['hex', binary]
    : typeof value === 'string'
      ? ['hex of its UTF-8', Buffer.from(value)]
      : isJsonLike
        ? ['hex of its JSON', Buffer.from(JSON.stringify(value))]
        : ['hex of what Node shows', Buffer.from(asNodeShowsIt(value))]
  const cut =
    all.length > MAX_HEX_BYTES ? `the first ${number(MAX_HEX_BYTES)} of ${amount(all.length, 'byte')}` : undefined
  return { format: 'hex', kind, text: hexDump(all), cut }
}

function cutText(format: Format, kind: string, text: string): ValueText {
  const all = Buffer.byteLength(text)
  if (all <= MAX_BYTES) return { format, kind, text: withNamedControls(text), cut: undefined }
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_BYTES))
  const cut = `the first ${bytes(MAX_BYTES)} of ${bytes(all)}`
  return { format, kind, text: withNamedControls(text.slice(0, read)), cut }
}

/** Node itself leaves out parts of large values, so the size of the whole is not known. */
function nodeText(format: Format, kind: string, value: unknown): ValueText {
  const shown = cutText(format, kind, asNodeShowsIt(value))
  return { ...shown, cut: shown.cut && `the first ${bytes(MAX_BYTES)}` }
}

/** Makes control characters visible, except line ends and tabs. */
function withNamedControls(text: string): string {
  return text.replace(/[^\n\t]+/g, visible)
}

function asNodeShowsIt(value: unknown): string {
  return inspect(value, { depth: 100, maxArrayLength: 10_000, maxStringLength: MAX_BYTES, breakLength: 100 })
}

function bytesOf(value: unknown): Buffer | undefined {
  if (types.isUint8Array(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return types.isArrayBuffer(value) ? Buffer.from(value) : undefined
}

function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  // The result of `redact` may contain itself.
  if (typeof value !== 'object' || depth > 200) return false
  if (Array.isArray(value)) return value.every((part) => isJson(part, depth + 1))
  if (!isPlainPrototype(Object.getPrototypeOf(value) as object | null)) return false
  return Object.values(value).every((part) => isJson(part, depth + 1))
}
