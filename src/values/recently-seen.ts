/** The most texts in each of the two sets. */
const MAX_TEXTS = 1000
/** Longer texts are not kept, to save memory. So they are always new. */
const MAX_LENGTH = 500

/** Remembers which texts it has seen recently. */
export class RecentlySeen {
  #recent = new Set<string>()
  #earlier = new Set<string>()

  /** Whether a text was not seen recently. Remembers it from now on. */
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
