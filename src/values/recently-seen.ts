/** Texts held at most, twice over. */
const MAX_TEXTS = 1000
/** Longer ones are not held, and so always new: what is held is to take little memory itself. */
const MAX_LENGTH = 500

/** Tells texts that were met of late from those that were not. */
export class RecentlySeen {
  #recent = new Set<string>()
  #earlier = new Set<string>()

  /** Whether a text has not been met of late. From now on it has. */
  isNew(text: string): boolean {
    if (this.#recent.has(text)) return false
    if (text.length > MAX_LENGTH) return true
    if (this.#recent.size >= MAX_TEXTS) {
      this.#earlier = this.#recent
      this.#recent = new Set()
    }
    this.#recent.add(text)
    return !this.#earlier.has(text)
  }
}
