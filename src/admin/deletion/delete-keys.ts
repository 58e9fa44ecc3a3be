import { randomBytes } from 'node:crypto'
import { CacheNotRespondingError } from '../../contract/errors.js'
import type { AuditIntent, AuditResult } from '../access/audit-trail.js'
import { reasonOf } from '../../checks/reason.js'
import { preview, tokenTarget } from './delete-page.js'
import { deleteTarget, nameToType, targetOf, type Target } from './deletion.js'
import type { Handler, PageRequest } from '../show/page.js'
import { readPreviewToken, type Preview } from '../access/preview-token.js'
import { Denied, notRecorded, notResponding, Problem } from '../http/problem.js'
import type { AdminSession, Deletion } from '../access/admin-session.js'

const DELETIONS_PER_MINUTE = 60
/** No reader waits longer than this for a page. A larger deletion goes on by itself, and the page says how far it is. */
const ANSWER_WITHIN_MS = 20_000
/** How many characters of a name the session keeps. */
const CHARACTERS_KEPT = 100
const USED = 'This preview was used already: nothing more was deleted.'

/** Step 3 deletes what a preview has shown, once. It redirects to a page that shows the result. */
export const deleteKeys: Handler = async (request) => {
  const { cache, cacheName, query, form, session, trail, actor, ip, link } = request
  const target = targetOf(query)
  if (target === undefined || 'problem' in target || session === undefined) {
    throw new Problem(422, 'Nothing was deleted', 'The form did not say what to delete.')
  }
  checkPace(session)
  const shown = checkPreview(request, session, target)
  const previewed = shown.count
  const who = { actor, ip, mode: target.mode, target: target.name, previewed }
  const name = nameToType(target, previewed, cacheName)
  const typed = form.get('confirmation')?.trim() ?? ''
  if (name !== undefined && typed !== name) {
    await trail.deny(cache, who, 'The name was not typed as it was shown.')
    return preview(request, session, target, typed)
  }
  const intent = { ...who, id: `${shown.id}.${randomBytes(6).toString('base64url')}` }
  await begin(request, intent, shown)
  const startedAtMs = Date.now()
  const result = await withinAnswerTime(carryOut(request, intent, target))
  session.keepDeletion({ id: intent.id, ...keptTarget(target), previewed, startedAtMs, ending: result })
  return { redirect: link('delete', { result: intent.id }), status: 303 }
}

function keptTarget({ mode, name }: Target): Pick<Deletion, 'mode' | 'name' | 'isNameCut'> {
  const characters = Array.from(name ?? '')
  if (characters.length <= CHARACTERS_KEPT) return { mode, name, isNameCut: false }
  return { mode, name: characters.slice(0, CHARACTERS_KEPT).join(''), isNameCut: true }
}

function checkPace(session: AdminSession): void {
  const waitSeconds = session.countDeletion(DELETIONS_PER_MINUTE)
  if (waitSeconds === 0) return
  const sentence = `In one session there are at most ${DELETIONS_PER_MINUTE} deletions a minute. Try again in ${waitSeconds} s.`
  throw new Denied(429, 'Too many deletions', sentence, { 'Retry-After': `${waitSeconds}` })
}

function checkPreview({ form, cacheName }: PageRequest, session: AdminSession, target: Target): Preview {
  const token = form.get('preview')
  if (token === undefined) throw new Denied(422, 'Nothing was deleted', 'The preview comes before the deletion.')
  const shown = readPreviewToken(session.previewSecret(), tokenTarget(cacheName, target), token)
  if (shown === undefined) {
    throw new Denied(403, 'Nothing was deleted', 'The form is not from a preview of this deletion. Preview it again.')
  }
  if (!shown.isExpired) return shown
  throw new Denied(409, 'Nothing was deleted', 'The preview is older than five minutes. Preview it again.')
}

/** Records the deletion, under the preview's id. @throws {Problem} when it must not go on. */
async function begin({ cache, trail, warnings }: PageRequest, intent: AuditIntent, shown: Preview): Promise<void> {
  const firstUse = async (): Promise<string | undefined> => {
    const events = await trail.read(cache)
    return events.findLast(({ id, phase }) => phase === 'intent' && id.startsWith(`${shown.id}.`))?.id
  }
  const failed = async (error: unknown): Promise<never> => {
    await trail.end(cache, intent, { outcome: 'failed', deleted: 0, reason: 'It could not be recorded.' })
    const warning = 'The dashboard deleted nothing, since that could not be recorded'
    warnings.give('KEYEDCACHE_ADMIN_AUDIT', warning, error)
    throw notRecorded()
  }
  if ((await firstUse().catch(failed)) !== undefined) throw new Denied(409, 'Already done', USED)
  await trail.begin(cache, intent).catch(failed)
  // A double click may reach two processes at once. The deletion that was recorded first goes on.
  if ((await firstUse().catch(failed)) === intent.id) return
  await trail.end(cache, intent, { outcome: 'denied', reason: USED })
  throw new Problem(409, 'Already done', USED)
}

/** Deletes and records the result. @throws {Problem} when nothing is known to be deleted. */
async function carryOut({ cache, trail }: PageRequest, intent: AuditIntent, target: Target): Promise<AuditResult> {
  const startMs = performance.now()
  const end = async (outcome: AuditResult['outcome'], deleted: number, reason?: string): Promise<AuditResult> => {
    const result = { outcome, deleted, ms: performance.now() - startMs, reason }
    await trail.end(cache, intent, result)
    return result
  }
  try {
    return await end('done', await deleteTarget(cache, target))
  } catch (error) {
    const removed = error instanceof CacheNotRespondingError ? error.removed : 0
    const result = await end(removed > 0 ? 'partial' : 'failed', removed, reasonToNote(error))
    if (removed > 0) return result
    if (!(error instanceof CacheNotRespondingError)) throw error
    throw notResponding(
      'The cache did not answer in time, so how much was deleted is not known. Preview it again to see what is left.',
    )
  }
}

/** The result; `undefined` if the deletion is still under way. The audit trail records how it ends. */
async function withinAnswerTime(result: Promise<AuditResult>): Promise<AuditResult | undefined> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ANSWER_WITHIN_MS)
  })
  return Promise.race([result, timeout]).finally(() => clearTimeout(timer))
}

function reasonToNote(error: unknown): string {
  return error instanceof CacheNotRespondingError ? 'The cache stopped answering.' : reasonOf(error)
}
