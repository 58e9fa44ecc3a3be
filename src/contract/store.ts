import type { BackendStats, ChildPage, Computation, KeyPage } from './cache.js'
import type { StatsBatch, StatsTotals } from './statistics.js'

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

/** Asks to be the one who computes a key. */
export interface Attempt {
  key: string
  /** Names this computation, and no other. */
  token: string
  /** `host:pid` */
  process: string
  leaseMs: number
  /** The bytes that the caller has read and found wanting; `any` when it wants no stored value at all. */
  seen: Buffer | 'any' | undefined
  /** Whether the caller will wait for a computation that another one leads. */
  follows: boolean
  /** Whether the caller can do without a computation while attempts are paused after a failure. */
  patient: boolean
}

/** How an attempt ended. */
export type Acquired =
  /** An entry other than the one that was seen is there. */
  | { kind: 'value'; bytes: Buffer }
  /** The caller leads: the lease is its own. */
  | { kind: 'leads' }
  /** Another one leads; `leftMs`: what is left of its lease, unless it is renewed. */
  | { kind: 'follows'; leftMs: number }
  /** Attempts are paused for this long. */
  | { kind: 'paused'; leftMs: number }

/** How a computation ended: with an entry, without one, or void since its key was written or deleted. */
export type Ended = 'filled' | 'nothing' | 'voided'

/**
 * Where entries are kept. Keys are full keys as `cacheKey` builds them; entries are bytes that the store does not look into.
 *
 * Every method that returns a promise rejects when the store does not answer, and never waits for an answer longer
 * than the store's own time limit a step. What is promised to be atomic holds for all processes that share the store.
 */
export interface Store {
  readonly kind: BackendStats['kind']

  /**
   * The clock by which a key expires, in ms since 1970: for Redis that of the server which keeps the key, so that all processes agree
   * what has expired. Without a key: the one by which statistics go.
   */
  now(key?: string): number

  /** Whether the store answers, since when, and how fast. Asks nothing, so it never waits. */
  backend(): BackendStats

  /**
   * What `found` makes of the bytes under a key and of the time (as `now`) of the answer. It is called in a row with those of other calls,
   * maybe in the async context of one of them: what it does must not depend on that. One command.
   */
  read<T>(key: string, found: (bytes: Buffer | undefined, nowMs: number) => T | Promise<T>): Promise<T>

  /**
   * What `found` makes of the bytes under each key, given as soon as they are read, or `failed` of the error where the store does not
   * answer for it. Both are told its place among the keys, in the async context of the call. In order. One round trip.
   */
  readMany<T>(
    keys: readonly string[],
    found: (bytes: Buffer | undefined, nowMs: number, place: number) => T,
    failed: (error: unknown, place: number) => T,
  ): Promise<T[]>

  /** The bytes under a key, read by somebody who only looks: it does not keep the entry alive. */
  peek(key: string): Promise<Buffer | undefined>

  /** The header of each entry and how many bytes it has in all, in order, for one who only looks. One round trip. */
  peekMany(keys: readonly string[]): Promise<({ head: Buffer; size: number } | undefined)[]>

  /**
   * Stores entries, each with its place in the index, and voids computations of their keys, atomically for each key.
   * Gives for each whether it was stored; where not, the older entry is removed.
   */
  write(entries: readonly Write[]): Promise<boolean[]>

  /**
   * Removes these keys, each atomically with its place in the index and with its computation. Gives those that were there.
   * @throws {PartialRemoval} where the store stops answering, as all removals.
   */
  remove(keys: readonly string[]): Promise<string[]>

  /** Voids all computations of a key and of the keys below it, then removes these, in bounded steps. Keys written meanwhile do not make it endless. */
  removeTree(key: string): Promise<string[]>

  /** Voids all computations, then removes all keys, in bounded steps, and nothing that is not this cache's. Gives how many there were. */
  clear(): Promise<number>

  /**
   * Removes all entries that carry the tag, in bounded steps, each atomically with its computation. Computations under way that
   * will give their entry this tag are void: they fill nothing. Gives the keys removed. Of entries whose tags the store itself has
   * evicted, as Redis may under `allkeys-*`, it does not know.
   * @throws {PartialRemoval} as the other removals.
   */
  removeTag(tag: string): Promise<string[]>

  /**
   * Some of the keys whose entries carry the tag, and how many there are in all. The number may count keys beyond the limit that have
   * lost the tag since.
   */
  listTag(tag: string, limit: number): Promise<{ keys: string[]; total: number }>

  /** A page of that key and the keys below it (`undefined`: all), sorted by UTF-8 bytes, from the first one after `after`. */
  list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage>

  /** A page of the level below that key (`undefined`: the top level), sorted by place in the index. */
  children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage>

  /** How many keys there are: that key and the keys below it (`undefined`: all). */
  count(under: string | undefined): Promise<number>

  /**
   * Makes the caller the one who computes a key, unless an entry that it has not seen is there or another one leads already.
   * Atomic: of all attempts at one time exactly one leads, until its lease ends.
   */
  acquire(attempt: Attempt): Promise<Acquired>

  /**
   * Makes the lease last this long from now. `false`: it is no longer the caller's, since it was lost or one of these tags, which its
   * entry will carry, was removed meanwhile.
   */
  renew(key: string, token: string, leaseMs: number, tags: readonly string[]): Promise<boolean>

  /**
   * Stores what was computed and ends the lease, atomically, if the lease still is the caller's, neither deleted nor taken over,
   * and none of the entry's tags was removed since it was acquired.
   * `false`: nothing was stored. A lease past its end that nobody took or deleted still fills.
   */
  fill(entry: Write, token: string): Promise<boolean>

  /**
   * Ends the lease without an entry, and pauses patient attempts for this long. `false`: it was no longer the caller's.
   * `ended` is what those are told who wait: `voided` lets one of them take over.
   */
  release(key: string, token: string, ended: 'nothing' | 'voided', pauseMs: number): Promise<boolean>

  /** The computations under way, in all processes. */
  computations(): Promise<Computation[]>

  /** Calls the listener when a computation has ended that somebody follows, and when one was voided by a write or delete of its key. */
  onEnded(listener: (key: string, ended: Ended) => void): void

  /** Calls the listener when a tag was removed while something was being computed that may carry it. */
  onTagRemoved(listener: (tag: string) => void): void

  /** Whether `onEnded` and `onTagRemoved` can be relied on now. */
  readonly hearsEnds: boolean

  /** Calls the listener when `hearsEnds` has changed: ends may have been missed. */
  onHearing(listener: () => void): void

  /**
   * Calls the listener with keys that have changed, by whomever, soon after they have; with `undefined` when any key may have, as when
   * changes were missed.
   */
  onChanged(listener: (keys: readonly string[] | undefined) => void): void

  /** Whether all changes are heard of now. While it is, `onChanged` can be relied on; when that ends, the listener is called at once. */
  readonly tracks: boolean

  /** Writes and reads back a probe that is never listed or counted. */
  probe(): Promise<void>

  /** Adds what one process counted. A batch that arrives twice counts once. */
  addStats(batch: StatsBatch): Promise<void>

  /** What all processes counted. */
  readStats(): Promise<StatsTotals>

  /** Adds one line to the log of what staff did. Of 1,000 or a few more lines the oldest go. */
  appendLog(line: string): Promise<void>

  /** The last lines of that log, the newest first. */
  readLog(limit: number): Promise<string[]>

  /** Ends connections and timers within 500 ms, whatever the store does. */
  close(): Promise<void>
}
