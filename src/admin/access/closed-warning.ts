import type { Request } from 'express'
import { kindOf } from '../../checks/kind.js'
import type { AdminSettings } from './admin-options.js'
import { isUnsigned, sessionUser } from './session-user.js'
import { warnOnce } from '../http/warn-once.js'

const NOT_TRUE = {}
const UNSIGNED = {}

/** Warns of what may let nobody in at all, where a request was denied: once in a process for each reason. */
export function warnOfClosed(req: Request, { user }: AdminSettings, verdict: unknown): void {
  if (verdict) {
    warn(NOT_TRUE, `for which \`isStaff\` gave ${kindOf(verdict)}: only a literal \`true\` opens it`)
  } else if (user === sessionUser && isUnsigned(req)) {
    warn(
      UNSIGNED,
      'that has neither `req.user` nor `req.session`: mount what signs in before keyedcacheAdmin, or give it the option `user`',
    )
  }
}

function warn(reason: object, what: string): void {
  warnOnce(reason, 'KEYEDCACHE_ADMIN_CLOSED', `The dashboard denied a request ${what}`)
}
