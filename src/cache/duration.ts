import parseMs, { type StringValue } from 'ms'
import { show } from './show.js'

/** A length of time: seconds (fractions allowed), or text such as `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'1d'`. `Infinity` never ends. */
export type Ttl = number | string

const TEXT = /^\d{1,15}(?:\.\d{1,15})? ?(?:ms|s|m|h|d|w|y)$/

/**
 * Turns a length of time into milliseconds.
 * @throws {TypeError} naming the option and the value, when it is negative, `NaN`, or text without a unit.
 */
export function toMs(option: string, ttl: Ttl): number {
  if (typeof ttl === 'number' && ttl >= 0) return ttl * 1000
  if (typeof ttl === 'string' && TEXT.test(ttl)) return parseMs(ttl as StringValue)
  throw new TypeError(
    `Expected \`${option}\` to be seconds (0 or more) or text like '250ms', '30s', '5m', '2h', '1d', got ${show(ttl)}`,
  )
}
