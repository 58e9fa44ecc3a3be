import type { PendingDeletion } from './place.js'

/** Pending deletions of one kind, by the names of what they concern. */
export class PendingDeletions {
  readonly #deletions: Map<string, PendingDeletion>
  readonly #atOnce: number
  readonly #remove: (names: readonly string[]) => Promise<unknown>

  /** `deletions` are those of the place. `steps` gives at most `atOnce` names for one call of `remove`. */
  constructor(
    deletions: Map<string, PendingDeletion>,
    atOnce: number,
    remove: (names: readonly string[]) => Promise<unknown>,
  ) {
    this.#deletions = deletions
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

  /** All names, at most `atOnce` together. Names that are added in the meantime come too. */
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
   * Carries out the pending deletions of these names, or waits for a call that already does. A deletion is then forgotten, unless it was
   * asked for again in the meantime. Rejects when one is not carried out.
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
