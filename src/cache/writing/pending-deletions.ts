/** One that is to be carried out. Asked for again, it is another one. */
interface Deletion {
  underWay: Promise<void> | undefined
}

/** Deletions of one kind that are to be carried out, by the names of what they concern. */
export class PendingDeletions {
  readonly #deletions = new Map<string, Deletion>()
  readonly #atOnce: number
  readonly #remove: (names: readonly string[]) => Promise<unknown>

  /** `remove` carries out so many at once. */
  constructor(atOnce: number, remove: (names: readonly string[]) => Promise<unknown>) {
    this.#atOnce = atOnce
    this.#remove = remove
  }

  get size(): number {
    return this.#deletions.size
  }

  has(name: string): boolean {
    return this.#deletions.has(name)
  }

  add(name: string): void {
    this.#deletions.set(name, { underWay: undefined })
  }

  clear(): void {
    this.#deletions.clear()
  }

  /** All names, as many together as are carried out at once; those that are added meanwhile too. */
  *steps(): Generator<string[]> {
    let some: string[] = []
    for (const name of this.#deletions.keys()) {
      some.push(name)
      if (some.length < this.#atOnce) continue
      yield some
      some = []
    }
    if (some.length > 0) yield some
  }

  /**
   * Carries out those of these names that are pending, or waits for those who do so already. They are forgotten, unless they were asked
   * for again meanwhile. Rejects where one is not carried out.
   */
  async carryOut(names: readonly string[]): Promise<void> {
    const pending = names.flatMap((name) => {
      const deletion = this.#deletions.get(name)
      return deletion === undefined ? [] : [{ name, deletion }]
    })
    const idle = pending.filter(({ deletion }) => deletion.underWay === undefined)
    const underWay = idle.length === 0 ? undefined : this.#remove(idle.map(({ name }) => name))
    const ended = underWay?.then(
      () => {
        for (const { name, deletion } of idle) if (this.#deletions.get(name) === deletion) this.#deletions.delete(name)
      },
      (error: unknown) => {
        for (const { deletion } of idle) deletion.underWay = undefined
        throw error
      },
    )
    for (const { deletion } of idle) deletion.underWay = ended
    await Promise.all(pending.flatMap(({ deletion }) => deletion.underWay ?? []))
  }
}
