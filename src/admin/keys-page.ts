import type { KeyedCache } from '../cache/cache.js'
import { CacheNotRespondingError } from '../cache/errors.js'
import { segments, unescapeSegment } from '../cache/key.js'
import { amount, number, visible } from './format.js'
import type { Link } from './mount.js'
import { typedKey, type Handler } from './page.js'
import { choice, encodeKey, text, wholeNumber } from './query.js'

const VIEWS = ['list', 'tree'] as const
const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500
const GROUPS_ABOVE_LIST = 40

interface Listing {
  readonly prefix: string | undefined
  readonly after: string | undefined
  readonly limit: number
}

/** The keys, sorted: as a list of all below a prefix, or one level of the tree. */
export const keysPage: Handler = async ({ cache, query, link, readOnly }) => {
  const view = choice(query, 'view', VIEWS) ?? 'list'
  const listing = {
    prefix: typedKey(query, 'prefix'),
    after: text(query, 'after'),
    limit: wholeNumber(query, 'limit', MAX_LIMIT) ?? DEFAULT_LIMIT,
  }
  const { prefix, after } = listing
  const kept = { limit: text(query, 'limit') }
  const here = (parameters: Readonly<Record<string, string | undefined>>): string =>
    link('keys', { view: view === 'tree' ? view : undefined, ...kept, ...parameters })
  const model = {
    view,
    prefix: prefix ?? '',
    prefixText: prefix === undefined ? undefined : visible(prefix),
    after: after === undefined ? undefined : visible(after),
    crumbs: crumbs(prefix, here),
    listHref: link('keys', { prefix, ...kept }),
    treeHref: link('keys', { prefix, ...kept, view: 'tree' }),
    firstHref: here({ prefix }),
    allHref: here({}),
    canDelete: readOnly === undefined,
    deleteHref: link('delete', prefix === undefined ? { mode: 'all' } : { mode: 'tree', k: encodeKey(prefix) }),
  }
  const title = prefix === undefined ? 'Keys' : `Keys under ${visible(prefix)}`
  try {
    const found = await (view === 'tree' ? tree(cache, listing, here, link) : list(cache, listing, here, link))
    return { view: 'keys', title, model: { ...model, ...found } }
  } catch (error) {
    if (!(error instanceof CacheNotRespondingError)) throw error
    return { view: 'keys', title, status: 503, model: { ...model, isDown: true, groups: [], rows: [] } }
  }
}

async function list(cache: KeyedCache, { prefix, after, limit }: Listing, here: Here, link: Link): Promise<object> {
  const [page, level] = await Promise.all([
    cache.keys(prefix, { after, limit }),
    after === undefined ? cache.children(prefix, { limit: GROUPS_ABOVE_LIST }) : undefined,
  ])
  const groups = level?.children.filter(({ count }) => count > 0) ?? []
  return {
    total: amount(page.total, 'key'),
    isEmpty: page.total === 0,
    groups: groups.map(({ segment, key, count }) => ({
      name: visible(unescapeSegment(segment)),
      href: here({ prefix: key }),
      count: number(count),
    })),
    hasMoreGroups: level?.next !== undefined,
    rows: page.keys.map((key) => keyRow(visible(key), key, link)),
    nextHref: page.next === undefined ? undefined : here({ prefix, after: page.next }),
  }
}

async function tree(cache: KeyedCache, { prefix, after, limit }: Listing, here: Here, link: Link): Promise<object> {
  const [page, total] = await Promise.all([cache.children(prefix, { after, limit }), cache.count(prefix)])
  return {
    total: amount(total, 'key'),
    isEmpty: total === 0,
    groups: [],
    // what is a key and has keys below it stands here twice, once as each
    rows: page.children.flatMap(({ segment, key, isKey, count }) => {
      const name = visible(unescapeSegment(segment))
      const group = {
        kind: 'group',
        name,
        href: here({ prefix: key }),
        count: number(count),
        deleteHref: link('delete', { mode: 'tree', k: encodeKey(key) }),
      }
      return [...(count > 0 ? [group] : []), ...(isKey ? [keyRow(name, key, link)] : [])]
    }),
    nextHref: page.next === undefined ? undefined : here({ prefix, after: page.next }),
  }
}

type Here = (parameters: Readonly<Record<string, string | undefined>>) => string

function keyRow(name: string, key: string, link: Link): object {
  const k = encodeKey(key)
  return { kind: 'key', name, href: link('key', { k }), deleteHref: link('delete', { mode: 'one', k }) }
}

function crumbs(prefix: string | undefined, here: Here): object[] {
  if (prefix === undefined) return []
  const parts = segments(prefix)
  return parts.map((part, index) => ({
    name: visible(unescapeSegment(part)),
    href: here({ prefix: parts.slice(0, index + 1).join('::') }),
  }))
}
