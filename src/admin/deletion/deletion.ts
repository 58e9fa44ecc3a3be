import type { KeyedCache } from '../../contract/cache.js'
import { keyText } from '../show/key-text.js'
import { linkedKey, typedKey } from '../show/page.js'
import { badRequest, Problem } from '../http/problem.js'
import { choice, encodedKey, encodeKey, parseQuery, text, type Query } from '../http/query.js'

const MODES = ['one', 'tree', 'tag', 'all'] as const
/** The names of the modes on pages. */
export const MODE_NAMES: Readonly<Record<Target['mode'], string>> = {
  one: 'One key',
  tree: 'A key and everything under it',
  tag: 'All keys with a tag',
  all: 'Everything in this cache',
}

const NAMED_ABOVE = 1000
const NAME_CHARACTERS = 100
const MAX_TAG_BYTES = 256

/** What is to be deleted: one key, a key and everything under it, all keys with a tag, or everything. */
export interface Target {
  readonly mode: (typeof MODES)[number]
  /** The key or the tag; `undefined` for everything. */
  readonly name: string | undefined
}

/** What is missing in the form that says what to delete, and the field where it belongs. */
export interface FormError {
  readonly problem: string
  readonly field: 'mode-one' | 'key' | 'tag'
}

/**
 * What a query wants to delete: links write it as `k` or `t`, and readers type it as `key` or `tag`. `undefined` if the query does not ask.
 * @throws {Problem} for an unknown mode, and for a link that we did not write.
 */
export function targetOf(query: Query): Target | FormError | undefined {
  const mode = choice(query, 'mode', MODES)
  if (mode === undefined) {
    return query.has('key') || query.has('tag') ? { problem: 'Choose what to delete', field: 'mode-one' } : undefined
  }
  if (mode === 'all') return { mode, name: undefined }
  const field = mode === 'tag' ? 'tag' : 'key'
  const linked = mode === 'tag' ? linkedTag(query) : linkedKey(query, 'k')
  if (linked !== undefined) return { mode, name: linked }
  try {
    const name = mode === 'tag' ? typedTag(query) : typedKey(query, 'key')
    return name === undefined ? { problem: `Enter the ${field} to delete`, field } : { mode, name }
  } catch (error) {
    if (error instanceof Problem) return { problem: error.message, field }
    throw error
  }
}

/** What a denied request wanted to delete, as far as its query can be read. */
export function attempted(url: string): { mode: Target['mode'] | undefined; target: string | undefined } {
  try {
    const target = targetOf(parseQuery(url))
    if (target !== undefined && 'mode' in target) return { mode: target.mode, target: target.name }
  } catch {
    // The denial is recorded even if the query makes no sense.
  }
  return { mode: undefined, target: undefined }
}

/** The parameters of a link to the preview. */
export function targetParameters({ mode, name }: Target): Record<string, string> {
  if (name === undefined) return { mode }
  return { mode, [mode === 'tag' ? 't' : 'k']: encodeKey(name) }
}

/** How many keys there are to delete, and the first of them. Rejects when the cache does not answer. */
export async function findKeys(
  cache: KeyedCache,
  { mode, name = '' }: Target,
  limit: number,
): Promise<{ count: number; names: readonly string[] }> {
  if (mode === 'tag') {
    const { keys, total } = await cache.tagged(name, { limit })
    return { count: total, names: keys }
  }
  const { keys, total } = await cache.keys(mode === 'all' ? undefined : name, { limit })
  if (mode !== 'one') return { count: total, names: keys }
  return keys[0] === name ? { count: 1, names: [name] } : { count: 0, names: [] }
}

/** Deletes, and gives how many keys there were. Rejects when the cache does not answer. */
export async function deleteTarget(cache: KeyedCache, { mode, name = '' }: Target): Promise<number> {
  if (mode === 'all') return cache.clear()
  if (mode === 'tag') return (await cache.deleteTag(name)).length
  return (await cache.delete(name, { children: mode === 'tree' })).length
}

/** The name that a reader has to type before a large deletion; `undefined` for a small one. */
export function nameToType({ mode, name }: Target, count: number, cacheName: string): string | undefined {
  if (mode !== 'all' && count <= NAMED_ABOVE) return undefined
  return typeable(name ?? cacheName) || typeable(cacheName) || 'everything'
}

function typeable(name: string): string {
  return Array.from(keyText(name).trim()).slice(0, NAME_CHARACTERS).join('').trim()
}

function linkedTag(query: Query): string | undefined {
  const linked = encodedKey(query, 't')
  return linked === undefined ? undefined : checkedTag(linked)
}

function typedTag(query: Query): string | undefined {
  const typed = text(query, 'tag')
  return typed === undefined ? undefined : checkedTag(typed)
}

function checkedTag(given: string): string {
  if (Buffer.byteLength(given) <= MAX_TAG_BYTES) return given
  throw badRequest(`A tag has at most ${MAX_TAG_BYTES} bytes.`)
}
