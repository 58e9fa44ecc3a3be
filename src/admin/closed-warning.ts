import type { Request } from 'express'
import { kindOf } from '../cache/kind.js'
import type { AdminSettings } from './options.js'
import { isUnsigned, sessionUser } from './session-user.js'

const told = new Set<string>()

/** Warns of what may let nobody in at all, where a request was denied: once in a process for each reason. */
export function warnOfClosed(req: Request, { user }: AdminSettings, verdict: unknown): void {
  if (verdict) {
    warnOnce('verdict', `for which \`isStaff\` gave ${kindOf(verdict)}: only a literal \`true\` opens it`)
  } else if (user === sessionUser && isUnsigned(req)) {
    warnOnce(
      'unsigned',
      'that has neither `req.user` nor `req.session`: mount what signs in before keyedcacheAdmin, or give it the option `user`',
    )
  }
}

function warnOnce(reason: string, what: string): void {
  if (told.has(reason)) return
  told.add(reason)
  process.emitWarning(`The dashboard denied a request ${what}`, { code: 'KEYEDCACHE_ADMIN_CLOSED' })
}
