const SECRET_NAME = String.raw`(?:pass(?:word|phrase|wd|code)?|pwd|secret|token|credentials?|(?:api|access|private)[-_]?key|auth(?:orization)?)`
/** `password=…`, `"token": "…"`, `?auth=…`: what stands behind a name like that of a secret. */
const NAMED = new RegExp(String.raw`(${SECRET_NAME}["']?\s*[=:]\s*["']?)(?:(?:bearer|basic)\s+)?[^\s"'&,;})\]]+`, 'gi')
const AUTHORIZED = /\b(bearer|basic)\s+\S+/gi

/**
 * A text without the secrets that addresses and settings in it may hold: the user and password of an address of any scheme, and what
 * stands behind names like `password`. Rather too much is left out than too little.
 */
export function masked(text: string): string {
  return withoutUsers(text).replace(NAMED, '$1…').replace(AUTHORIZED, '$1 …')
}

/** A password may hold anything, also `@` and spaces: from the first address on, all up to the last `@` is left out. */
function withoutUsers(text: string): string {
  const at = text.lastIndexOf('@')
  const address = text.indexOf('://')
  const isAddressed = address !== -1 && address < at
  return (isAddressed ? `${text.slice(0, address + 3)}…${text.slice(at)}` : text).replace(/\S+/g, withoutUser)
}

/** The same for `user:password@host`, where no scheme says that it is an address. */
function withoutUser(word: string): string {
  const at = word.lastIndexOf('@')
  const colon = word.indexOf(':')
  if (colon === -1 || colon > at || word.startsWith('://', colon)) return word
  return `…${word.slice(at)}`
}
