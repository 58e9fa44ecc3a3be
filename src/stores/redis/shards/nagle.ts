/** With fewer commands under way than this, the next one is sent at once, because there is nobody to share with. */
const UNDER_WAY = 2

/**
 * Decides whether a command is sent at once, or waits for the end of its turn to be merged with others of that turn. It waits while
 * commands are under way, as small packets do in Nagle's algorithm (RFC 896). Once several have waited in a turn, all that follow wait too,
 * until a turn has few again. Measured: single commands beside each merged one cost a third of the throughput.
 */
export class Nagle {
  #underWay = 0
  /** Whether the last turn had enough to be merged. */
  #isBusy = false

  /** Whether a command is sent at once. */
  get sendsAtOnce(): boolean {
    return this.#underWay < UNDER_WAY && !this.#isBusy
  }

  /**
   * How many commands the waiting items are divided into. Two if nothing is under way, so that the server runs one while this process
   * parses the answer to the other. One if the server already has work: otherwise each answer would lead to two commands, and they would
   * become smaller and smaller.
   */
  get commands(): number {
    return Math.max(UNDER_WAY - this.#underWay, 1)
  }

  /** Counts a command that was sent as under way until it settles. Gives the same promise. */
  sent<T>(command: Promise<T>): Promise<T> {
    this.#underWay++
    command.then(this.#ended, this.#ended)
    return command
  }

  /** Call this at the end of a turn, with how many have waited for it. */
  turned(waited: number): void {
    this.#isBusy = waited >= UNDER_WAY
  }

  readonly #ended = (): void => {
    this.#underWay--
  }
}
