import { isIPv6 } from 'node:net'
import { kindOf } from '../../checks/kind.js'
import { show } from '../../checks/show.js'

/** What an option of ioredis may be. */
export interface Kind {
  /** What is expected, for an error message. */
  readonly is: string
  readonly fits: (value: unknown) => boolean
  /** The value that a text stands for, as it is written behind the `?` of a URL. Without it, the option is in no URL. */
  readonly read?: (text: string) => unknown
  /** How a wrong value is shown. */
  readonly shown: (value: unknown) => string
}

/** The longest time that a timer of Node takes. A longer one ends at once. */
const LONGEST_MS = 2 ** 31 - 1

function kind(is: string, fits: Kind['fits'], read?: Kind['read']): Kind {
  return { is, fits, shown: show, ...(read === undefined ? {} : { read }) }
}

/** The same, or null. */
export function orNull(other: Kind): Kind {
  return { ...other, is: `${other.is}, or null`, fits: (value) => value === null || other.fits(value) }
}

/** One value that does nothing, where the others do not suit a cache. ioredis has null for some of them. */
export function only(value: unknown, why: string): Kind {
  return kind(`${show(value)}, since ${why}`, (given) => given === value || given === null)
}

const isNumber = (value: unknown): value is number => typeof value === 'number'
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Text that may be a password: of what is wrong, only the kind is shown. */
export const TEXT: Kind = {
  ...kind('text', (value) => typeof value === 'string', String),
  shown: kindOf,
}
export const SWITCH: Kind = kind(
  'true or false',
  (value) => typeof value === 'boolean',
  (text) => (text === 'true' ? true : text === 'false' ? false : text),
)
export const COUNT: Kind = kind(
  'a whole number from 0',
  (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  numberOf,
)
export const MS: Kind = kind(
  'a number of milliseconds',
  (value) => isNumber(value) && value >= 0 && value <= LONGEST_MS,
  numberOf,
)
export const FAMILY: Kind = kind('4, 6 or 0', (value) => value === 4 || value === 6 || value === 0, numberOf)
export const PROTOCOL: Kind = kind('2 or 3', (value) => value === 2 || value === 3, numberOf)
/** ioredis takes a port as text too, as it is in an environment variable. */
export const PORT: Kind = kind('a whole number from 1 to 65535', (value) => {
  const port = typeof value === 'string' ? numberOf(value) : value
  return isNumber(port) && Number.isInteger(port) && port >= 1 && port <= 65_535
})
export const HOST: Kind = kind(
  'a name or an address without a port, and no URL',
  (value) => typeof value === 'string' && (/^[^\s:/@[\]]+$/.test(value) || isIPv6(value)),
)
export const PATH: Kind = kind('text that is not empty', (value) => typeof value === 'string' && value.trim() !== '')
export const FUNCTION: Kind = kind('a function', (value) => typeof value === 'function')
export const LIST: Kind = kind('a list', Array.isArray)
export const OBJECT: Kind = { ...kind('an object', isObject), shown: kindOf }
export const MAP: Kind = kind('an object or a function', (value) => isObject(value) || typeof value === 'function')
/** What `tls.connect` of Node takes. ioredis also takes true for its defaults, and what is missing for no TLS. */
export const TLS: Kind = {
  is: 'an object of options for `tls.connect`, true or false',
  fits: (value) =>
    isObject(value) ||
    typeof value === 'boolean' ||
    value === null ||
    value === 'RedisCloudFixed' ||
    value === 'RedisCloudFlexible',
  shown: kindOf,
}

/** The number in a text, or the text itself. */
function numberOf(text: string): unknown {
  return /^-?\d{1,15}(?:\.\d+)?$/.test(text) ? Number(text) : text
}
