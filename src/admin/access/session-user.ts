import type { Request } from 'express'

interface Signed {
  readonly user?: unknown
  readonly session?: { readonly user?: unknown } | null
}

/** Who is signed in, unless the application gives its own function for this. */
export function sessionUser(req: Request): unknown {
  const { user, session } = req as Signed
  return user ?? session?.user
}

/** Whether a request has neither a user nor a session, so that no sign-in ran before the dashboard. */
export function isUnsigned(req: Request): boolean {
  try {
    const { user, session } = req as Signed
    return (user ?? session ?? undefined) === undefined
  } catch {
    return false
  }
}
