import { findKeys, nameToType, targetOf, targetParameters, type FormError, type Target } from './deletion.js'
import { deletionResult } from './deletion-result.js'
import { amount } from '../show/format.js'
import { keyText, shortName } from '../show/key-text.js'
import type { Handler, PageRequest, Reply } from '../show/page.js'
import { writePreviewToken } from '../access/preview-token.js'
import { text, type Query } from '../http/query.js'
import type { AdminSession } from '../access/admin-session.js'

const NAMES_SHOWN = 20
const NAME_CHARACTERS = 200

/** Step 1 asks what to delete. Step 2 shows which keys that is. Neither changes anything. */
export const deletePage: Handler = async (request) => {
  const { query, session, readOnly } = request
  if (readOnly !== undefined || session === undefined) {
    return { view: 'delete', title: 'Delete', model: { readOnly } }
  }
  const target = targetOf(query)
  if (target === undefined || 'problem' in target) return form(request, session, target)
  return preview(request, session, target)
}

/** Step 2. `wrongName` is the text that the reader typed in place of the name asked for. */
export async function preview(
  { cache, cacheName, query, link }: PageRequest,
  session: AdminSession,
  target: Target,
  wrongName?: string,
): Promise<Reply> {
  const { count, names } = await findKeys(cache, target, NAMES_SHOWN)
  const name = nameToType(target, count, cacheName)
  const hasError = wrongName !== undefined && count > 0 && name !== undefined
  return {
    view: 'delete-preview',
    title: hasError ? 'Error: Delete: preview' : 'Delete: preview',
    ...(hasError && { status: 422 }),
    model: {
      isSessionOver: isSessionOver(query),
      mode: target.mode,
      target: target.name === undefined ? undefined : shortName(target.name, NAME_CHARACTERS),
      count,
      amount: amount(count, 'key'),
      names: names.map(keyText),
      more: count > names.length ? amount(count - names.length, 'more key') : undefined,
      action: link('delete', targetParameters(target)),
      startHref: link('delete'),
      csrfToken: session.csrfToken(),
      preview: writePreviewToken(session.previewSecret(), tokenTarget(cacheName, target), count),
      nameToType: name,
      wrongName: hasError ? wrongName : undefined,
    },
  }
}

/** The target that a preview's token is good for, as text. */
export function tokenTarget(cacheName: string, { mode, name }: Target): string {
  return JSON.stringify([cacheName, mode, name])
}

/** Whether the reader was sent to sign in after sending a form. */
function isSessionOver(query: Query): boolean {
  return query.has('ended')
}

async function form(request: PageRequest, session: AdminSession, error: FormError | undefined): Promise<Reply> {
  const { cache, query, link } = request
  const deletion = session.deletion(text(query, 'result') ?? '')
  const result = deletion && (await deletionResult(request, deletion))
  const isDown = !cache.backend.up
  return {
    view: 'delete',
    title: error ? 'Error: Delete' : 'Delete',
    status: error ? 400 : isDown && !result ? 503 : 200,
    ...(isDown && { headers: { 'Retry-After': '5' } }),
    model: {
      readOnly: undefined,
      isSessionOver: isSessionOver(query),
      mode: query.get('mode'),
      key: query.get('key') ?? '',
      tag: query.get('tag') ?? '',
      result,
      isDown,
      startHref: link('delete'),
      error,
    },
  }
}
