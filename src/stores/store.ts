import type { BackendStats, ChildPage, KeyPage } from '../cache/cache.js'
import type { StatsBatch, StatsTotals } from '../cache/stats.js'

/** One entry to be written. */
export interface Write {
  key: string
  /** The encoded entry. */
  bytes: Buffer
  /** When the store drops it: ms since 1970 on the store's clock, `Infinity` for never. */
  expiresAt: number
  /** The entry's tags. */
  tags: readonly string[]
}

/**
 * Where entries are kept. Keys are full keys as `cacheKey` builds them; entries are bytes that the store does not look into.
 *
 * Every method that returns a promise rejects when the store does not answer, and never waits for an answer longer
 * than the store's own time limit a step. What is promised to be atomic holds for all processes that share the store.
 */
export interface Store {
  readonly kind: BackendStats['kind']

  /** The store's clock in ms since 1970: for Redis the server's, so that all processes agree what has expired. */
  now(): number

  /** Whether the store answers, since when, and how fast. Asks nothing, so it never waits. */
  backend(): BackendStats

  /** The bytes under a key. One command. */
  read(key: string): Promise<Buffer | undefined>

  /** The bytes under each key, in order. One round trip. */
  readMany(keys: readonly string[]): Promise<(Buffer | undefined)[]>

  /** The bytes under a key, read by somebody who only looks: it does not keep the entry alive. */
  look(key: string): Promise<Buffer | undefined>

  /**
   * Stores entries, each with its place in the index, atomically for each key. Gives for each whether it was stored;
   * where not, the older entry is removed.
   */
  write(entries: readonly Write[]): Promise<boolean[]>

  /** Removes these keys, each atomically with its place in the index. Gives those that were there. */
  remove(keys: readonly string[]): Promise<string[]>

  /** Removes a key and all keys below it, in bounded steps. Keys written meanwhile do not make it endless. */
  removeTree(key: string): Promise<string[]>

  /** Removes all keys, in bounded steps, and nothing that is not this cache's. Gives how many there were. */
  clear(): Promise<number>

  /** A page of that key and the keys below it (`undefined`: all), sorted by UTF-8 bytes, from the first one after `after`. */
  list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage>

  /** A page of the level below that key (`undefined`: the top level), sorted by place in the index. */
  children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage>

  /** How many keys there are: that key and the keys below it (`undefined`: all). */
  count(under: string | undefined): Promise<number>

  /** Writes and reads back a probe that is never listed or counted. */
  probe(): Promise<void>

  /** Adds what one process counted. A batch that arrives twice counts once. */
  addStats(batch: StatsBatch): Promise<void>

  /** What all processes counted. */
  readStats(): Promise<StatsTotals>

  /** Ends connections and timers within 500 ms, whatever the store does. */
  close(): Promise<void>
}
