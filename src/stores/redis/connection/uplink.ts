import { realTime } from '../../../checks/real-time.js'

/** With fewer bytes under way, the answer says nothing about how fast they were carried. */
const TELLING_BYTES = 65_536
/** The rate assumed at the start, and the limits of what is learned, in bytes per ms. */
const FIRST_RATE = 16_000
const LEAST_RATE = 1000
const MOST_RATE = 1_000_000
/** How much one answer counts. */
const WEIGHT = 0.3

/**
 * The way to a server: what is under way, and how fast it is carried. A socket takes megabytes at once that the server does not get for a
 * long time, and tells nothing of it. So the rate is learned from the answers to commands of many bytes.
 */
export class Uplink {
  readonly #mostMs: number
  #rate = FIRST_RATE
  #underWay = 0

  /** `carryMs` never gives more than `mostMs`. */
  constructor(mostMs: number) {
    this.#mostMs = mostMs
  }

  /** How long all that is under way takes to reach the server, and so many bytes more, in ms. */
  carryMs(more = 0): number {
    const bytes = this.#underWay + more
    return bytes === 0 ? 0 : Math.min(bytes / this.#rate, this.#mostMs)
  }

  /** Counts the bytes of a command as under way until its answer comes. */
  carry(bytes: number, answer: Promise<unknown>): void {
    this.#underWay += bytes
    const underWay = this.#underWay
    const sentMs = realTime.nowMs()
    const ended = (): void => {
      this.#underWay -= bytes
    }
    answer.then(() => {
      ended()
      if (underWay >= TELLING_BYTES) this.#learn(underWay / Math.max(realTime.nowMs() - sentMs, 0.1))
    }, ended)
  }

  #learn(rate: number): void {
    const next = this.#rate + WEIGHT * (rate - this.#rate)
    this.#rate = Math.min(Math.max(next, LEAST_RATE), MOST_RATE)
  }
}
