import { types } from 'node:util'
import type { Request, RequestHandler, Response } from 'express'
import type { KeyedCache } from '../contract/cache.js'
import { FOR_EVERYBODY, loadAssets, type Asset, type AssetName } from './assets.js'
import { AuditTrail } from './access/audit-trail.js'
import type { CacheChoice } from './access/cache-choice.js'
import { isFromThisSite } from './access/csrf.js'
import { attempted } from './deletion/deletion.js'
import { readForm, run } from './http/form.js'
import { moment } from './show/format.js'
import { admit, forbidden, isMachine, isScraping, readOnlyReason } from './access/staff-only.js'
import { securityHeaders } from './http/headers.js'
import { linksFrom, placeOf, type Link, type Place } from './http/mount.js'
import type { AdminSettings } from './access/admin-options.js'
import type { PageRequest } from './show/page.js'
import { Denied, Problem } from './http/problem.js'
import { parseQuery, text, type Query } from './http/query.js'
import { DashboardResponse } from './response.js'
import { routes, type Route } from './routes.js'
import { AdminSession } from './access/admin-session.js'
import { reasonOf } from '../checks/reason.js'

/** Answers every request below the mount. It sends headers first, then judges who asks. Only then does it read the body or the cache. */
export function dashboard(settings: AdminSettings): RequestHandler {
  const trail = new AuditTrail(settings)
  return (req, res, next) => {
    // Express 4 ignores the promise of a handler. So a failure is passed on here.
    answer(req, res, settings, trail).catch(next)
  }
}

/** What all requests share. */
interface Shared {
  readonly settings: AdminSettings
  readonly assets: ReadonlyMap<AssetName, Asset>
  readonly trail: AuditTrail
}

async function answer(req: Request, res: Response, settings: AdminSettings, trail: AuditTrail): Promise<void> {
  await new Visit(req, res, { settings, assets: await loadAssets(), trail }).answer()
}

/** One request on its way to its answer. */
class Visit {
  readonly #req: Request
  readonly #res: Response
  readonly #settings: AdminSettings
  readonly #assets: ReadonlyMap<AssetName, Asset>
  readonly #trail: AuditTrail
  readonly #place: Place
  readonly #response: DashboardResponse
  #isStaff = false
  #actor: string | undefined
  /** The cache that the request is about; `undefined` until the request is admitted. */
  #cache: KeyedCache | undefined

  constructor(req: Request, res: Response, { settings, assets, trail }: Shared) {
    this.#req = req
    this.#res = res
    this.#settings = settings
    this.#assets = assets
    this.#trail = trail
    this.#place = placeOf(req)
    this.#response = new DashboardResponse(res, isMachine(req, this.#place), settings.warnings, {
      name: settings.title,
      environment: settings.environment,
      home: (settings.homeUrl ?? this.#place.home) || undefined,
      asset: (name: AssetName) => this.#place.root + (assets.get(name)?.url ?? ''),
    })
  }

  async answer(): Promise<void> {
    try {
      await run(securityHeaders, this.#req, this.#res)
      this.#res.set({ 'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex, nofollow' })
      if (this.#answerAsset(FOR_EVERYBODY)) return
      if (await this.#isAdmitted()) await this.#answerAdmitted()
    } catch (thrown) {
      // A thrown Proxy may run any code when it is looked at, so it is not looked at.
      const error = types.isProxy(thrown) ? new Error(reasonOf(thrown)) : thrown
      if (error instanceof Denied) await this.#noteDenial(error.message)
      if (this.#isStaff && this.#cache === undefined) await this.#describeMain()
      await this.#response.fail(error)
    }
  }

  async #isAdmitted(): Promise<boolean> {
    if (await isScraping(this.#req, this.#settings, this.#place)) return true
    const admission = await admit(this.#req, this.#settings, this.#next())
    if (admission.as !== 'stranger') this.#actor = admission.userName
    switch (admission.as) {
      case 'staff':
        this.#isStaff = true
        this.#frame({ userName: admission.userName, ...navigation(linksFrom(this.#place.root, {})) })
        return true
      case 'user':
        this.#frame({ loginUrl: admission.loginUrl })
        if (this.#isChange()) await this.#noteDenial('Signed in, but not staff.')
        throw forbidden(admission.userName)
      case 'stranger':
        if (this.#isChange()) await this.#noteDenial('Nobody was signed in.')
        if (admission.loginUrl === undefined || isMachine(this.#req, this.#place)) {
          throw new Problem(401, 'Nobody is signed in', 'Sign in first.')
        }
        this.#response.redirect(admission.loginUrl, 303)
        return false
    }
  }

  async #answerAdmitted(): Promise<void> {
    const { path, search, root, isBare } = this.#place
    if (isBare) return this.#response.redirect(root + search, 308)
    const route = routes.get(path)
    if (route) {
      const isPost = this.#isPost(Object.keys(route))
      return this.#answerRoute(route, isPost)
    }
    if (this.#answerAsset(path.replace(/^\/assets\//, '') as AssetName)) return
    const page = path.replace(/\/$/, '')
    if (routes.has(page)) return this.#response.redirect(root + page.slice(1) + search, 308)
    throw new Problem(404, 'No such page', 'There is no page at this address.')
  }

  /** Sends the file if the request asks for it. Gives whether it did. */
  #answerAsset(name: AssetName): boolean {
    const { path, search } = this.#place
    const asset = path === `/assets/${name}` && this.#assets.get(name)
    if (!asset) return false
    this.#isPost(['get'])
    this.#response.asset(asset, new URLSearchParams(search).get('v'))
    return true
  }

  async #answerRoute(route: Route, isPost: boolean): Promise<void> {
    const query = parseQuery(this.#req.originalUrl)
    const chosen = this.#settings.choose(text(query, 'cache'))
    const link = linksFrom(this.#place.root, { cache: chosen.parameter })
    const session = AdminSession.of(this.#req)
    const readOnly = await this.#describe(chosen, link)
    const request: PageRequest = {
      cache: chosen.cache,
      cacheName: chosen.name,
      query,
      form: new Map(),
      link,
      session,
      readOnly,
      redact: this.#settings.redact,
      trail: this.#trail,
      warnings: this.#settings.warnings,
      actor: this.#actor,
      ip: this.#req.ip,
    }
    const reply =
      isPost && route.post
        ? await route.post({ ...request, form: await this.#form(request) })
        : await route.get(request)
    await this.#response.reply(reply)
  }

  /** Whether the method is POST. @throws {Problem} when the path does not take the method. */
  #isPost(methods: readonly string[]): boolean {
    const { method } = this.#req
    const isPost = method === 'POST' && methods.includes('post')
    if (isPost || method === 'GET' || method === 'HEAD') return isPost
    const allow = methods.includes('post') ? 'GET, HEAD, POST' : 'GET, HEAD'
    throw new Problem(405, 'That cannot be done here', `This address takes ${allow}.`, { Allow: allow })
  }

  /** The form of a request that may change something. @throws {Problem} for a request that may not. */
  async #form({ readOnly, session }: PageRequest): Promise<Query> {
    if (readOnly !== undefined) throw new Denied(403, 'Nothing was changed', readOnly)
    if (!isFromThisSite(this.#req, this.#settings.trustedOrigins)) {
      throw new Denied(403, 'Nothing was changed', 'The form was sent from another site.')
    }
    const form = await readForm(this.#req, this.#res)
    if (session?.isCsrfToken(form.get('_csrf'))) return form
    throw new Denied(
      403,
      'Nothing was changed',
      'The form is too old or not from these pages. Go back and load it again.',
    )
  }

  /** The address that sign-in leads back to: the one asked for. After a form, it also says that the form was not carried out. */
  #next(): string {
    const { originalUrl } = this.#req
    if (!this.#isChange()) return originalUrl
    return `${originalUrl}${originalUrl.includes('?') ? '&' : '?'}ended=1`
  }

  #isChange(): boolean {
    return this.#req.method === 'POST' && routes.get(this.#place.path)?.post !== undefined
  }

  async #noteDenial(reason: string): Promise<void> {
    const attempt = { actor: this.#actor, ip: this.#req.ip, previewed: undefined, ...attempted(this.#req.originalUrl) }
    await this.#trail.deny(this.#cache, attempt, reason)
  }

  /** Tells the frame which cache the page is about. Gives the reason why nothing can be changed there, if there is one. */
  async #describe(chosen: CacheChoice, link: Link): Promise<string | undefined> {
    this.#cache = chosen.cache
    this.#frame({ ...navigation(link), ...this.#cacheLinks(chosen) })
    const hasSession = AdminSession.of(this.#req) !== undefined
    const readOnly = await readOnlyReason(this.#req, this.#settings, hasSession)
    this.#frame({ readOnly })
    return readOnly
  }

  /** The same for a page that is about no cache. It looks like a page about the first cache. */
  async #describeMain(): Promise<void> {
    try {
      await this.#describe(this.#settings.choose(undefined), linksFrom(this.#place.root, {}))
    } catch {
      // If there is no cache, the page is shown without one.
    }
  }

  /** Adds to what the frame around the page knows. */
  #frame(more: Readonly<Record<string, unknown>>): void {
    this.#response.layout = { ...this.#response.layout, ...more }
  }

  #cacheLinks({ cache, name, all, parameter }: CacheChoice): Record<string, unknown> {
    const page = this.#place.path.slice(1)
    const link = linksFrom(this.#place.root, {})
    // A link to one key or one deletion means nothing in another cache.
    const target = page === 'key' || page === 'delete' ? '' : page
    return {
      cacheName: name,
      // Called when the page is rendered, because only making the page may find that the backend is down.
      backend: () => ({ up: cache.backend.up, since: moment(cache.backend.since) }),
      cacheParameter: parameter,
      caches:
        all.size > 1
          ? Array.from(all, ([each, { backend }]) => ({
              name: each,
              href: link(target, { cache: each }),
              up: backend.up,
            }))
          : [],
    }
  }
}

function navigation(link: Link): { navigation: object[] } {
  return {
    navigation: [
      { page: '', name: 'Overview', href: link('') },
      { page: 'keys', name: 'Keys', href: link('keys') },
      { page: 'delete', name: 'Delete', href: link('delete') },
      { page: 'activity', name: 'Activity', href: link('activity') },
    ],
  }
}
