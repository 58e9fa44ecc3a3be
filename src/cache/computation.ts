/** One factory run, shared by all calls of this process that asked for its key while it may still answer them. */
interface Run<T> {
  readonly result: Promise<T>
  /** A delete or set of the key has come since it began: its result is good for nobody but the call that began it. */
  voided: boolean
}

/** Lets the calls of one process for one key share one computation. */
export class Computations {
  readonly #runs = new Map<string, Run<unknown>>()

  /**
   * The result of the computation under way for a key, or of `compute`, which is begun when there is none. `compute` is told how to
   * ask whether it has been voided meanwhile.
   */
  async share<T>(key: string, compute: (isVoid: () => boolean) => Promise<T>): Promise<T> {
    for (;;) {
      const run = this.#runs.get(key)
      if (run === undefined) return this.#begin(key, compute)
      // eslint-disable-next-line no-await-in-loop -- goes round again only where what it waited for was voided
      const result = await run.result
      if (!run.voided) return result as T
    }
  }

  /** Voids the computations of these keys: what they give is not stored and answers no call that comes later. */
  void(concerns: (key: string) => boolean): void {
    for (const [key, run] of this.#runs) {
      if (!concerns(key)) continue
      run.voided = true
      this.#runs.delete(key)
    }
  }

  #begin<T>(key: string, compute: (isVoid: () => boolean) => Promise<T>): Promise<T> {
    const run: Run<T> = { result: compute(() => run.voided), voided: false }
    this.#runs.set(key, run)
    const end = (): void => {
      if (this.#runs.get(key) === run) this.#runs.delete(key)
    }
    run.result.then(end, end)
    return run.result
  }
}
