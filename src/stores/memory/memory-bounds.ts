/** The bounds of the embedded store. */
export interface MemoryBounds {
  /** The most entries kept. Beyond that, the least recently used one is evicted. */
  readonly maxEntries: number
  /** The most bytes of entries and keys kept. Beyond that, the least recently used entries are evicted. */
  readonly maxBytes: number
}
