import type { Events } from './events.js'
import { quoted } from '../../checks/one-line.js'
import { heldBackText, OnceAMinute } from './once-a-minute.js'
import { outside } from '../../checks/outside.js'
import { reasonOf } from '../../checks/reason.js'

/** Operations without a caller, or whose failure the caller is not told. */
const IN_BACKGROUND = ['read', 'rebuild', 'refresh', 'replay', 'stats', 'subscribe', 'track', 'upkeep']
/** A line waits this long. If Redis stops answering, the change of state comes a little later, and its line is enough. */
const WAIT_MS = 1000

/** Logs background failures while the store is up: at most one line a minute for each operation, with the number that was held back. */
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
    const tell = (): void => {
      waiting.delete(timer)
      write(
        `The cache ${quoted(name)} failed in the background: ${operation} (${reasonOf(error)})${heldBackText(heldBack)}`,
      )
    }
    const timer = outside(() => setTimeout(tell, WAIT_MS)).unref()
    waiting.add(timer)
  })
}
