import { CacheNotRespondingError } from '../../contract/errors.js'
import { number } from '../show/format.js'
import { keyPath } from '../show/key-path.js'
import { keyText } from '../show/key-text.js'
import { listing, type Here } from './keys-listing.js'
import { typedKey, type Handler } from '../show/page.js'
import { choice, encodeKey, text, wholeNumber, type Query } from '../http/query.js'

const VIEWS = ['list', 'tree'] as const
const DEFAULT_LIMIT = 50
const MAX_LIMIT = 1000
const MAX_PAGE = 1_000_000

/** The keys, sorted: a list of all keys below a prefix, or one level of the tree. */
export const keysPage: Handler = async ({ cache, query, link, readOnly }) => {
  const view = choice(query, 'view', VIEWS) ?? 'list'
  const wanted = {
    view,
    prefix: typedKey(query, 'prefix'),
    after: text(query, 'after'),
    limit: wholeNumber(query, 'limit', MAX_LIMIT) ?? DEFAULT_LIMIT,
    page: wholeNumber(query, 'page', MAX_PAGE) ?? 1,
  }
  const { prefix, after, page } = wanted
  const kept = { limit: text(query, 'limit') }
  const here: Here = (parameters) => link('keys', { view: view === 'tree' ? view : undefined, ...kept, ...parameters })
  const model = {
    view,
    typed: text(query, 'prefix') ?? '',
    limit: kept.limit,
    prefixText: prefix === undefined ? undefined : keyText(prefix),
    after: after === undefined ? undefined : keyText(after),
    pageNumber: number(page),
    allHref: here({}),
    path: keyPath(prefix, (key) => here({ prefix: key })),
    listHref: link('keys', { prefix, ...kept }),
    treeHref: link('keys', { prefix, ...kept, view: 'tree' }),
    firstHref: here({ prefix }),
    canDelete: readOnly === undefined,
    deleteHref: link('delete', prefix === undefined ? { mode: 'all' } : { mode: 'tree', k: encodeKey(prefix) }),
  }
  const title = [
    prefix === undefined ? 'Keys' : `Keys under ${keyText(prefix)}`,
    ...(page > 1 ? [`page ${number(page)}`] : []),
  ].join(', ')
  try {
    const found = await listing(cache, wanted, here, link)
    const shorter = withoutSeparator(query)
    if (found.isEmpty && shorter !== undefined) return { redirect: here({ prefix: shorter || undefined }), status: 303 }
    return { view: 'keys', title, model: { ...model, ...found } }
  } catch (error) {
    if (!(error instanceof CacheNotRespondingError)) throw error
    const headers = { 'Retry-After': '5' }
    return { view: 'keys', title, status: 503, headers, model: { ...model, isDown: true } }
  }
}

/** A reader who types `product::` on the way to `product::42` means the keys below `product`. */
function withoutSeparator(query: Query): string | undefined {
  const typed = text(query, 'prefix') ?? ''
  return typed.endsWith(':') ? typed.replace(/:+$/, '') : undefined
}
