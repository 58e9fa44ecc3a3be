import { randomBytes } from 'node:crypto'
import type { AuditEvent } from '../../contract/audit-event.js'
import type { KeyedCache } from '../../contract/cache.js'
import { RateLimit } from '../../checks/rate-limit.js'
import { callHook } from '../../contract/events/call-hook.js'
import type { RateLimitedWarnings } from '../../contract/events/rate-limited-warnings.js'
import type { AdminSettings } from './admin-options.js'

/** Who wants to delete what. */
export type AuditIntent = Pick<AuditEvent, 'id' | 'actor' | 'ip' | 'mode' | 'target' | 'previewed'>

/** The result of a deletion. `ms`: how long it took. */
export interface AuditResult {
  readonly outcome: NonNullable<AuditEvent['outcome']>
  readonly deleted: number
  readonly ms: number
  readonly reason: string | undefined
}

const DENIALS_PER_MINUTE = 60
const MAX_UNSTORED = 100
const EVENTS_READ = 1000
const NOTHING = { outcome: undefined, deleted: undefined, ms: undefined, reason: undefined }

/** Records what staff want to delete, the result, and what was denied. The host is told, and the events are stored beside the keys. */
export class AuditTrail {
  readonly #onAudit: ((event: AuditEvent) => unknown) | undefined
  readonly #warnings: RateLimitedWarnings
  // Two limits, so that denials of others do not use up the limit of staff.
  readonly #denialsOfStaff = new RateLimit(DENIALS_PER_MINUTE)
  readonly #denialsOfOthers = new RateLimit(DENIALS_PER_MINUTE)
  readonly #unstored = new WeakMap<KeyedCache, AuditEvent[]>()

  constructor({ onAudit, warnings }: Pick<AdminSettings, 'onAudit' | 'warnings'>) {
    this.#onAudit = onAudit
    this.#warnings = warnings
  }

  /** Records what is about to be deleted. Rejects when the host or the store does not take the record. Then nothing may be deleted. */
  async begin(cache: KeyedCache, intent: AuditIntent): Promise<void> {
    const event: AuditEvent = { ...intent, ...NOTHING, time: new Date(), phase: 'intent' }
    await this.#onAudit?.(event)
    await cache.audit(event)
  }

  /** Records the result. Never rejects: if the store does not take the record now, it gets it when it answers again. */
  async end(cache: KeyedCache, intent: AuditIntent, result: Partial<AuditResult>): Promise<void> {
    const event: AuditEvent = { ...intent, ...NOTHING, ...result, time: new Date(), phase: 'result' }
    this.#tell(event)
    await this.#store(cache, event)
  }

  /**
   * Records that a deletion was denied: at most 60 a minute for staff and 60 for others, so that nobody fills the log by trying. For people
   * who are not staff (`cache: undefined`), only the host is told, and nothing that they send reaches the store.
   */
  async deny(cache: KeyedCache | undefined, attempt: Omit<AuditIntent, 'id'>, reason: string): Promise<void> {
    const allowed = cache === undefined ? this.#denialsOfOthers : this.#denialsOfStaff
    if (!allowed.take()) return
    const event: AuditEvent = {
      ...attempt,
      ...NOTHING,
      id: randomBytes(9).toString('base64url'),
      time: new Date(),
      phase: 'result',
      outcome: 'denied',
      reason,
    }
    this.#tell(event)
    if (cache !== undefined) await this.#store(cache, event)
  }

  /** The recorded events, the newest first, by default all that are kept. Rejects when the store does not answer. */
  async read(cache: KeyedCache, limit: number = EVENTS_READ): Promise<AuditEvent[]> {
    await this.#storeAgain(cache)
    return cache.activity({ limit })
  }

  #tell(event: AuditEvent): void {
    callHook(
      () => this.#onAudit?.(event),
      (error) => this.#warnings.give('KEYEDCACHE_ADMIN_AUDIT', '`onAudit` failed on the result of a deletion', error),
    )
  }

  async #store(cache: KeyedCache, event: AuditEvent): Promise<void> {
    try {
      await cache.audit(event)
    } catch {
      const unstored = this.#unstored.get(cache) ?? this.#whenUp(cache)
      unstored.push(event)
      if (unstored.length > MAX_UNSTORED) unstored.shift()
    }
  }

  /** The list of events that one cache did not take. They are sent again whenever the cache comes back. */
  #whenUp(cache: KeyedCache): AuditEvent[] {
    const unstored: AuditEvent[] = []
    this.#unstored.set(cache, unstored)
    cache.on('state', ({ up }) => {
      if (up) void this.#storeAgain(cache)
    })
    return unstored
  }

  async #storedIds(cache: KeyedCache): Promise<Set<string>> {
    try {
      const events = await cache.activity({ limit: EVENTS_READ })
      return new Set(events.filter(({ phase }) => phase === 'result').map(({ id }) => id))
    } catch {
      return new Set()
    }
  }

  async #storeAgain(cache: KeyedCache): Promise<void> {
    const unstored = this.#unstored.get(cache)?.splice(0) ?? []
    if (unstored.length === 0) return
    // A command that timed out may have been carried out all the same.
    const stored = await this.#storedIds(cache)
    for (const event of unstored) {
      if (!stored.has(event.id)) await this.#store(cache, event)
    }
  }
}
