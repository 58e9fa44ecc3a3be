const SAMPLES = 8

interface Sample {
  readonly offsetMs: number
  readonly roundTripMs: number
}

/**
 * The clock of a Redis server, estimated from `TIME`: of the last 8 samples, the one with the shortest round trip says how far the
 * server is from this process's monotonic clock. (Cristian, Probabilistic clock synchronization, 1989.)
 */
export class ServerClock {
  #samples: Sample[] = []
  #best: Sample | undefined

  /** Whether the server's time is known. */
  get known(): boolean {
    return this.#best !== undefined
  }

  /** The last round trip, in ms. */
  get roundTripMs(): number | null {
    return this.#samples.at(-1)?.roundTripMs ?? null
  }

  /** By how much the estimate may be wrong, in ms: the server may have looked at any moment of the round trip. */
  get uncertaintyMs(): number {
    return (this.#best?.roundTripMs ?? 0) / 2
  }

  /** Takes the answer of one `TIME`, sent and answered at these moments of `performance.now()`. */
  add(serverMs: number, sentMs: number, answeredMs: number): void {
    const roundTripMs = answeredMs - sentMs
    this.#samples = [
      ...this.#samples.slice(1 - SAMPLES),
      { offsetMs: serverMs - (sentMs + answeredMs) / 2, roundTripMs },
    ]
    this.#best = this.#samples.reduce((best, sample) => (sample.roundTripMs < best.roundTripMs ? sample : best))
  }

  /** Forgets all samples: another server may answer from now on. The time goes on from the last estimate. */
  restart(): void {
    this.#samples = []
  }

  /** ms since 1970 on the server's clock; this process's own clock while nothing is known. */
  now(): number {
    return performance.now() + (this.#best?.offsetMs ?? performance.timeOrigin)
  }
}
