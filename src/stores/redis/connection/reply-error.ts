import { isError } from '../../../checks/is-error.js'
import { masked } from '../../../checks/masked.js'

/** Redis repeats the arguments of an unknown command, for example of AUTH if it was renamed. */
const ARGUMENTS = /,? with args beginning with:.*/s

/**
 * A copy of an error with only its name, message, code, stack and cause, and no secrets in these. ioredis adds the arguments of the
 * command, which hold keys, values and, if AUTH fails, the password. Node adds the address, which may be a whole URL.
 */
export function withoutSecrets(error: unknown): unknown {
  if (!isError(error)) return error
  const { lastNodeError } = error as { lastNodeError?: unknown }
  const cause = lastNodeError ?? error.cause
  const message = messageOf(error)
  const told = new Error(message, cause === undefined ? {} : { cause: withoutSecrets(cause) })
  told.name = error.name
  told.stack = `${error.name}: ${message}${callsOf(error)}`
  return 'code' in error ? Object.assign(told, { code: error.code }) : told
}

/** After several attempts to connect, Node's error has no message of its own, only the errors of the attempts. */
function messageOf(error: Error): string {
  const { errors } = error as { errors?: unknown }
  if (error.message === '' && Array.isArray(errors)) return errors.map((each) => messageOf(each as Error)).join('; ')
  return masked(error.message.replace(ARGUMENTS, ''))
}

/** The calls in a stack, without the message before them. */
function callsOf({ message, stack = '' }: Error): string {
  const begin = stack.indexOf(message)
  return begin === -1 ? '' : stack.slice(begin + message.length)
}
