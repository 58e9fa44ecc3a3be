import type { KeyedCache } from '../../contract/cache.js'
import type { RateLimitedWarnings } from '../../contract/events/rate-limited-warnings.js'
import { toKey } from '../../keys/key.js'
import type { AuditTrail } from '../access/audit-trail.js'
import type { Link } from '../http/mount.js'
import { badRequest } from '../http/problem.js'
import { encodedKey, text, type Query } from '../http/query.js'
import type { AdminSession } from '../access/admin-session.js'

/** What a page is made from: the facts of an admitted request. */
export interface PageRequest {
  readonly cache: KeyedCache
  /** The name of the cache in the dashboard. */
  readonly cacheName: string
  readonly query: Query
  /** The fields of the posted form; none for a GET. */
  readonly form: Query
  /** Links relative to this page, for the cache that was chosen. */
  readonly link: Link
  readonly session: AdminSession | undefined
  /** The reason why nothing can be changed; `undefined` when changes are allowed. */
  readonly readOnly: string | undefined
  readonly redact: (key: string, value: unknown) => unknown
  readonly trail: AuditTrail
  readonly warnings: RateLimitedWarnings
  /** Who is signed in, as far as the host says. */
  readonly actor: string | undefined
  readonly ip: string | undefined
}

/** The answer to a request. */
export type Reply =
  | {
      readonly view: View
      readonly title: string
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
      readonly model: object
    }
  | { readonly json: unknown }
  /** `type` is a content type. */
  | { readonly text: string; readonly type: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly redirect: string; readonly status: 303 | 308 }

/** The names of the views. */
export type View = 'overview' | 'keys' | 'key' | 'key-gone' | 'delete' | 'delete-preview' | 'activity' | 'problem'

/** Makes the answer of one route. Touches no response. */
export type Handler = (request: PageRequest) => Promise<Reply>

/** The full key in a parameter that readers type. @throws {Problem} when it is no key. */
export function typedKey(query: Query, name: string): string | undefined {
  const typed = text(query, name)
  return typed === undefined ? undefined : checkedKey(typed)
}

/** The full key in a parameter that links carry. @throws {Problem} when it is no key. */
export function linkedKey(query: Query, name: string): string | undefined {
  const linked = encodedKey(query, name)
  return linked === undefined ? undefined : checkedKey(linked)
}

function checkedKey(given: string): string {
  try {
    return toKey(given)
  } catch (error) {
    throw badRequest(`That is no key. ${error instanceof TypeError ? error.message : ''}`)
  }
}
