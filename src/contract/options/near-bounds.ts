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

/** The bounds of the near tier. */
export interface NearBounds {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly ttlMs: number
}

/** The bounds that the option `near` asks for; `undefined` for no near tier. @throws {TypeError} naming the wrong option. */
export function nearBounds(near: boolean | NearOptions | undefined): NearBounds | undefined {
  if (near === undefined || near === false) return undefined
  if (near !== true && (typeof near !== 'object' || near === null || Array.isArray(near)))
    throw new TypeError(`Expected \`near\` to be true, false or its bounds, got ${show(near)}`)
  const given = near === true ? {} : near
  checkKnown(given, { maxEntries: true, maxBytes: true, ttl: true }, 'near')
  const { maxEntries = 10_000, maxBytes = 16 * 2 ** 20, ttl = '5s' } = given
  const ttlMs = toMs('near.ttl', ttl)
  if (ttlMs === 0) throw new TypeError(`Expected \`near.ttl\` to be above 0, got ${show(ttl)}`)
  return { maxEntries: checkCount('maxEntries', maxEntries), maxBytes: checkCount('maxBytes', maxBytes), ttlMs }
}

function checkCount(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new TypeError(`Expected \`near.${option}\` to be a whole number above 0, got ${show(value)}`)
}
