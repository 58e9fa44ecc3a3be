import { masked } from '../../../checks/masked.js'

/** Redis repeats the arguments of a command that it does not know, as AUTH where it was renamed. */
const ARGUMENTS = /,? with args beginning with:.*/s

/**
 * The same error with nothing but its name, message, code and stack, and no secret in these: ioredis puts the arguments of the command
 * beside them, which hold keys, values and, where signing in fails, the password; Node the address, which may be a whole URL.
 */
export function withoutSecrets(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { lastNodeError } = error as { lastNodeError?: unknown }
  const cause = lastNodeError ?? error.cause
  const message = messageOf(error)
  const told = new Error(message, cause === undefined ? {} : { cause: withoutSecrets(cause) })
  told.name = error.name
  told.stack = `${error.name}: ${message}${callsOf(error)}`
  return 'code' in error ? Object.assign(told, { code: error.code }) : told
}

/** Of several attempts to connect, Node says nothing but what each came to. */
function messageOf(error: Error): string {
  const { errors } = error as { errors?: unknown }
  if (error.message === '' && Array.isArray(errors)) return errors.map((each) => messageOf(each as Error)).join('; ')
  return masked(error.message.replace(ARGUMENTS, ''))
}

/** The calls in a stack, without the message that stands before them. */
function callsOf({ message, stack = '' }: Error): string {
  const begin = stack.indexOf(message)
  return begin === -1 ? '' : stack.slice(begin + message.length)
}
