const MINUTE_MS = 60_000

/** Allows `limit` actions a minute, in this process. */
export class RateLimit {
  readonly #limit: number
  #minute = 0
  #count = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Counts one action. Gives whether it is allowed. */
  take(): boolean {
    const minute = Math.floor(Date.now() / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#count = 0
    }
    this.#count++
    return this.#count <= this.#limit
  }
}
