import type { KeyedCache } from '../cache/cache.js'
import { CacheNotRespondingError } from '../cache/errors.js'
import { amount, number, span, visible } from './format.js'
import { linkedKey, typedKey, type Handler, type Reply } from './page.js'
import { notResponding, Problem } from './problem.js'
import { choice, encodeKey, text, type Query } from './query.js'

const MODES = ['one', 'tree', 'all'] as const
const NAMES_SHOWN = 20

type Target = { readonly mode: 'one' | 'tree'; readonly key: string } | { readonly mode: 'all' }

/** Step 1 asks what to delete, step 2 shows what that is. Neither changes anything. */
export const deletePage: Handler = async (request) => {
  const { cache, query, link, session, readOnly } = request
  if (readOnly !== undefined || session === undefined) {
    return { view: 'delete', title: 'Delete', model: { readOnly } }
  }
  const target = targetOf(query)
  if (target === undefined) return form(query, resultBanner(session.result(text(query, 'result') ?? '')))
  if ('problem' in target) return form(query, undefined, target)
  const { count, names } = await preview(cache, target)
  return {
    view: 'delete-preview',
    title: 'Delete: preview',
    model: {
      mode: target.mode,
      key: target.mode === 'all' ? undefined : visible(target.key),
      count,
      amount: amount(count, 'key'),
      names: names.map(visible),
      more: count > names.length ? amount(count - names.length, 'more key') : undefined,
      action: link('delete', linkParameters(target)),
      startHref: link('delete'),
      csrfToken: session.csrfToken(),
    },
  }
}

/** Step 3 deletes, and leads to a page that says what came of it. */
export const deleteKeys: Handler = async ({ cache, query, form: fields, link, session }) => {
  const target = targetOf(query)
  if (target === undefined || 'problem' in target || session === undefined) {
    throw new Problem(422, 'Nothing was deleted', 'The form did not say what to delete.')
  }
  const startedMs = performance.now()
  const deleted = await carryOut(cache, target)
  const previewed = /^\d{1,12}$/.test(fields.get('previewed') ?? '') ? Number(fields.get('previewed')) : undefined
  const what = target.mode === 'all' ? 'everything in this cache' : target.key
  const result = session.keepResult({ what, deleted, previewed, ms: performance.now() - startedMs })
  return { redirect: link('delete', { result }), status: 303 }
}

function targetOf(query: Query): Target | { problem: string; field: string } | undefined {
  const mode = choice(query, 'mode', MODES)
  const key = linkedKey(query, 'k') ?? typedKey(query, 'key')
  if (mode === 'all') return { mode }
  if (mode !== undefined && key !== undefined) return { mode, key }
  if (mode !== undefined) return { problem: 'Enter the key to delete', field: 'key' }
  return query.has('key') ? { problem: 'Choose what to delete', field: 'mode-one' } : undefined
}

function linkParameters(target: Target): Record<string, string> {
  return target.mode === 'all' ? { mode: 'all' } : { mode: target.mode, k: encodeKey(target.key) }
}

function form(query: Query, result: object | undefined, error?: { problem: string; field: string }): Reply {
  return {
    view: 'delete',
    title: error ? 'Error: Delete' : 'Delete',
    status: error ? 400 : 200,
    model: { readOnly: undefined, mode: query.get('mode'), key: query.get('key') ?? '', result, error },
  }
}

async function preview(cache: KeyedCache, target: Target): Promise<{ count: number; names: readonly string[] }> {
  if (target.mode === 'all') {
    const { keys, total } = await cache.keys(undefined, { limit: NAMES_SHOWN })
    return { count: total, names: keys }
  }
  const { keys, total } = await cache.keys(target.key, { limit: NAMES_SHOWN })
  if (target.mode === 'tree') return { count: total, names: keys }
  return keys[0] === target.key ? { count: 1, names: [target.key] } : { count: 0, names: [] }
}

async function carryOut(cache: KeyedCache, target: Target): Promise<number> {
  try {
    if (target.mode === 'all') return await cache.clear()
    return (await cache.delete(target.key, { children: target.mode === 'tree' })).length
  } catch (error) {
    if (!(error instanceof CacheNotRespondingError)) throw error
    throw notResponding(
      'The cache did not answer in time, so how much was deleted is not known. The deletion is carried out as soon as it answers again.',
    )
  }
}

function resultBanner(
  result: { what: string; deleted: number; previewed: number | undefined; ms: number } | undefined,
): object | undefined {
  if (result === undefined) return undefined
  const { what, deleted, previewed, ms } = result
  return {
    sentence: `Deleted ${amount(deleted, 'key')} in ${span(Math.max(1, Math.round(ms)) / 1000)}.`,
    what: visible(what),
    note:
      previewed === undefined || previewed === deleted
        ? undefined
        : `The preview had shown ${number(previewed)}: others were added or expired meanwhile.`,
  }
}
