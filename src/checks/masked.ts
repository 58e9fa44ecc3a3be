const SECRET_NAME = String.raw`(?:pass(?:word|phrase|wd|code)?|pwd|secret|token|credentials?|(?:api|access|private)[-_]?key|auth(?:orization)?)`
const QUOTE = String.raw`\\*["']`
const VALUE = String.raw`(?:${QUOTE}[^"'\\]*|(?:(?:bearer|basic)\s+)?[^\s"'&;})\]]+)`
/** `password=…`, `"token": "…"`, `?auth=…`: the value after a name that looks like that of a secret. */
const NAMED = new RegExp(String.raw`(${SECRET_NAME}(?:${QUOTE})?\s*[=:]\s*)${VALUE}`, 'gi')
const AUTHORIZED = /\b(bearer|basic)\s+\S+/gi
/** A user and a password without a host, for example where an address was cut. */
const WITHOUT_HOST = /(:\/\/)[^\s/?#'"]*:(?!\d*(?:[\s/?#'",)]|$))\S*/g

/**
 * Removes secrets from a text: the user and password of an address of any scheme, and the values after names like `password`. In doubt it
 * removes too much.
 */
export function masked(text: string): string {
  const words = withoutUsers(text).replace(WITHOUT_HOST, '$1…').replace(/\S+/g, withoutUser)
  return words.replace(NAMED, '$1…').replace(AUTHORIZED, '$1 …')
}

/** Removes users and passwords of addresses. They may hold any character, so all from the first address up to the last `@` is removed. */
export function withoutUsers(text: string): string {
  const at = text.lastIndexOf('@')
  const address = text.indexOf('://')
  return address === -1 || address > at ? text : `${text.slice(0, address + 3)}…${text.slice(at)}`
}

/** Removes the user and password of `user:password@host`, an address without a scheme. */
function withoutUser(word: string): string {
  const at = word.lastIndexOf('@')
  const colon = word.indexOf(':')
  if (colon === -1 || colon > at || word.startsWith('://', colon)) return word
  return `…${word.slice(at)}`
}
