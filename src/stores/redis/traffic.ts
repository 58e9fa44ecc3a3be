/** With fewer commands under way than this, one more goes out at once: nobody is there to share with. */
const AT_ONCE = 2

/**
 * Says whether what comes is to wait for the end of its turn, and to leave merged with what else came in it. While few commands are under
 * way nothing waits; once something did, all that follows does too, until a turn has few again: measured, single commands beside each
 * merged one cost a third of the throughput.
 */
export class Traffic {
  #underWay = 0
  /** Whether the last turn had enough to be merged. */
  #isBusy = false

  /** Whether a command goes out at once. */
  get isLight(): boolean {
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
