const EVERY_MS = 5

/** Measures for how long this process got no turn, as on a busy machine: calls cannot settle meanwhile. */
export class EventLoopDelay {
  readonly #timer: NodeJS.Timeout
  #lastMs = performance.now()
  #sumMs = 0

  constructor() {
    this.#timer = setInterval(() => this.#tick(), EVERY_MS).unref()
  }

  /** All delays until now, in ms. */
  get sumMs(): number {
    this.#tick()
    return this.#sumMs
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const nowMs = performance.now()
    const lateMs = nowMs - this.#lastMs - EVERY_MS
    // below that it is the granularity of timers
    if (lateMs > EVERY_MS) this.#sumMs += lateMs
    this.#lastMs = nowMs
  }
}
