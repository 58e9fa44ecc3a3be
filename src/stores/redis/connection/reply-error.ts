/**
 * The same error with nothing but its name, message, code and stack: ioredis puts the arguments of the command beside them, which hold
 * keys, values and, where signing in fails, the password.
 */
export function withoutArguments(error: unknown): unknown {
  if (!(error instanceof Error) || !('command' in error || 'lastNodeError' in error)) return error
  const { lastNodeError } = error as { lastNodeError?: unknown }
  const told = new Error(error.message, lastNodeError === undefined ? {} : { cause: withoutArguments(lastNodeError) })
  told.name = error.name
  if (error.stack !== undefined) told.stack = error.stack
  return 'code' in error ? Object.assign(told, { code: error.code }) : told
}
