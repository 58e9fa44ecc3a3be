import { toUSVString } from 'node:util'
import type { SetOptions } from '../cache.js'
import type { PageOptions } from '../inspected.js'
import { secondsHint, toMs, type Ttl } from '../../checks/duration.js'
import type { Key } from '../../keys/key.js'
import { kindOf } from '../../checks/kind.js'
import { PAGE_OPTIONS } from './known-options.js'
import { nearest } from '../../checks/nearest.js'
import { show } from '../../checks/show.js'
import { showScalar } from '../../checks/show-scalar.js'
import { oneLine } from '../../checks/one-line.js'

/** Checks that an options argument is absent, or an object with known names only. @throws {TypeError} naming what was given. */
export function checkOptions<T extends object>(
  options: T | undefined,
  of: string,
  known?: Readonly<Record<string, true>>,
): T | undefined {
  if (options === undefined) return undefined
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`Expected the options of ${of} to be an object, got ${show(options)}`)
  }
  if (known !== undefined) checkKnown(options, known, of)
  return options
}

/** How long a value is fresh, and how long it is kept after that, in ms. */
export interface Lifetime {
  readonly ttlMs: number
  readonly graceMs: number
}

/**
 * The lifetime from the options. What they leave out comes from the defaults.
 * @throws {TypeError} naming the option that is not a duration.
 */
export function lifetime({ ttl, grace }: SetOptions, defaults: Lifetime): Lifetime {
  return {
    ttlMs: ttl === undefined ? defaults.ttlMs : toMs('ttl', ttl),
    graceMs: grace === undefined ? defaults.graceMs : toMs('grace', grace),
  }
}

const LONGEST_PAUSE_MS = 3_600_000

/** The pause after a refresh that failed, in ms. @throws {TypeError} when it is no duration or longer than an hour. */
export function checkRetryAfter(retryAfter: Ttl): number {
  const ms = toMs('retryAfter', retryAfter)
  if (ms <= LONGEST_PAUSE_MS) return ms
  throw new TypeError(`Expected \`retryAfter\` to be at most 1 hour, got ${show(retryAfter)}${secondsHint(retryAfter)}`)
}

const MAX_TAGS = 64
const MAX_TAG_BYTES = 256

/** Gives the tags, each once. @throws {TypeError} when they are not an array or more than 64, or naming the tag that `checkTag` refuses. */
export function checkTags(tags: readonly string[] | undefined): readonly string[] {
  if (tags === undefined) return []
  if (!Array.isArray(tags)) throw new TypeError(`Expected \`tags\` to be an array of text, got ${show(tags)}`)
  if (tags.length > MAX_TAGS) throw new TypeError(`Expected at most ${MAX_TAGS} tags, got ${tags.length}`)
  for (const [i, tag] of tags.entries()) checkTag(tag, `\`tags[${i}]\``)
  return [...new Set(tags)]
}

/** @throws {TypeError} when it is not well-formed text of 1 to 256 bytes. */
export function checkTag(tag: unknown, place = 'a tag'): string {
  if (typeof tag === 'string' && tag !== '' && toUSVString(tag) === tag && Buffer.byteLength(tag) <= MAX_TAG_BYTES) {
    return tag
  }
  throw new TypeError(`Expected ${place} to be text of 1 to ${MAX_TAG_BYTES} bytes, got ${show(tag)}`)
}

/** @throws {TypeError} when a limit is not a whole number from 1 to 1000, or `after` is not text. */
export function checkPage(
  options: PageOptions | undefined,
  known: Readonly<Record<string, true>> = PAGE_OPTIONS,
): { after: string | undefined; limit: number } {
  const { after, limit = 100 } = checkOptions(options, 'a listing', known) ?? {}
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new TypeError(`Expected \`limit\` to be a whole number from 1 to 1000, got ${show(limit)}`)
  }
  if (after !== undefined && typeof after !== 'string') {
    throw new TypeError(`Expected \`after\` to be text, the \`next\` of the page before, got ${show(after)}`)
  }
  return { after, limit }
}

/**
 * The entries as an array of [key, value], in the order given.
 * @throws {TypeError} when they are not iterable, or naming the entry that is not a pair.
 */
export function checkEntries(entries: Iterable<readonly [Key, unknown]>): (readonly [Key, unknown])[] {
  const given: unknown = entries
  if (typeof given !== 'object' || given === null || !(Symbol.iterator in given)) {
    throw new TypeError(
      `Expected the entries to be an array, a Map or another iterable of [key, value], got ${showScalar(given)}`,
    )
  }
  return Array.from(entries, (entry, i) => {
    if (Array.isArray(entry) && entry.length === 2) return entry as readonly [Key, unknown]
    throw new TypeError(`Expected entry ${i + 1} to be [key, value], got ${kindOf(entry)}`)
  })
}

/** @throws {TypeError} naming the first option that is not known. */
export function checkKnown(options: object, known: Readonly<Record<string, true>>, of: string): void {
  // `for in` makes no array of the names. That matters because every call with options comes here.
  for (const name in options) {
    if (known[name] !== true && Object.hasOwn(options, name)) {
      const names = Object.keys(known)
      const meant = nearest(name, names)
      const question = meant === undefined ? '' : `did you mean \`${meant}\`? `
      throw new TypeError(`Expected no option \`${oneLine(name)}\` of ${of}: ${question}it knows ${names.join(', ')}`)
    }
  }
}

/** @throws {TypeError} when it is not a function. */
export function checkFunction<F>(fn: F, name: string): F {
  if (typeof fn === 'function') return fn
  throw new TypeError(`Expected ${name} to be a function, got ${showScalar(fn)}`)
}
