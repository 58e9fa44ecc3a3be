import type { Outage } from '../../../contract/store.js'

/**
 * The outages of one server, one after the other. An outage begins when a command is not answered or the connection is lost. It ends with
 * the first answer to what was sent after it began.
 */
export class Outages {
  readonly #aliveMs: () => number
  readonly #onEnd: (outage: Outage) => void
  #current: Outage | undefined

  /**
   * `aliveMs` says when the server last gave a sign of life, on this process's monotonic clock. `onEnd` is called before anybody gets the
   * answer that ends an outage.
   */
  constructor(aliveMs: () => number, onEnd: (outage: Outage) => void) {
    this.#aliveMs = aliveMs
    this.#onEnd = onEnd
  }

  get current(): Outage | undefined {
    return this.#current
  }

  /** Says that the server did not answer. `sinceMs`: when it last gave a sign of life, if that was later than its last answer. */
  begin(sinceMs: number = this.#aliveMs()): void {
    this.#current ??= { sinceMs }
  }

  /** Says that the server answered a command. `asked`: `current` when the command was sent. */
  answered(asked: Outage | undefined): void {
    if (asked !== undefined && asked === this.#current) this.end()
  }

  /** Says that the server answers. */
  end(): void {
    const outage = this.#current
    if (outage === undefined) return
    this.#current = undefined
    this.#onEnd(outage)
  }
}
