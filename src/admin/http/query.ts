import { badRequest } from './problem.js'

/** The parameters of a request, each given once. */
export type Query = ReadonlyMap<string, string>

const MAX_KEY_CHARACTERS = 12_000

/**
 * The parameters of a URL. They are read from the URL itself, because the content of `req.query` depends on the host's settings.
 * @throws {Problem} for a parameter given twice or written as a list or an object.
 */
export function parseQuery(url: string): Query {
  const start = url.indexOf('?')
  return single(start < 0 ? [] : new URLSearchParams(url.slice(start + 1)))
}

/** The fields of a form that our parser or the host's has read. Fields that are not text are left out. */
export function parseForm(body: unknown): Query {
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : []
  return new Map(fields.filter((field): field is [string, string] => typeof field[1] === 'string'))
}

/** A parameter's text. An empty text, as forms send it, counts as absent. */
export function text(query: Query, name: string): string | undefined {
  return query.get(name) || undefined
}

/** @throws {Problem} when the parameter is there and is not a whole number from 1 to `max`. */
export function wholeNumber(query: Query, name: string, max: number): number | undefined {
  const given = text(query, name)
  if (given === undefined) return undefined
  const number = /^\d{1,9}$/.test(given) ? Number(given) : 0
  if (number < 1 || number > max) throw badRequest(`“${name}” must be a whole number from 1 to ${max}.`)
  return number
}

/** @throws {Problem} when the parameter is there and is none of the choices. */
export function choice<T extends string>(query: Query, name: string, choices: readonly T[]): T | undefined {
  const given = text(query, name)
  const chosen = choices.find((known) => known === given)
  if (given !== undefined && chosen === undefined) throw badRequest(`“${name}” must be one of: ${choices.join(', ')}.`)
  return chosen
}

/** Encodes a key for links and forms, because newlines and NUL would not survive there as text. */
export function encodeKey(key: string): string {
  return Buffer.from(key).toString('base64url')
}

/** @throws {Problem} when the parameter is there and is not a key written by `encodeKey`. */
export function encodedKey(query: Query, name: string): string | undefined {
  const given = query.get(name)
  if (given === undefined) return undefined
  if (given.length > MAX_KEY_CHARACTERS) throw badRequest(`“${name}” is too long to be a key.`)
  const bytes = Buffer.from(given, 'base64url')
  // Decoding skips characters that are not base64url. So only a text that encodes back to itself was written by us.
  if (given === '' || bytes.toString('base64url') !== given) {
    throw badRequest(`“${name}” must be a key in base64url, as the links on these pages have it.`)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw badRequest(`“${name}” is base64url, but not of a text.`)
  }
}

function single(parameters: Iterable<[string, string]>): Query {
  const query = new Map<string, string>()
  for (const [name, value] of parameters) {
    if (name.includes('[')) throw badRequest('Parameters are plain names with one value each, without brackets.')
    if (query.has(name)) throw badRequest(`“${name}” is given more than once.`)
    query.set(name, value)
  }
  return query
}
