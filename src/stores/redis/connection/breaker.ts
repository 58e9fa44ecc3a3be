import { realTime } from '../../../checks/real-time.js'
import { DeadlineError, Deadlines } from './deadlines.js'
import type { Outage } from '../../../contract/store.js'
import { Outages } from './outages.js'
import { isReply, withoutSecrets } from '../reasons/reply-error.js'

const FAILURES_IN_A_ROW = 5
/** The part of the time limit after which silence opens the breaker. */
const SILENT_SHARE = 0.4

/** The limits of a breaker, and its callback. */
export interface BreakerSetting {
  /** How long one answer may take. */
  readonly timeoutMs: number
  /** The usual round trip, in ms. With it, a network that is far away does not count as silent. */
  readonly roundTripMs: () => number
  /** Called when the server does not answer, maybe again and again. */
  readonly open: (error: unknown) => void
  /** Called when an outage of the server ends. */
  readonly onOutageEnd: (outage: Outage) => void
}

/**
 * A circuit breaker. It notices that a server does not answer, before every call has waited for that. It opens when 5 commands in a row
 * have failed, or when commands are under way and none at all was answered for 40 % of the time limit. An error from the server counts as
 * an answer, unless it says that the server cannot serve anybody now.
 */
export class Breaker {
  readonly outages: Outages
  readonly #deadlines: Deadlines<Outage | undefined>
  #failures = 0

  constructor({ timeoutMs, roundTripMs, open, onOutageEnd }: BreakerSetting) {
    this.outages = new Outages(() => this.#deadlines.answeredMs, onOutageEnd)
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
      afterMs: () => Math.max(SILENT_SHARE * timeoutMs, 2 * roundTripMs()),
      tell: (silentMs) => open(new Error(`no answer for ${Math.round(silentMs)} ms`)),
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
    // The connection was there until it ended, but nobody knows since when a silent server is gone.
    this.outages.begin(error instanceof DeadlineError ? undefined : realTime.nowMs())
    this.#failures++
    if (this.#failures >= FAILURES_IN_A_ROW) open(error)
  }
}

function isAnswer(error: unknown): boolean {
  if (!isReply(error)) return false
  return !/^(?:LOADING|BUSY|CLUSTERDOWN|MASTERDOWN) /.test(error.message)
}
