const NONE: readonly never[] = []

/** The turn of one call: it comes when the turns before it have ended, and ends when the call has been carried out. */
export class Turn {
  #after: readonly Turn[] = NONE
  #hasCome = true
  #hasEnded = false
  #ended: Promise<void> | undefined
  #tellEnded: (() => void) | undefined

  /** Whether its call is being carried out. */
  get hasCome(): boolean {
    return this.#hasCome
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** The turns that it waits for. */
  get after(): readonly Turn[] {
    return this.#after
  }

  /** Resolves when it has ended. Made on the first use, because mostly nobody waits. */
  get ended(): Promise<void> {
    this.#ended ??= new Promise((resolve) => {
      this.#tellEnded = resolve
      if (this.#hasEnded) resolve()
    })
    return this.#ended
  }

  /** Takes its place after these turns. Without a call of this, it has come at once. */
  follow(turns: readonly Turn[]): void {
    this.#after = turns
    this.#hasCome = turns.length === 0
  }

  /** Settles when it comes. Gives `undefined` when it has come already, so that nothing else can be sent before it. */
  come(): Promise<void> | undefined {
    if (this.#hasCome) return undefined
    return allEnded(this.#after).then(() => {
      this.#hasCome = true
      // Otherwise each turn would keep the one before it in memory, for as long as calls of one key overlap.
      this.#after = NONE
    })
  }

  end(): void {
    this.#hasEnded = true
    this.#tellEnded?.()
  }
}

/** Settles when all these turns have ended. */
export async function allEnded(turns: Iterable<Turn>): Promise<void> {
  for (const turn of turns) {
    // eslint-disable-next-line no-await-in-loop -- it takes as long as the longest of them, one after the other too
    if (!turn.hasEnded) await turn.ended
  }
}
