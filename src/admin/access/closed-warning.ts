import type { Request } from 'express'
import { kindOf } from '../../checks/kind.js'
import type { AdminSettings } from './admin-options.js'
import { isUnsigned, sessionUser } from './session-user.js'
import { warnOnce } from '../http/warn-once.js'

const NOT_TRUE = { isStaff: {}, isScraper: {} }
const UNSIGNED = {}

/** For a denied request. Warns of settings that may let nobody in at all, once in a process for each reason. */
export function warnOfClosed(req: Request, { user }: AdminSettings, verdict: unknown): void {
  if (verdict) {
    warnOfNotTrue('isStaff', verdict)
  } else if (user === sessionUser && isUnsigned(req)) {
    warn(
      UNSIGNED,
      'that has neither `req.user` nor `req.session`: mount what signs in before keyedcacheAdmin, or give it the option `user`',
    )
  }
}

/** Warns of an answer that was meant to let somebody in but does not, because it is not a literal `true`. */
export function warnOfNotTrue(option: keyof typeof NOT_TRUE, verdict: unknown): void {
  warn(NOT_TRUE[option], `for which \`${option}\` gave ${kindOf(verdict)}: only a literal \`true\` opens it`)
}

function warn(reason: object, what: string): void {
  warnOnce(reason, 'KEYEDCACHE_ADMIN_CLOSED', `The dashboard denied a request ${what}`)
}
