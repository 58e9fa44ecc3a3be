import type { Request } from 'express'

/**
 * Whether a request that changes something comes from a page of this site, as far as its headers say. On plain http, browsers leave out
 * `Sec-Fetch-Site`, and `Origin` may be `null`. Then only the session's token decides.
 */
export function isFromThisSite(req: Request, trustedOrigins: ReadonlySet<string>): boolean {
  const site = req.get('sec-fetch-site')
  // Another port of the same host is "same-site" too, so "same-site" is not enough.
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  const origin = req.get('origin')
  if (origin === undefined || origin === 'null') return true
  if (trustedOrigins.has(origin)) return true
  if (!URL.canParse(origin)) return false
  const { protocol, host } = new URL(origin)
  const own = `${protocol}//${hostOf(req) ?? ''}`
  return URL.canParse(own) && new URL(own).host === host
}

/** Host and port as the browser names them: those of the proxy where the application trusts it. `req.host` has no port on Express 4. */
function hostOf(req: Request): string | undefined {
  const forwarded = req.get('x-forwarded-host')
  const isTrusted = req.app.get('trust proxy fn') as (address: string | undefined, hop: number) => boolean
  if (!forwarded || !isTrusted(req.socket.remoteAddress, 0)) return req.get('host')
  return forwarded.split(',', 1)[0]?.trimEnd()
}
