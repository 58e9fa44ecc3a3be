import { Deadlines } from './deadlines.js'
import { withoutSecrets } from './reply-error.js'

const FAILURES_IN_A_ROW = 5
/** Of the time that one answer may take. */
const SILENT_SHARE = 0.4

/** What a breaker judges by, and whom it tells. */
export interface BreakerSetting {
  /** How long one answer may take. */
  readonly timeoutMs: number
  /** The usual round trip, in ms: a network that is far away is not silent. */
  readonly roundTripMs: () => number
  /** Called when the server is found not to answer; maybe again and again. */
  readonly open: (error: unknown) => void
}

/**
 * Finds out that a server does not answer before every call has waited for it: when 5 commands in a row have failed, or when commands
 * are under way and for 40 % of the time limit none at all was answered. An error that the server itself gives is an answer, unless
 * it says that it cannot serve anybody now.
 */
export class Breaker {
  readonly #deadlines: Deadlines
  #failures = 0

  constructor({ timeoutMs, roundTripMs, open }: BreakerSetting) {
    const judge = {
      answered: () => this.reset(),
      failed: (error: unknown) => {
        this.#failures = isAnswer(error) ? 0 : this.#failures + 1
        if (this.#failures >= FAILURES_IN_A_ROW) open(error)
        return withoutSecrets(error)
      },
    }
    this.#deadlines = new Deadlines(timeoutMs, judge, {
      afterMs: () => Math.max(SILENT_SHARE * timeoutMs, 2 * roundTripMs()),
      tell: (silentMs) => open(new Error(`no answer for ${Math.round(silentMs)} ms`)),
    })
  }

  /** Settles as an answer does, or rejects when that takes too long, and goes by how it ends. */
  readonly judge = <T>(answer: Promise<T>): Promise<T> => this.#deadlines.limit(answer)

  /** Counts from 0 again. */
  reset(): void {
    this.#failures = 0
  }

  close(): void {
    this.#deadlines.close()
  }
}

function isAnswer(error: unknown): boolean {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return false
  return !/^(?:LOADING|BUSY|CLUSTERDOWN|MASTERDOWN) /.test(error.message)
}
