import type { Request, RequestHandler } from 'express'
import { problem } from './problem.js'

/**
 * Lets changes through only from the demo's own pages, or from clients that are no browsers. Browsers say where a request comes from, and
 * no page can make them say otherwise. Besides, the session cookie is `SameSite=Lax`.
 */
export const sameOrigin: RequestHandler = (req, res, next) => {
  if (req.method === 'GET' || req.method === 'HEAD' || isFromHere(req)) next()
  else problem(res, 403, 'This form was sent from another site')
}

function isFromHere(req: Request): boolean {
  const site = req.get('sec-fetch-site')
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  const origin = req.get('origin')
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === req.get('host')
}
