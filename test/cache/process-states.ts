/** Whether Redis answered a process, and how that is known: by the event `state`, by its reads, or by `stats()`, asked from `sinceMs` on. */
export interface ProcessState {
  readonly pid: number
  readonly by: 'event' | 'read' | 'stats'
  readonly up: boolean
  readonly sinceMs: number
  readonly atMs: number
}

interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** When Redis did not answer each of some processes, as far as they know. Times are ms of a clock that they share. */
export class ProcessStates {
  readonly #down = new Map<number, Span[]>()
  readonly #states: readonly ProcessState[]

  constructor(states: readonly ProcessState[]) {
    this.#states = states.toSorted((a, b) => a.atMs - b.atMs)
    const since = new Map<string, number>()
    for (const { pid, by, up, atMs } of this.#states) {
      // Statistics that were refused or came late say down, too: they excuse nothing
      if (by === 'stats') continue
      const source = `${pid} ${by}`
      const fromMs = since.get(source)
      if (!up) since.set(source, fromMs ?? atMs)
      else if (fromMs !== undefined) {
        this.#add(pid, { fromMs, toMs: atMs })
        since.delete(source)
      }
    }
    for (const [source, fromMs] of since) this.#add(Number.parseInt(source, 10), { fromMs, toMs: Infinity })
  }

  /** Whether a process was down at any time between these. */
  wereDown(pid: number, fromMs: number, toMs: number): boolean {
    return this.#down.get(pid)?.some((span) => span.fromMs <= toMs && span.toMs >= fromMs) === true
  }

  /** Statistics that said up, though the events of their process said down all the while that they were asked for. */
  contradictions(): ProcessState[] {
    const events = new Map<number, ProcessState[]>()
    for (const state of this.#states) {
      if (state.by === 'event') events.set(state.pid, [...(events.get(state.pid) ?? []), state])
    }
    return this.#states.filter(({ pid, by, up, sinceMs, atMs }) => {
      if (by !== 'stats' || !up) return false
      const own = events.get(pid) ?? []
      const isChanging = own.some((event) => event.atMs >= sinceMs && event.atMs <= atMs)
      return !isChanging && own.findLast((event) => event.atMs < sinceMs)?.up === false
    })
  }

  #add(pid: number, span: Span): void {
    const spans = this.#down.get(pid)
    if (spans === undefined) this.#down.set(pid, [span])
    else spans.push(span)
  }
}
