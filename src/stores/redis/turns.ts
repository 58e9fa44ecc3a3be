import { realTime } from '../../checks/real-time.js'

/** How often a process sends commands that no caller asked for. */
export interface Pace {
  readonly everyMs: number
  /** How many duties one turn does at most. */
  readonly atOnce: number
}

/** Does a list of duties again and again: all of it in each turn, or one after the other where commands are dear. */
export class Turns {
  readonly #timer: NodeJS.Timeout
  #waiting: (() => void)[] = []

  /** `duties` gives what is to be done, each time all of it has had its turn. */
  constructor({ everyMs, atOnce }: Pace, duties: () => (() => void)[]) {
    this.#timer = realTime
      .setInterval(() => {
        if (this.#waiting.length === 0) this.#waiting = duties()
        for (const duty of this.#waiting.splice(0, atOnce)) duty()
      }, everyMs)
      .unref()
  }

  close(): void {
    realTime.clearInterval(this.#timer)
  }
}
