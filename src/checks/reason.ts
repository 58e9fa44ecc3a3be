import { isError } from './is-error.js'
import { oneLine } from './one-line.js'
import { show } from './show.js'

/** The reason of a failure on one line, for a log, whatever was thrown. Never throws. */
export function reasonOf(thrown: unknown): string {
  try {
    return oneLine(text(thrown)) || 'no reason was given'
  } catch {
    return 'what was thrown cannot be shown'
  }
}

/** Where an error was thrown, as ` (at file:line:column)`: the first call of its stack. `''` when it has none. */
export function placeOf(thrown: unknown): string {
  try {
    if (!isError(thrown)) return ''
    // The message comes before the calls. It may be any text, also one that looks like a call.
    const { message, stack = '' } = thrown
    const begin = stack.indexOf(message)
    const first = begin === -1 ? null : /^ {4}at (.+)$/m.exec(stack.slice(begin + message.length))
    return first === null ? '' : ` (at ${oneLine(first[1] as string)})`
  } catch {
    return ''
  }
}

function text(thrown: unknown): string {
  if (isError(thrown)) return String(thrown.message || thrown.name)
  return typeof thrown === 'string' ? thrown : show(thrown)
}
