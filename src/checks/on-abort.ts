interface Listening {
  readonly listeners: Set<() => void>
  readonly tell: () => void
}

/** Who listens to each signal. */
const known = new WeakMap<AbortSignal, Listening>()

/**
 * Calls the listener when the signal aborts; at once if it has aborted. Gives what ends that. However many listen, the signal itself has one
 * listener, and none when all have ended. Node warns of more than ten, and one signal may be given to many calls.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener()
    return () => undefined
  }
  const { listeners, tell } = known.get(signal) ?? listenTo(signal)
  // The same function may be given twice.
  const own = (): void => listener()
  listeners.add(own)
  return () => {
    if (!listeners.delete(own) || listeners.size > 0) return
    known.delete(signal)
    signal.removeEventListener('abort', tell)
  }
}

function listenTo(signal: AbortSignal): Listening {
  const listeners = new Set<() => void>()
  const tell = (): void => {
    known.delete(signal)
    for (const each of listeners) each()
    listeners.clear()
  }
  signal.addEventListener('abort', tell, { once: true })
  const listening = { listeners, tell }
  known.set(signal, listening)
  return listening
}
