import type { Request } from 'express'
import type { AuditEvent } from '../../contract/audit-event.js'
import type { KeyedCache } from '../../contract/cache.js'
import { RateLimitedWarnings } from '../../contract/events/rate-limited-warnings.js'
import { checkMounting } from '../../contract/options/mounting.js'
import { nearest } from '../../checks/nearest.js'
import { oneLine } from '../../checks/one-line.js'
import { show } from '../../checks/show.js'
import { showOther } from '../../checks/show-other.js'
import { cacheChooser, type ChooseCache } from './cache-choice.js'
import { redactSecrets } from './redact.js'
import { sessionUser } from './session-user.js'

/** The options of `keyedcacheAdmin`. */
export interface KeyedcacheAdminOptions {
  /** The cache that the dashboard shows. @defaultValue the configured caches, the default one first, looked up for each request */
  readonly cache?: KeyedCache | undefined
  /** Several caches, in a list or by name. The URL parameter `cache` chooses one. Without it, the first one is shown. */
  readonly caches?: readonly KeyedCache[] | Readonly<Record<string, KeyedCache>> | undefined
  /**
   * Gives the user who is signed in. Any truthy value means that somebody is. May be asynchronous.
   * @defaultValue `req.user ?? req.session?.user`
   */
  readonly user?: ((req: Request) => unknown) | undefined
  /**
   * Says whether the request may see the dashboard. Only a literal `true` allows it. May be asynchronous.
   * @defaultValue `user(req)?.isStaff === true`
   */
  readonly isStaff?: ((req: Request) => unknown) | undefined
  /**
   * Says whether the request comes from a scraper, for example by a bearer token. A scraper may read `./metrics`, and nothing else. Only a
   * literal `true` allows it. May be asynchronous. @defaultValue only staff may read the metrics
   */
  readonly isScraper?: ((req: Request) => unknown) | undefined
  /** Where strangers sign in. The dashboard sends them there with the parameter `next`. @defaultValue `/accounts/login` */
  readonly loginUrl?: string | ((req: Request) => string) | undefined
  /**
   * The address of the link back to the application. `''` leaves the link out. @defaultValue the application's root, unless the dashboard
   * is mounted there
   */
  readonly homeUrl?: string | undefined
  /** Whether the dashboard is read-only. If this is a function, only a literal `false` allows changes. @defaultValue `false` */
  readonly readOnly?: boolean | ((req: Request) => boolean) | undefined
  /** Origins (`https://example.org`) that may send forms, besides the dashboard's own. Needed for a proxy that rewrites `Host`. */
  readonly trustedOrigins?: readonly string[] | undefined
  /** The dashboard's name. @defaultValue `Cache admin` */
  readonly title?: string | undefined
  /** The text of the badge beside the name, such as `production`. */
  readonly environment?: string | undefined
  /**
   * Gives what is shown in place of a value. If the value cannot be decoded, `redact` gets its bytes. May be asynchronous. If it fails, the
   * value is hidden. @defaultValue fields and keys named like secrets read `Hidden`
   */
  readonly redact?: ((key: string, value: unknown) => unknown) | undefined
  /**
   * Called before and after every deletion, and for attempts that were denied (at most 60 a minute of staff, and 60 of others). May be
   * asynchronous. If it throws or rejects before a deletion, nothing is deleted.
   */
  readonly onAudit?: ((event: AuditEvent) => unknown) | undefined
}

/** The checked options, with their defaults. */
export interface AdminSettings {
  readonly choose: ChooseCache
  readonly user: (req: Request) => unknown
  /** `undefined`: the field `isStaff` of the user decides. */
  readonly isStaff: ((req: Request) => unknown) | undefined
  /** `undefined`: only staff read the metrics. */
  readonly isScraper: ((req: Request) => unknown) | undefined
  readonly loginUrl: (req: Request) => unknown
  /** `undefined`: the application's root. */
  readonly homeUrl: string | undefined
  /** Only a literal `false` allows changes. */
  readonly readOnly: (req: Request) => unknown
  readonly trustedOrigins: ReadonlySet<string>
  readonly title: string
  readonly environment: string | undefined
  readonly redact: (key: string, value: unknown) => unknown
  readonly onAudit: ((event: AuditEvent) => unknown) | undefined
  /** Warns when one of these functions fails. */
  readonly warnings: RateLimitedWarnings
}

const NAMES = [
  'cache',
  'caches',
  'user',
  'isStaff',
  'isScraper',
  'loginUrl',
  'homeUrl',
  'readOnly',
  'trustedOrigins',
  'title',
  'environment',
  'redact',
  'onAudit',
] as const satisfies readonly (keyof KeyedcacheAdminOptions)[]

/**
 * Checks the options of `keyedcacheAdmin` and fills in the defaults.
 * @throws {TypeError} naming the option, the value given and what was expected.
 */
export function adminSettings(options: KeyedcacheAdminOptions): AdminSettings {
  checkMounting(options, { name: 'keyedcacheAdmin', mounted: "app.use('/cache', keyedcacheAdmin())", isCache })
  if (typeof options !== 'object' || options === null) throw wrong('the options', 'an object', options)
  for (const name of Object.keys(options)) checkName(name)
  const { user = sessionUser, isStaff, loginUrl = '/accounts/login', readOnly = false, trustedOrigins = [] } = options
  const { isScraper, homeUrl, title = 'Cache admin', environment, redact = redactSecrets, onAudit } = options
  if (typeof user !== 'function') throw wrong('`user`', 'a function', user)
  if (isStaff !== undefined && typeof isStaff !== 'function') throw wrong('`isStaff`', 'a function', isStaff)
  if (isScraper !== undefined && typeof isScraper !== 'function') throw wrong('`isScraper`', 'a function', isScraper)
  if (typeof redact !== 'function') throw wrong('`redact`', 'a function', redact)
  if (onAudit !== undefined && typeof onAudit !== 'function') throw wrong('`onAudit`', 'a function', onAudit)
  if (typeof title !== 'string' || title === '') throw wrong('`title`', 'text', title)
  if (homeUrl !== undefined && typeof homeUrl !== 'string') throw wrong('`homeUrl`', 'text', homeUrl)
  if (environment !== undefined && typeof environment !== 'string') throw wrong('`environment`', 'text', environment)
  return {
    choose: cacheChooser(givenCaches(options)),
    user,
    isStaff,
    isScraper,
    loginUrl: checkLoginUrl(loginUrl),
    homeUrl,
    readOnly: checkReadOnly(readOnly),
    trustedOrigins: checkOrigins(trustedOrigins),
    title,
    environment: environment === '' ? undefined : environment,
    redact,
    onAudit,
    warnings: new RateLimitedWarnings(),
  }
}

function givenCaches({ cache, caches }: KeyedcacheAdminOptions): ReadonlyMap<string, KeyedCache> | undefined {
  if (cache !== undefined && caches !== undefined) {
    throw new TypeError('Expected either `cache` or `caches`, got both')
  }
  if (cache !== undefined) {
    if (!isCache(cache)) throw wrong('`cache`', 'a cache made by createKeyedCache or configure', cache)
    return new Map([[cache.name, cache]])
  }
  if (caches === undefined) return undefined
  if (typeof caches !== 'object' || caches === null) throw wrong('`caches`', 'a list of caches, or an object', caches)
  const named = isList(caches) ? caches.map((each): [string, KeyedCache] => [each?.name, each]) : Object.entries(caches)
  const other = named.find(([, each]) => !isCache(each))
  if (other) throw wrongAs('`caches`', 'nothing but caches made by createKeyedCache or configure', showOther(other[1]))
  const byName = new Map(named)
  if (byName.size === 0) throw wrong('`caches`', 'at least one cache', caches)
  if (byName.size < named.length) {
    throw wrong(
      '`caches`',
      'caches of different names',
      named.map(([name]) => name),
    )
  }
  return byName
}

function isList(caches: NonNullable<KeyedcacheAdminOptions['caches']>): caches is readonly KeyedCache[] {
  return Array.isArray(caches)
}

function isCache(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'stats' in value && 'computing' in value && 'clear' in value
}

function checkLoginUrl(loginUrl: unknown): (req: Request) => unknown {
  if (typeof loginUrl === 'function') return loginUrl as (req: Request) => unknown
  if (typeof loginUrl === 'string' && loginUrl !== '') return () => loginUrl
  throw wrong('`loginUrl`', 'text or a function', loginUrl)
}

function checkReadOnly(readOnly: unknown): (req: Request) => unknown {
  if (typeof readOnly === 'boolean') return () => readOnly
  if (typeof readOnly === 'function') return readOnly as (req: Request) => unknown
  throw wrong('`readOnly`', 'true, false or a function', readOnly)
}

function checkOrigins(origins: unknown): ReadonlySet<string> {
  if (!Array.isArray(origins)) throw wrong('`trustedOrigins`', 'a list of origins', origins)
  for (const origin of origins) {
    const isOrigin = typeof origin === 'string' && URL.canParse(origin) && new URL(origin).origin === origin
    if (!isOrigin || origin === 'null') throw wrong('`trustedOrigins`', "origins such as 'https://example.org'", origin)
  }
  return new Set(origins as string[])
}

function checkName(name: string): void {
  if (NAMES.some((known) => known === name)) return
  const near = nearest(name, NAMES)
  const question = near === undefined ? ` The options are: ${NAMES.join(', ')}.` : ` Did you mean \`${near}\`?`
  throw new TypeError(`keyedcacheAdmin has no option \`${oneLine(name)}\`.${question}`)
}

function wrong(what: string, expected: string, got: unknown): TypeError {
  return wrongAs(what, expected, show(got))
}

function wrongAs(what: string, expected: string, shown: string): TypeError {
  return new TypeError(`Expected ${what} of keyedcacheAdmin to be ${expected}, got ${shown}`)
}
