import { realTime } from '../../../checks/real-time.js'

const SAMPLES = 8
/** How far two clocks may drift apart while all samples are taken. */
const DRIFT_MS = 5

interface Sample {
  readonly offsetMs: number
  readonly roundTripMs: number
}

/**
 * The clock of a Redis server, estimated from `TIME`. Of the last 8 samples, the one with the shortest round trip says how far the server
 * is from this process's monotonic clock. (Cristian, Probabilistic clock synchronization, 1989.) The server read its clock at some moment
 * of each round trip. If a new sample contradicts the best one, the clock was set, or is that of another server. Then the older samples are
 * dropped.
 */
export class ServerClock {
  #samples: Sample[] = []
  #readMs = -Infinity
  #best: Sample | undefined

  /** The last round trip, in ms. */
  get roundTripMs(): number | null {
    return this.#samples.at(-1)?.roundTripMs ?? null
  }

  /** How long ago the server's clock was read, in ms. */
  get ageMs(): number {
    return realTime.nowMs() - this.#readMs
  }

  /** How far the estimate may be off, in ms. The server may have read its clock at any moment of the round trip. */
  get uncertaintyMs(): number {
    return (this.#best?.roundTripMs ?? 0) / 2
  }

  /** Takes the answer of one `TIME`, sent and answered at these moments of `realTime.nowMs()`. */
  add(serverMs: number, sentMs: number, answeredMs: number): void {
    const sample = { offsetMs: serverMs - (sentMs + answeredMs) / 2, roundTripMs: answeredMs - sentMs }
    const older = this.#best === undefined || agree(this.#best, sample) ? this.#samples.slice(1 - SAMPLES) : []
    this.#samples = [...older, sample]
    this.#readMs = answeredMs
    this.#best = this.#samples.reduce((best, each) => (each.roundTripMs < best.roundTripMs ? each : best))
  }

  /** Forgets all samples, because another server may answer from now on. The time goes on from the last estimate. */
  restart(): void {
    this.#samples = []
  }

  /** ms since 1970 on the server's clock; this process's own clock while nothing is known. */
  now(): number {
    return realTime.nowMs() + (this.#best?.offsetMs ?? realTime.originMs)
  }
}

/** Whether both samples can come from one clock. */
function agree(one: Sample, other: Sample): boolean {
  const apartMs = Math.abs(one.offsetMs - other.offsetMs)
  return apartMs <= (one.roundTripMs + other.roundTripMs) / 2 + DRIFT_MS
}
