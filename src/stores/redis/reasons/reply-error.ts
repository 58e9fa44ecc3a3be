import { isError } from '../../../checks/is-error.js'
import { cureOf } from './cure.js'
import { masked } from '../../../checks/masked.js'

/** Redis repeats the arguments of an unknown command, for example of AUTH if it was renamed. */
const ARGUMENTS = /,? with args beginning with:.*/s

/** A message is cut to this where a cure follows, so that both have room on one line of a log. */
const MOST_CHARACTERS = 80

/**
 * A copy of an error with only its name, message, code, stack and cause, and no secrets in these. ioredis adds the arguments of the
 * command, which hold keys, values and, if AUTH fails, the password. Node adds the address, which may be a whole URL. If it is known what
 * the error comes from, its message goes on with that and with the cure.
 */
export function withoutSecrets(error: unknown): unknown {
  if (!isError(error)) return error
  const { lastNodeError } = error as { lastNodeError?: unknown }
  const cause = lastNodeError ?? error.cause
  const message = isError(lastNodeError)
    ? `${messageOf(error)} ${(withoutSecrets(lastNodeError) as Error).message}`
    : withCure(messageOf(error), (error as { code?: unknown }).code)
  const told = new Error(message, cause === undefined ? {} : { cause: withoutSecrets(cause) })
  told.name = error.name
  told.stack = `${error.name}: ${message}${callsOf(error)}`
  return 'code' in error ? Object.assign(told, { code: error.code }) : told
}

/** Whether Redis has answered with this error. */
export function isReply(error: unknown): error is Error {
  return isError(error) && error.name === 'ReplyError'
}

/** Whether a server has answered with this error, and did not only say that it can serve nobody now. */
export function isAnswer(error: unknown): boolean {
  return isReply(error) && !/^(?:LOADING|BUSY|CLUSTERDOWN|MASTERDOWN) /.test(error.message)
}

/** After several attempts to connect, Node's error has no message of its own, only the errors of the attempts. */
function messageOf(error: Error): string {
  const { errors } = error as { errors?: unknown }
  if (error.message === '' && Array.isArray(errors)) return errors.map((each) => messageOf(each as Error)).join('; ')
  return masked(error.message.replace(ARGUMENTS, ''))
}

function withCure(message: string, code: unknown): string {
  const cure = cureOf(message, code)
  return cure === undefined || message.includes(cure) ? message : `${cut(message)}: ${cure}`
}

function cut(message: string): string {
  return message.length <= MOST_CHARACTERS ? message : `${message.slice(0, MOST_CHARACTERS)}…`
}

/** The calls in a stack, without the message before them. */
function callsOf({ message, stack = '' }: Error): string {
  const begin = stack.indexOf(message)
  return begin === -1 ? '' : stack.slice(begin + message.length)
}
