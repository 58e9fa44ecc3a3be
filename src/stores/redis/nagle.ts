/** With fewer commands under way than this, one more goes out at once: nobody is there to share with. */
const AT_ONCE = 2

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
    return this.#underWay < AT_ONCE && !this.#isBusy
  }

  /** A command was sent, and is under way until it settles. */
  sent<T>(command: Promise<T>): Promise<T> {
    this.#underWay++
    command.then(this.#ended, this.#ended)
    return command
  }

  /** A turn has ended for which so many have waited. */
  turned(waited: number): void {
    this.#isBusy = waited >= AT_ONCE
  }

  readonly #ended = (): void => {
    this.#underWay--
  }
}
