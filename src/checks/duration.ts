import parseMs, { type StringValue } from 'ms'
import { show } from './show.js'

/** A length of time: seconds (fractions allowed), or text such as `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'1d'`. `Infinity` never ends. */
export type Ttl = number | string

const TEXT = /^\d{1,15}(?:\.\d{1,15})? ?(?:ms|s|m|h|d|w|y)$/

/** The allowed lengths of time, in words for messages. */
export const DURATIONS = "seconds (0 or more) or text like '250ms', '30s', '5m', '2h', '1d'"
/** The allowed units after the number in text, in words for messages. */
export const UNITS = 'the units are ms, s, m, h, d, w, y'

/** Whether this is a length of time. */
export function isDuration(ttl: unknown): ttl is Ttl {
  return typeof ttl === 'number' ? ttl >= 0 : typeof ttl === 'string' && TEXT.test(ttl)
}

/**
 * Turns a length of time into milliseconds.
 * @throws {TypeError} naming the option and the value, when it is negative, `NaN`, or text without a unit.
 */
export function toMs(option: string, ttl: Ttl): number {
  if (isDuration(ttl)) return typeof ttl === 'number' ? ttl * 1000 : parseMs(ttl as StringValue)
  throw new TypeError(`Expected \`${option}\` to be ${DURATIONS}, got ${show(ttl)}${textHint(ttl)}`)
}

/** A hint for messages about a number that is too large or too small: milliseconds may have been meant. */
export function secondsHint(ttl: Ttl): string {
  const isMeant = typeof ttl === 'number' && ttl > 0 && ttl < Infinity
  return isMeant ? `: numbers are seconds, '${ttl}ms' is milliseconds` : ''
}

function textHint(ttl: unknown): string {
  if (typeof ttl !== 'string') return ''
  return `: ${UNITS}; for seconds write ${/^\d{1,15}$/.test(ttl) ? ttl : 90} without quotes`
}
