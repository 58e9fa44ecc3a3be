import type { Events } from './events.js'
import { quoted } from '../../checks/one-line.js'
import { heldBackText, OnceAMinute } from './once-a-minute.js'
import { reasonOf } from '../../checks/reason.js'

/** What happens without a caller, or is not told to the caller. */
const IN_BACKGROUND = ['read', 'rebuild', 'refresh', 'replay', 'stats', 'subscribe', 'track', 'upkeep']
/** What fails since Redis stops answering is told by the change of state, which may come a little later. */
const WAIT_MS = 1000

/** Writes a line for what fails in the background while the store is up: at most one a minute for each kind, with how many there were. */
export function logErrors(events: Events, name: string, write: (line: string) => void): void {
  const limit = new OnceAMinute()
  const waiting = new Set<NodeJS.Timeout>()
  let isDown = false
  events.on('state', ({ up }) => {
    isDown = !up
    for (const timer of waiting) clearTimeout(timer)
    waiting.clear()
  })
  events.on('error', ({ operation, error }) => {
    if (isDown || !IN_BACKGROUND.includes(operation)) return
    const heldBack = limit.take(operation)
    if (heldBack === undefined) return
    const timer = setTimeout(() => {
      waiting.delete(timer)
      write(
        `The cache ${quoted(name)} failed in the background: ${operation} (${reasonOf(error)})${heldBackText(heldBack)}`,
      )
    }, WAIT_MS).unref()
    waiting.add(timer)
  })
}
