/** One page of keys, sorted by UTF-8 bytes. */
export interface KeyPage {
  /** The full keys of this page. */
  keys: string[]
  /** The `after` of the next page; `undefined` on the last. */
  next: string | undefined
  /** How many keys there are in all. */
  total: number
}

/** One level of the tree of keys. */
export interface ChildPage {
  /** The children of this page. */
  children: {
    /** The part that this child adds to the key. */
    segment: string
    /** The child's full key. */
    key: string
    /** Whether a value is stored under it. */
    isKey: boolean
    /** How many keys are below it. */
    count: number
  }[]
  /** The `after` of the next page; `undefined` on the last. */
  next: string | undefined
}

/** Where a listing begins, and how much it gives. */
export interface PageOptions {
  /** Continue after this place: the `next` of the page before. */
  after?: string | undefined
  /** 1 to 1000. @defaultValue 100 */
  limit?: number | undefined
}

/** Facts about one entry. */
export interface EntryInfo {
  /** The full key. */
  key: string
  /** Seconds left, `Infinity` when it never expires. */
  ttl: number
  /** Past its ttl, kept only for its grace. */
  stale: boolean
  /** Bytes stored. */
  size: number
  /** When it was stored, by the clock of Redis. */
  createdAt: Date
  /** How long the computation took, in ms, when the value was computed. */
  computeMs: number | undefined
  /** The tags that it carries. */
  tags: string[]
  /** A copy of the value, if it was asked for. */
  value?: unknown
}

/** The facts in the header of an entry. */
export type EntryOutline = Pick<EntryInfo, 'key' | 'ttl' | 'stale' | 'size' | 'createdAt' | 'computeMs'>

/** A computation under way. */
export interface Computation {
  /** The full key being computed. */
  key: string
  /** `host:pid` */
  process: string
  /** When it began. */
  since: Date
}
