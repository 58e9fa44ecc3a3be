import type { AuditEvent } from '../../contract/audit-event.js'
import { CacheNotRespondingError } from '../../contract/errors.js'
import { visible } from '../../checks/visible.js'
import { MODE_NAMES } from '../deletion/deletion.js'
import { moment, number, span } from '../show/format.js'
import { shortName } from '../show/key-text.js'
import type { Handler } from '../show/page.js'

const ACTIONS_SHOWN = 100
/** A deletion has two events, so this many are enough for the actions shown. */
const EVENTS_READ = 2 * ACTIONS_SHOWN
const NAME_CHARACTERS = 100
const UNANSWERED_AFTER_MS = 60_000

const OUTCOMES = { done: 'done', partial: 'stopped partway', failed: 'failed', denied: 'denied' }

/** What staff deleted, and what was denied: the newest first. */
export const activityPage: Handler = async ({ cache, trail }) => {
  try {
    const events = await trail.read(cache, EVENTS_READ)
    const rows = actions(events).slice(0, ACTIONS_SHOWN)
    return { view: 'activity', title: 'Activity', model: { isDown: false, rows: rows.map((each) => row(each)) } }
  } catch (error) {
    if (!(error instanceof CacheNotRespondingError)) throw error
    const headers = { 'Retry-After': '5' }
    return { view: 'activity', title: 'Activity', status: 503, headers, model: { isDown: true, rows: [] } }
  }
}

interface Action {
  readonly intent: AuditEvent | undefined
  readonly result: AuditEvent | undefined
}

/** Joins the events of one id to one action. The action with the newest event comes first. */
function actions(events: readonly AuditEvent[]): Action[] {
  const byId = new Map<string, Action>()
  for (const event of events) {
    byId.set(event.id, { intent: undefined, result: undefined, ...byId.get(event.id), [event.phase]: event })
  }
  return Array.from(byId.values())
}

function row({ intent, result }: Action): object {
  const { time, actor, ip, mode, target, previewed } = (intent ?? result) as AuditEvent
  return {
    when: moment(time),
    who: actor === undefined ? undefined : visible(actor),
    ip: ip === undefined ? undefined : visible(ip),
    what: mode === undefined ? undefined : MODE_NAMES[mode],
    target: target === undefined ? undefined : shortName(target, NAME_CHARACTERS),
    previewed: previewed === undefined ? '' : number(previewed),
    deleted: result?.deleted === undefined ? '' : number(result.deleted),
    took: result?.ms === undefined ? '' : span(result.ms / 1000),
    outcome: outcome(time, result),
    reason: result?.reason === undefined ? undefined : visible(result.reason),
  }
}

function outcome(time: Date, result: AuditEvent | undefined): string {
  if (result?.outcome !== undefined) return OUTCOMES[result.outcome]
  return Date.now() - time.getTime() < UNANSWERED_AFTER_MS ? 'under way' : 'still under way, or its process ended'
}
