import type { AuditResult } from '../access/audit-trail.js'
import { findKeys, MODE_NAMES, targetParameters, type Target } from './deletion.js'
import { amount, number, span } from '../show/format.js'
import { keyText } from '../show/key-text.js'
import type { PageRequest } from '../show/page.js'
import { Problem } from '../http/problem.js'
import type { Deletion } from '../access/admin-session.js'

type Outcome = NonNullable<Deletion['ending']>

const STOPPED = 'The cache stopped answering. Preview it again to see what is left.'

/** The result of a deletion in words, or how far it is. Rejects when the cache does not answer. */
export async function deletionResult(request: PageRequest, deletion: Deletion): Promise<object> {
  const ending = deletion.ending ?? (await recordedEnding(request, deletion.id))
  return {
    ...(ending ? ended(deletion, ending) : await underWay(request, deletion)),
    mode: MODE_NAMES[deletion.mode],
    what: what(deletion),
  }
}

function what({ name, isNameCut }: Deletion): string | undefined {
  return name === undefined ? undefined : `${keyText(name)}${isNameCut ? '…' : ''}`
}

/** The whole target of a deletion. If the session has only its beginning, the audit trail has the rest. */
async function wholeTarget({ cache, trail }: PageRequest, { id, mode, name, isNameCut }: Deletion): Promise<Target> {
  if (!isNameCut) return { mode, name }
  const intent = (await trail.read(cache)).find((event) => event.id === id && event.phase === 'intent')
  if (intent?.target === undefined) throw new Problem(404, 'Not known any more', 'Too much was deleted since.')
  return { mode, name: intent.target }
}

/** The recorded result of a deletion that took longer than its request. */
async function recordedEnding({ cache, trail }: PageRequest, id: string): Promise<Outcome | undefined> {
  const events = await trail.read(cache)
  const { outcome, deleted = 0, ms = 0 } = events.find((event) => event.id === id && event.phase === 'result') ?? {}
  return outcome && { outcome, deleted, ms }
}

function ended({ previewed }: Deletion, { outcome, deleted, ms }: Outcome): object {
  if (outcome !== 'done') return { kind: 'danger', sentence: stopped(outcome, deleted, previewed, ms), note: STOPPED }
  const difference = deleted - previewed
  const meanwhile =
    difference > 0
      ? ` (${number(difference)} ${difference === 1 ? 'was' : 'were'} added after the preview)`
      : ` (${number(-difference)} expired or had been deleted after the preview)`
  return {
    kind: 'done',
    sentence: `Deleted ${amount(deleted, 'key')} in ${time(ms)}${difference === 0 ? '' : meanwhile}.`,
    note: difference === 0 ? undefined : `The preview had shown ${number(previewed)}.`,
  }
}

function stopped(outcome: AuditResult['outcome'], deleted: number, previewed: number, ms: number): string {
  return outcome === 'partial'
    ? `Stopped after ${number(deleted)} of ${amount(previewed, 'key')}, in ${time(ms)}.`
    : `Failed after ${time(ms)}: how much was deleted is not known.`
}

async function underWay(request: PageRequest, deletion: Deletion): Promise<object> {
  const { cache, link } = request
  const { id, previewed, startedAtMs } = deletion
  const target = await wholeTarget(request, deletion)
  const { count } = await findKeys(cache, target, 1)
  return {
    kind: 'pending',
    sentence: `Still deleting after ${time(Date.now() - startedAtMs)}: ${number(count)} of ${amount(previewed, 'key')} left.`,
    note: 'It goes on by itself.',
    lookAgainHref: link('delete', { result: id }),
    previewHref: link('delete', targetParameters(target)),
  }
}

function time(ms: number): string {
  return span(ms < 1000 ? Math.max(1, Math.round(ms)) / 1000 : ms / 1000)
}
