/** With fewer commands under way than this, one more goes out at once: nobody is there to share with. */
const UNDER_WAY = 2

/**
 * Says whether a command goes out at once or waits for the end of its turn, to leave merged with what else came in it: as Nagle's algorithm
 * (RFC 896) does with small packets, while commands are under way. Once several have waited, all that follow wait too, until a turn has
 * few again: measured, single commands beside each merged one cost a third of the throughput.
 */
export class Nagle {
  #underWay = 0
  /** Whether the last turn had enough to be merged. */
  #isBusy = false

  /** Whether a command goes out at once. */
  get sendsAtOnce(): boolean {
    return this.#underWay < UNDER_WAY && !this.#isBusy
  }

  /**
   * As how many commands leaves what has waited: two where nothing is under way, so that the server carries out one while this process
   * takes apart the answer to the other. Where it has something to do already, one: else each answer would bring forth two commands, and
   * they would become smaller and smaller.
   */
  get commands(): number {
    return Math.max(UNDER_WAY - this.#underWay, 1)
  }

  /** A command was sent, and is under way until it settles. */
  sent<T>(command: Promise<T>): Promise<T> {
    this.#underWay++
    command.then(this.#ended, this.#ended)
    return command
  }

  /** A turn has ended for which so many have waited. */
  turned(waited: number): void {
    this.#isBusy = waited >= UNDER_WAY
  }

  readonly #ended = (): void => {
    this.#underWay--
  }
}
