import type { Events } from './events.js'

/** What happens without a caller, or is not told to the caller. */
const IN_BACKGROUND = ['read', 'rebuild', 'refresh', 'replay', 'stats', 'subscribe', 'track', 'upkeep']
const SILENCE_MS = 60_000
/** What fails since Redis stops answering is told by the change of state, which may come a little later. */
const WAIT_MS = 1000

/** Writes a line for what fails in the background while the store is up: at most one a minute for each kind, with how many there were. */
export function logErrors(events: Events, name: string, write: (line: string) => void): void {
  const kinds = new Map<string, { untilMs: number; unsaid: number }>()
  const waiting = new Set<NodeJS.Timeout>()
  let isDown = false
  events.on('state', ({ up }) => {
    isDown = !up
    for (const timer of waiting) clearTimeout(timer)
    waiting.clear()
  })
  events.on('error', ({ operation, error }) => {
    if (isDown || !IN_BACKGROUND.includes(operation)) return
    const nowMs = performance.now()
    const kind = kinds.get(operation)
    if (kind !== undefined && nowMs < kind.untilMs) {
      kind.unsaid++
      return
    }
    kinds.set(operation, { untilMs: nowMs + SILENCE_MS, unsaid: 0 })
    const reason = error instanceof Error ? error.message : String(error)
    const more = kind === undefined || kind.unsaid === 0 ? '' : `, and ${kind.unsaid} times more before`
    const timer = setTimeout(() => {
      waiting.delete(timer)
      write(`The cache ${JSON.stringify(name)} failed in the background: ${operation} (${reason})${more}`)
    }, WAIT_MS).unref()
    waiting.add(timer)
  })
}
