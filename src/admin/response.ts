import { STATUS_CODES } from 'node:http'
import type { Response } from 'express'
import type { RateLimitedWarnings } from '../contract/events/rate-limited-warnings.js'
import { CacheNotRespondingError, ImproperlyConfiguredError } from '../contract/errors.js'
import type { Asset } from './assets.js'
import type { Reply } from './show/page.js'
import { notResponding, Problem } from './http/problem.js'
import { render } from './render.js'

/** Sends the answer of the dashboard: exactly one reply. */
export class DashboardResponse {
  /** The model of the frame around every page. It grows as more is known about the request. */
  layout: Readonly<Record<string, unknown>>
  readonly #res: Response
  readonly #isForMachine: boolean
  readonly #warnings: RateLimitedWarnings

  constructor(
    res: Response,
    isForMachine: boolean,
    warnings: RateLimitedWarnings,
    layout: Readonly<Record<string, unknown>>,
  ) {
    this.#res = res
    this.#isForMachine = isForMachine
    this.#warnings = warnings
    this.layout = layout
  }

  redirect(to: string, status: 303 | 308): void {
    this.#res.status(status).location(to).end()
  }

  /** `asked`: the version that the page wants. During an upgrade, a page of one version may ask a process of another version. */
  asset({ type, bytes, version }: Asset, asked: string | null): void {
    const kept = asked === version ? 'max-age=31536000, immutable' : 'no-cache'
    this.#res.set({ 'Content-Type': type, 'Cache-Control': `private, ${kept}`, ETag: `"${version}"` }).send(bytes)
  }

  async reply(reply: Reply): Promise<void> {
    if ('redirect' in reply) return this.redirect(reply.redirect, reply.status)
    if ('json' in reply) return void this.#res.json(reply.json)
    if ('text' in reply) {
      // Send bytes, because Express would change the content type of a string.
      this.#res.set({ ...reply.headers, 'Content-Type': reply.type }).send(Buffer.from(reply.text))
      return
    }
    const html = await render(reply.view, { page: { ...this.layout, title: reply.title }, ...reply.model })
    this.#res
      .status(reply.status ?? 200)
      .set(reply.headers ?? {})
      .type('html')
      .send(html)
  }

  /** Says what went wrong, never with a stack. */
  async fail(error: unknown): Promise<void> {
    const { status, title, message, headers } = problemOf(error, this.#warnings)
    if (this.#res.headersSent) return void this.#res.end()
    this.#res.set(headers)
    if (this.#isForMachine) {
      this.#res.status(status).type('application/problem+json')
      this.#res.send(JSON.stringify({ title: STATUS_CODES[status], status, detail: `${title}. ${message}` }))
      return
    }
    await this.reply({ view: 'problem', title, status, model: { sentence: message } })
  }
}

function problemOf(error: unknown, warnings: RateLimitedWarnings): Problem {
  if (error instanceof Problem) return error
  if (error instanceof CacheNotRespondingError) {
    return notResponding('The cache did not answer in time. The overview says whether it answers again.')
  }
  if (error instanceof ImproperlyConfiguredError) return new Problem(503, 'The cache is not configured', error.message)
  warnings.give('KEYEDCACHE_ADMIN_ERROR', 'The dashboard could not answer', error)
  return new Problem(500, 'Something went wrong', 'The log of the application says more.')
}
