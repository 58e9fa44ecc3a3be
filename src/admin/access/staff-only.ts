import type { Request } from 'express'
import { kindOf } from '../../checks/kind.js'
import { warnOfClosed, warnOfNotTrue } from './closed-warning.js'
import type { AdminSettings } from './admin-options.js'
import type { Place } from '../http/mount.js'
import { Problem } from '../http/problem.js'

/** Whether a request comes from staff. If not, who sent it, and where they can sign in. */
export type Admission =
  | { readonly as: 'staff'; readonly userName: string | undefined }
  | { readonly as: 'user'; readonly userName: string | undefined; readonly loginUrl: string | undefined }
  | { readonly as: 'stranger'; readonly loginUrl: string | undefined }

/**
 * Judges who sends a request. Access is denied by default: if a function throws, or gives anything but a literal `true`. Sign-in leads back
 * to `next`.
 */
export async function admit(req: Request, settings: AdminSettings, next: string): Promise<Admission> {
  const user = await orDenied(settings, () => settings.user(req))
  const { isStaff } = settings
  const ask = isStaff ?? (() => (user as { isStaff?: unknown } | undefined)?.isStaff)
  const verdict = await orDenied(settings, () => ask(req))
  const userName = nameOf(user)
  if (verdict === true) return { as: 'staff', userName }
  warnOfClosed(req, settings, verdict)
  const loginUrl = await signInAddress(req, settings, next)
  return user ? { as: 'user', userName, loginUrl } : { as: 'stranger', loginUrl }
}

/** Whether a scraper asks for the metrics. It may have nothing else. */
export async function isScraping(req: Request, settings: AdminSettings, { path }: Place): Promise<boolean> {
  const { isScraper } = settings
  if (isScraper === undefined || path !== '/metrics' || !/^(?:GET|HEAD)$/.test(req.method)) return false
  const verdict = await orDenied(settings, () => isScraper(req))
  if (verdict === true) return true
  if (verdict) warnOfNotTrue('isScraper', verdict)
  return false
}

/** Whether the answer is for a program. A program needs a status, not a page. */
export function isMachine(req: Request, place: Place): boolean {
  return /^\/(?:api\/|metrics\/?$)/.test(place.path) || req.accepts(['html', 'json']) === 'json'
}

/** The reason why this request may change nothing; `undefined` when it may. */
export async function readOnlyReason(
  req: Request,
  settings: AdminSettings,
  hasSession: boolean,
): Promise<string | undefined> {
  if (!hasSession) {
    return 'Requests have no session here, and deleting needs one: its token keeps other sites from deleting in your name.'
  }
  return (await isReadOnly(req, settings)) ? 'The application has made this dashboard read-only for you.' : undefined
}

/** The answer to somebody who is signed in but not staff. */
export function forbidden(userName: string | undefined): Problem {
  return new Problem(403, 'For staff only', `${userName ? `Signed in as ${userName}. ` : ''}This page is for staff.`)
}

async function orDenied({ warnings }: AdminSettings, ask: () => unknown): Promise<unknown> {
  try {
    return await ask()
  } catch (error) {
    const warning = 'The dashboard denied a request, since asking who it is from failed'
    warnings.give('KEYEDCACHE_ADMIN_DENIED', warning, error)
    return undefined
  }
}

async function isReadOnly(req: Request, settings: AdminSettings): Promise<boolean> {
  try {
    return (await settings.readOnly(req)) !== false
  } catch (error) {
    const warning = 'The dashboard only shows, since `readOnly` failed'
    settings.warnings.give('KEYEDCACHE_ADMIN_READONLY', warning, error)
    return true
  }
}

/** Where to sign in; `undefined` if the host does not say. */
async function signInAddress(req: Request, settings: AdminSettings, next: string): Promise<string | undefined> {
  try {
    const loginUrl = await settings.loginUrl(req)
    if (typeof loginUrl === 'string' && loginUrl !== '') return loginUrlWithNext(loginUrl, next)
    throw new TypeError(`Expected text, got ${kindOf(loginUrl)}`)
  } catch (error) {
    const warning = 'The dashboard leads nobody to sign in, since `loginUrl` failed'
    settings.warnings.give('KEYEDCACHE_ADMIN_LOGIN', warning, error)
    return undefined
  }
}

function loginUrlWithNext(loginUrl: string, url: string): string {
  // A request line may hold a whole URL, and "//host" would lead to another site.
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '').replace(/^[/\\]*/, '/')
  const [address = '', fragment] = loginUrl.split('#', 2)
  const separator = address.includes('?') ? '&' : '?'
  const complete = `${address}${separator}next=${encodeURIComponent(path)}`
  return fragment === undefined ? complete : `${complete}#${fragment}`
}

function nameOf(user: unknown): string | undefined {
  if (typeof user === 'string') return user
  if (typeof user !== 'object' || user === null) return undefined
  try {
    const { name, username, email, id } = user as Record<string, unknown>
    const shown = [name, username, email, id].find((each) => typeof each === 'string' || typeof each === 'number')
    return shown === undefined ? undefined : String(shown)
  } catch {
    // A getter may throw. It matters more that staff get in than what they are called.
    return undefined
  }
}
