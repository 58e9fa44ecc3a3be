import { heldBackText, SILENCE_MS } from './once-a-minute.js'

/** Writes a line with the state of a store. `more` is added at its end. */
export type WriteState = (up: boolean, error: unknown, more: string) => void

/**
 * Writes a line when a store goes down, and when it is up again: at most once a minute each, so that a store that goes up and down often
 * does not fill the log. If it stays down, its line follows when the minute is over.
 */
export class StateLog {
  readonly #write: WriteState
  #told: 'up' | 'down' | undefined
  #downAtMs = -Infinity
  #heldBack = 0
  #later: NodeJS.Timeout | undefined

  constructor(write: WriteState) {
    this.#write = write
  }

  /** Call this when the store has gone up, or down because of `error`. */
  change(up: boolean, error: unknown): void {
    clearTimeout(this.#later)
    if (up) {
      if (this.#told !== 'up') this.#tellUp()
      return
    }
    const leftMs = this.#downAtMs + SILENCE_MS - performance.now()
    if (leftMs <= 0) {
      this.#tellDown(error, this.#heldBack)
      return
    }
    this.#heldBack++
    // Minus 1, because that line reports the last change itself.
    this.#later = setTimeout(() => this.#tellDown(error, this.#heldBack - 1), leftMs).unref()
  }

  #tellUp(): void {
    this.#told = 'up'
    this.#write(true, undefined, '')
  }

  #tellDown(error: unknown, heldBack: number): void {
    this.#told = 'down'
    this.#downAtMs = performance.now()
    this.#heldBack = 0
    this.#write(false, error, heldBackText(heldBack))
  }
}
