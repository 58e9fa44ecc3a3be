import type { Request } from 'express'

interface Signed {
  readonly user?: unknown
  readonly session?: { readonly user?: unknown } | null
}

/** Who is signed in, where the application does not say so otherwise. */
export function sessionUser(req: Request): unknown {
  const { user, session } = req as Signed
  return user ?? session?.user
}

/** Whether nothing that signs in has been at a request. */
export function isUnsigned(req: Request): boolean {
  try {
    const { user, session } = req as Signed
    return (user ?? session ?? undefined) === undefined
  } catch {
    return false
  }
}
