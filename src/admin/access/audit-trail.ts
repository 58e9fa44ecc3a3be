import { randomBytes } from 'node:crypto'
import type { AuditEvent } from '../../contract/audit-event.js'
import type { KeyedCache } from '../../contract/cache.js'
import { RateLimit } from '../../checks/rate-limit.js'
import { callHook } from '../../contract/events/call-hook.js'
import type { RateLimitedWarnings } from '../../contract/events/rate-limited-warnings.js'
import type { AdminSettings } from './admin-options.js'

/** Who means to delete what. */
export type AuditIntent = Pick<AuditEvent, 'id' | 'actor' | 'ip' | 'mode' | 'target' | 'previewed'>

/** What came of it. `ms`: how long it took. */
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

/** Tells the host, and notes beside the keys, what staff mean to delete, what came of it, and what was denied. */
export class AuditTrail {
  readonly #onAudit: ((event: AuditEvent) => unknown) | undefined
  readonly #warnings: RateLimitedWarnings
  // who is not staff must not use up what is noted of staff
  readonly #denialsOfStaff = new RateLimit(DENIALS_PER_MINUTE)
  readonly #denialsOfOthers = new RateLimit(DENIALS_PER_MINUTE)
  readonly #unstored = new WeakMap<KeyedCache, AuditEvent[]>()

  constructor({ onAudit, warnings }: Pick<AdminSettings, 'onAudit' | 'warnings'>) {
    this.#onAudit = onAudit
    this.#warnings = warnings
  }

  /** Says what is about to be done. Rejects when the host or the store does not take it: then it must not be done. */
  async begin(cache: KeyedCache, intent: AuditIntent): Promise<void> {
    const event: AuditEvent = { ...intent, ...NOTHING, time: new Date(), phase: 'intent' }
    await this.#onAudit?.(event)
    await cache.audit(event)
  }

  /** Says what came of it. Never rejects: what the store does not take now, it is given again when it answers. */
  async end(cache: KeyedCache, intent: AuditIntent, result: Partial<AuditResult>): Promise<void> {
    const event: AuditEvent = { ...intent, ...NOTHING, ...result, time: new Date(), phase: 'result' }
    this.#tell(event)
    await this.#store(cache, event)
  }

  /**
   * Says that somebody was kept from deleting. At most 60 a minute, so that nobody fills the log by trying. Of those who are
   * not staff only the host is told (`cache: undefined`): nothing they send reaches the store.
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

  /** What was noted, the newest first, by default all that is kept. Rejects when the store does not answer. */
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

  /** The list of what one cache did not take, which it is given again whenever it comes back. */
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
    // a command that was given up on may have been carried out all the same
    const stored = await this.#storedIds(cache)
    for (const event of unstored) {
      if (!stored.has(event.id)) await this.#store(cache, event)
    }
  }
}
