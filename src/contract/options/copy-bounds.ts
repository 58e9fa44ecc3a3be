import { toMs, type Ttl } from '../../checks/duration.js'
import { checkKnown } from './option-checks.js'
import { show } from '../../checks/show.js'

/** How much the near tier may keep, and for how long. */
export interface NearOptions {
  /** The most copies kept. Beyond that, the least recently used one is evicted. @defaultValue 10000 */
  maxEntries?: number | undefined
  /** About how many bytes of memory the copies may take. @defaultValue 16 MiB */
  maxBytes?: number | undefined
  /** The longest time that a copy is served. @defaultValue '5s' */
  ttl?: Ttl | undefined
}

/** How much the fallback may keep while Redis does not answer, and for how long. */
export interface FallbackOptions {
  /** The most values kept. Beyond that, the least recently used one is evicted. @defaultValue 10000 */
  maxEntries?: number | undefined
  /** About how many bytes of memory the values may take. @defaultValue 16 MiB */
  maxBytes?: number | undefined
  /** The longest time that a value counts as fresh. Its own ttl may be shorter. @defaultValue '10s' */
  ttl?: Ttl | undefined
}

/** The bounds of copies that this process keeps. */
export interface CopyBounds {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly ttlMs: number
}

/** The bounds that the option `near` asks for; `undefined` for no near tier. @throws {TypeError} naming the wrong option. */
export function nearBounds(near: boolean | NearOptions = false): CopyBounds | undefined {
  return copyBounds('near', near, '5s')
}

/** The bounds that the option `fallback` asks for; `undefined` for no fallback. @throws {TypeError} naming the wrong option. */
export function fallbackBounds(fallback: boolean | FallbackOptions = true): CopyBounds | undefined {
  return copyBounds('fallback', fallback, '10s')
}

function copyBounds(
  option: 'near' | 'fallback',
  value: boolean | NearOptions | FallbackOptions,
  usualTtl: Ttl,
): CopyBounds | undefined {
  if (value === false) return undefined
  if (value !== true && (typeof value !== 'object' || value === null || Array.isArray(value)))
    throw new TypeError(`Expected \`${option}\` to be true, false or its bounds, got ${show(value)}`)
  const given = value === true ? {} : value
  checkKnown(given, { maxEntries: true, maxBytes: true, ttl: true }, option)
  const { maxEntries = 10_000, maxBytes = 16 * 2 ** 20, ttl = usualTtl } = given
  const ttlMs = toMs(`${option}.ttl`, ttl)
  if (ttlMs === 0) throw new TypeError(`Expected \`${option}.ttl\` to be above 0, got ${show(ttl)}`)
  return {
    maxEntries: checkCount(`${option}.maxEntries`, maxEntries),
    maxBytes: checkCount(`${option}.maxBytes`, maxBytes),
    ttlMs,
  }
}

function checkCount(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new TypeError(`Expected \`${option}\` to be a whole number above 0, got ${show(value)}`)
}
