import { oneLine } from './one-line.js'
import { show } from './show.js'

/** Why something failed, as a line of a log may say it, whatever was thrown. Never throws. */
export function reasonOf(thrown: unknown): string {
  try {
    return oneLine(text(thrown)) || 'no reason was given'
  } catch {
    return 'what was thrown cannot be shown'
  }
}

/** Where an error was thrown, as ` (at file:line:column)`: the first call of its stack; nothing where it has none. */
export function placeOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return ''
    // The message stands in front of the calls, and may be anybody's text.
    const { message, stack = '' } = thrown
    const begin = stack.indexOf(message)
    const first = begin === -1 ? null : /^ {4}at (.+)$/m.exec(stack.slice(begin + message.length))
    return first === null ? '' : ` (at ${oneLine(first[1] as string)})`
  } catch {
    return ''
  }
}

function text(thrown: unknown): string {
  if (thrown instanceof Error) return String(thrown.message || thrown.name)
  return typeof thrown === 'string' ? thrown : show(thrown)
}
