const SECRET_NAME = String.raw`(?:pass(?:word|phrase|wd|code)?|pwd|secret|token|credentials?|(?:api|access|private)[-_]?key|auth(?:orization)?)`
const QUOTE = String.raw`\\*["']`
const VALUE = String.raw`(?:${QUOTE}[^"'\\]*|(?:(?:bearer|basic)\s+)?[^\s"'&;})\]]+)`
/** `password=…`, `"token": "…"`, `?auth=…`: what stands behind a name like that of a secret. */
const NAMED = new RegExp(String.raw`(${SECRET_NAME}(?:${QUOTE})?\s*[=:]\s*)${VALUE}`, 'gi')
const AUTHORIZED = /\b(bearer|basic)\s+\S+/gi
/** A user and a password whose host is missing, as where an address was cut. */
const WITHOUT_HOST = /(:\/\/)[^\s/?#'"]*:(?!\d*(?:[\s/?#'",)]|$))\S*/g

/**
 * A text without the secrets that addresses and settings in it may hold: the user and password of an address of any scheme, and what
 * stands behind names like `password`. Rather too much is left out than too little.
 */
export function masked(text: string): string {
  const words = withoutUsers(text).replace(WITHOUT_HOST, '$1…').replace(/\S+/g, withoutUser)
  return words.replace(NAMED, '$1…').replace(AUTHORIZED, '$1 …')
}

/** A text without the users and passwords of addresses: these may hold anything, so all from the first address up to the last `@` is left out. */
export function withoutUsers(text: string): string {
  const at = text.lastIndexOf('@')
  const address = text.indexOf('://')
  return address === -1 || address > at ? text : `${text.slice(0, address + 3)}…${text.slice(at)}`
}

/** `user:password@host`, where no scheme says that it is an address. */
function withoutUser(word: string): string {
  const at = word.lastIndexOf('@')
  const colon = word.indexOf(':')
  if (colon === -1 || colon > at || word.startsWith('://', colon)) return word
  return `…${word.slice(at)}`
}
