import { realTime } from '../../../checks/real-time.js'
import { DeadlineError, Deadlines } from './deadlines.js'
import type { Outage } from '../../../contract/store.js'
import { Outages } from './outages.js'
import { isAnswer, withoutSecrets } from '../reasons/reply-error.js'

const FAILURES_IN_A_ROW = 5

/** The limits of a breaker, and its callback. */
export interface BreakerSetting {
  /** How long the server may be silent. */
  readonly timeoutMs: number
  /** As in `Signs`. */
  readonly bytesRead: () => number
  readonly carryMs: () => number
  /** Called when the server does not answer, maybe again and again. */
  readonly open: (error: unknown) => void
  /** Called when an outage of the server ends. */
  readonly onOutageEnd: (outage: Outage) => void
}

/**
 * A circuit breaker. It notices that a server does not answer, before every call has waited for that. It opens with the first command that
 * has waited for the whole time limit while nothing at all arrived, or when 5 commands in a row have failed. That one takes long while bytes
 * arrive is no failure of the server. An error from the server counts as an answer, unless it says that the server cannot serve anybody now.
 */
export class Breaker {
  readonly outages: Outages
  readonly #deadlines: Deadlines<Outage | undefined>
  #failures = 0

  constructor({ timeoutMs, bytesRead, carryMs, open, onOutageEnd }: BreakerSetting) {
    this.outages = new Outages(() => this.#deadlines.aliveMs, onOutageEnd)
    const answered = (asked: Outage | undefined): void => {
      this.reset()
      this.outages.answered(asked)
    }
    const judge = {
      sent: () => this.outages.current,
      answered,
      failed: (error: unknown, asked: Outage | undefined) => {
        if (isAnswer(error)) answered(asked)
        else this.#unanswered(error, open)
        return withoutSecrets(error)
      },
    }
    this.#deadlines = new Deadlines(timeoutMs, judge, {
      bytesRead,
      carryMs,
      onSilence: (silentMs) => open(new Error(`no answer for ${Math.round(silentMs)} ms`)),
    })
  }

  /** Settles as an answer does, or rejects when that takes too long. Counts the outcome. */
  readonly judge = <T>(answer: Promise<T>): Promise<T> => this.#deadlines.limit(answer)

  /** Counts failures from 0 again. */
  reset(): void {
    this.#failures = 0
  }

  close(): void {
    this.#deadlines.close()
    this.outages.end()
  }

  #unanswered(error: unknown, open: (error: unknown) => void): void {
    const isLate = error instanceof DeadlineError
    // The connection was there until it ended, but nobody knows since when a silent server is gone.
    this.outages.begin(isLate ? undefined : realTime.nowMs())
    if (isLate) return
    this.#failures++
    if (this.#failures >= FAILURES_IN_A_ROW) open(error)
  }
}
