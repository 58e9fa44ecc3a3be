import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Request } from 'express'
import type { AuditEvent } from '../../contract/audit-event.js'
import type { AuditResult } from './audit-trail.js'

/** A deletion that was carried out or is under way, for the page that reports it. */
export interface Deletion {
  /** The id of its events in the audit trail. */
  readonly id: string
  readonly mode: NonNullable<AuditEvent['mode']>
  /** The beginning of the key or tag, because a session may be kept in a cookie. The audit trail has the whole of it. */
  readonly name: string | undefined
  readonly isNameCut: boolean
  readonly previewed: number
  readonly startedAtMs: number
  /** `undefined`: the deletion took longer than its request. */
  readonly ending: Pick<AuditResult, 'outcome' | 'deleted' | 'ms'> | undefined
}

interface Kept {
  csrfToken?: string
  previewSecret?: string
  deletion?: Deletion
  pace?: { readonly minute: number; readonly count: number }
}

const FIELD = 'keyedcacheAdmin'
const MINUTE_MS = 60_000

/** What the dashboard keeps in the host's session, all in one field of the session. */
export class AdminSession {
  readonly #session: Record<string, unknown>

  private constructor(session: Record<string, unknown>) {
    this.#session = session
  }

  /** The session that the host gave the request; `undefined` when it gave none. */
  static of(req: Request): AdminSession | undefined {
    const { session } = req as { session?: unknown }
    return typeof session === 'object' && session !== null
      ? new AdminSession(session as Record<string, unknown>)
      : undefined
  }

  /** The token that forms carry, made when it is first needed. */
  csrfToken(): string {
    const token = this.#kept.csrfToken ?? randomBytes(32).toString('base64url')
    this.#keep({ csrfToken: token })
    return token
  }

  /** Whether this is the token that this session's forms carry. Takes the same time for every wrong one. */
  isCsrfToken(given: string | undefined): boolean {
    const own = this.#kept.csrfToken
    if (typeof own !== 'string' || given === undefined) return false
    const [ownBytes, givenBytes] = [Buffer.from(own), Buffer.from(given)]
    return ownBytes.length === givenBytes.length && timingSafeEqual(ownBytes, givenBytes)
  }

  /** The secret that signs this session's previews, made when it is first needed. Never shown. */
  previewSecret(): string {
    const secret = this.#kept.previewSecret ?? randomBytes(32).toString('base64url')
    if (this.#kept.previewSecret === undefined) this.#keep({ previewSecret: secret })
    return secret
  }

  /** Counts one deletion. Gives the seconds to wait if there were too many in this minute, else `0`. */
  countDeletion(limit: number): number {
    const now = Date.now()
    const minute = Math.floor(now / MINUTE_MS)
    const { pace } = this.#kept
    const count = pace?.minute === minute ? pace.count : 0
    if (count >= limit) return Math.ceil(((minute + 1) * MINUTE_MS - now) / 1000)
    this.#keep({ pace: { minute, count: count + 1 } })
    return 0
  }

  /** The last deletion, if it has this id. */
  deletion(id: string): Deletion | undefined {
    const { deletion } = this.#kept
    return deletion?.id === id ? deletion : undefined
  }

  /** Keeps a deletion for the page that reports it, in place of the one before. */
  keepDeletion(deletion: Deletion): void {
    this.#keep({ deletion })
  }

  get #kept(): Kept {
    const kept = Object.hasOwn(this.#session, FIELD) ? this.#session[FIELD] : undefined
    return typeof kept === 'object' && kept !== null ? kept : {}
  }

  #keep(more: Kept): void {
    this.#session[FIELD] = { ...this.#kept, ...more }
  }
}
