import type { AuditEvent } from '../../contract/audit-event.js'

const PHASES = ['intent', 'result'] as const
const MODES = ['one', 'tree', 'tag', 'all'] as const
const OUTCOMES = ['done', 'partial', 'failed', 'denied'] as const

/** An event as one line. */
export function auditLine(event: AuditEvent): string {
  return JSON.stringify(event)
}

/** The event in a line; `undefined` when the line holds none. The line is checked, because others may have written to the store. */
export function readAuditLine(line: string): AuditEvent | undefined {
  let read: unknown
  try {
    read = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof read !== 'object' || read === null) return undefined
  const given = read as Record<string, unknown>
  const id = text(given['id'])
  const time = new Date(text(given['time']) ?? Number.NaN)
  const phase = oneOf(PHASES, given['phase'])
  if (id === undefined || phase === undefined || Number.isNaN(time.getTime())) return undefined
  return {
    id,
    time,
    phase,
    actor: text(given['actor']),
    ip: text(given['ip']),
    mode: oneOf(MODES, given['mode']),
    target: text(given['target']),
    previewed: count(given['previewed']),
    outcome: oneOf(OUTCOMES, given['outcome']),
    deleted: count(given['deleted']),
    ms: count(given['ms']),
    reason: text(given['reason']),
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T | undefined {
  return known.find((each) => each === value)
}
