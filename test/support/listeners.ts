import type { EventEmitter } from 'node:events'

/** How many listeners there are of each event. */
export function countListeners(emitter: EventEmitter): Record<string, number> {
  return Object.fromEntries(emitter.eventNames().map((name) => [String(name), emitter.listenerCount(name)]))
}
