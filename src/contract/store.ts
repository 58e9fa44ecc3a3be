import type { BackendStats } from './cache.js'
import type { ChildPage, Computation, KeyPage } from './inspected.js'
import type { RemovalStep } from './removal-step.js'
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

/** A request for the lease of a key, to compute its value. */
export interface Attempt {
  key: string
  /** The unique name of this computation. */
  token: string
  /** `host:pid` */
  process: string
  leaseMs: number
  /** The bytes that the caller has read and does not accept. `any`: it accepts no stored value. `undefined`: it has found none. */
  seen: Buffer | 'any' | undefined
  /** Whether the caller waits if another caller leads the computation. */
  follows: boolean
  /** Whether the caller respects a pause after a failure, because it can do without a computation. */
  patient: boolean
}

/** How an attempt ended. */
export type Acquired =
  /** There is an entry that the caller has not seen. */
  | { kind: 'value'; bytes: Buffer }
  /** The caller leads: it has the lease. */
  | { kind: 'leads' }
  /**
   * Another caller leads. `leader`: the token of its computation. `leftMs`: how long its lease still lasts, unless it is renewed. `entry`:
   * for a caller that accepts no stored value, the entry that is there, as `seen` takes it.
   */
  | { kind: 'follows'; leader: string; leftMs: number; entry?: Buffer | undefined }
  /** Attempts are paused for `leftMs`. */
  | { kind: 'paused'; leftMs: number }

/** A time in which the server of some keys does not answer. */
export interface Outage {
  /** When the server last gave a sign of life before it, on this process's monotonic clock. */
  readonly sinceMs: number
}

/**
 * A question to the process that has a computation: does its factory wait, over however many others, for the one that asks? It is sent on
 * until nobody waits, or comes back to who has asked.
 */
export interface CycleProbe {
  /** Who has asked, and how many times before. */
  readonly from: string
  readonly round: number
  /** The token of the computation. */
  readonly after: string
  /** The waits over which it has come. */
  readonly trail: string
}

/** How a computation ended: with an entry, without one, or voided by a write or delete of its key. */
export type Ended = 'filled' | 'nothing' | 'voided'

/**
 * Where entries are kept. Keys are full keys as `cacheKey` builds them. Entries are encoded bytes, whose values the store does not decode.
 *
 * Every method that returns a promise rejects when the store does not answer. Each step waits for an answer no longer than the store's own
 * time limit. What is called atomic is atomic for all processes that share the store.
 */
export interface Store {
  readonly kind: BackendStats['kind']

  /** Names what is kept here: the same for all stores that keep their entries in one place. `undefined`: nobody else does. */
  readonly place: string | undefined

  /**
   * The time by which a key expires, in ms since 1970. For Redis it is the clock of the server that keeps the key, so that all processes
   * agree on what has expired. Without a key: the clock for statistics.
   */
  now(key?: string): number

  /** Says that an entry under this key was found past its time, which is not so if the clock was set since it was last read. Never waits. */
  doubtClock(key: string): void

  /** Whether the store answers, since when, and how fast. Sends nothing, so it never waits. */
  backend(): BackendStats

  /**
   * The outage of the server that keeps a key; `undefined` while it answers. It begins when the server is down, or has not answered a
   * command in time. A refusal is an answer. Sends nothing.
   */
  outageOf(key: string): Outage | undefined

  /**
   * Calls the listener when an outage ends: with the first answer to what was sent after it began, before anybody gets that answer. Another
   * outage of the same server is another object.
   */
  onOutageEnd(listener: (outage: Outage) => void): void

  /**
   * Reads the bytes under a key and gives what `found` returns for them. `nowMs` is the time of the answer, as `now` gives it. `found` may
   * run in the async context of another call, so it must not depend on that context. One command.
   */
  read<T>(key: string, found: (bytes: Buffer | undefined, nowMs: number) => T | Promise<T>): Promise<T>

  /**
   * Gives for each key, in order, what `found` returns for its bytes, or what `failed` returns if the store does not answer for it. Both
   * are called as soon as the answer is there, with the place of the key, in the async context of the call. One round trip.
   */
  readMany<T>(
    keys: readonly string[],
    found: (bytes: Buffer | undefined, nowMs: number, place: number) => T,
    failed: (error: unknown, place: number) => T,
  ): Promise<T[]>

  /** The bytes under a key, for looking only. The embedded store does not count it as a use of the entry. */
  peek(key: string): Promise<Buffer | undefined>

  /** The header of each entry and its size in bytes, in order, for looking only. One round trip for up to 500 keys. */
  peekMany(keys: readonly string[]): Promise<({ head: Buffer; size: number } | undefined)[]>

  /**
   * Stores entries, each with its place in the index, and voids computations of their keys, atomically for each key. Gives for each whether
   * it was stored. If it was not, the older entry is removed.
   */
  write(entries: readonly Write[]): Promise<boolean[]>

  /**
   * Removes these keys. Each key goes atomically with its place in the index and with its computation. Gives those that were there.
   * @throws {PartialRemoval} when the store stops answering, as all removals do.
   */
  remove(keys: readonly string[]): Promise<string[]>

  /**
   * Voids all computations of a key and of the keys below it, then removes these keys, in bounded steps. It ends even if keys are written
   * meanwhile. Gives the keys removed. `step` takes each step; without it, all that is found goes. So do the other removals in steps.
   */
  removeTree(key: string, step?: RemovalStep): Promise<string[]>

  /**
   * Voids all computations, then removes all keys and tags of this cache and nothing else, in bounded steps. Gives how many keys there were.
   */
  clear(step?: RemovalStep): Promise<number>

  /**
   * Removes all entries that carry the tag, in bounded steps, each atomically with its computation. Computations whose entry will carry the
   * tag are voided: they store nothing. Gives the keys removed. An entry is not found if the store has evicted the list of its tag's keys,
   * as Redis may under `allkeys-*`.
   * @throws {PartialRemoval} as the other removals.
   */
  removeTag(tag: string, step?: RemovalStep): Promise<string[]>

  /** Up to `limit` keys whose entries carry the tag, and how many there are in all. */
  listTag(tag: string, limit: number): Promise<{ keys: string[]; total: number }>

  /** A page of the key `under` and the keys below it (`undefined`: all), sorted by UTF-8 bytes, from the first one after `after`. */
  list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage>

  /** A page of the level below the key `under` (`undefined`: the top level), sorted by place in the index. */
  children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage>

  /** How many keys there are: the key `under` and the keys below it (`undefined`: all). */
  count(under: string | undefined): Promise<number>

  /**
   * Gives the caller the lease of a key, unless there is an entry that it has not seen, another caller leads, or attempts are paused.
   * Atomic: of all attempts at one time exactly one leads, until its lease ends.
   */
  acquire(attempt: Attempt): Promise<Acquired>

  /**
   * Makes the lease last this long from now. `tags`: those that the entry will carry. `false`: the caller has lost the lease, or one of the
   * tags was removed meanwhile.
   */
  renew(key: string, token: string, leaseMs: number, tags: readonly string[]): Promise<boolean>

  /** Whether anybody has asked for a lease with this token, and waits for its end. */
  isFollowed(key: string, token: string): Promise<boolean>

  /**
   * Stores the computed entry and ends the lease, atomically. It does so only if the caller still has the lease, and none of the entry's
   * tags was removed since it was acquired. `false`: neither was so, and nothing was changed. If the entry has expired or does not fit, the
   * older one is removed. A lease past its end still fills if nobody has taken or deleted it.
   */
  fill(entry: Write, token: string): Promise<boolean>

  /**
   * Ends the lease without an entry, and pauses patient attempts for this long. What is stored stays. `false`: the caller had lost the
   * lease, or one of the tags was removed since it was acquired. `ended` is told to those who wait: `voided` lets one of them take over.
   */
  release(
    key: string,
    token: string,
    ended: 'nothing' | 'voided',
    pauseMs: number,
    tags?: readonly string[],
  ): Promise<boolean>

  /** The computations under way, in all processes. */
  computations(): Promise<Computation[]>

  /** Calls the listener when a followed computation has ended, and when one was voided by a write or delete of its key. */
  onEnded(listener: (key: string, ended: Ended) => void): void

  /** Calls the listener when a tag was removed during a computation whose entry may carry it. */
  onTagRemoved(listener: (tag: string) => void): void

  /** Sends a probe to all processes. It may be lost. */
  sendCycleProbe(probe: CycleProbe): Promise<void>

  /** Calls the listener with each probe that a process has sent, this one too. One may come more than once. */
  onCycleProbe(listener: (probe: CycleProbe) => void): void

  /** Whether `onEnded` and `onTagRemoved` can be relied on now. */
  readonly hearsEnds: boolean

  /** Calls the listener when `hearsEnds` has changed, because ends may have been missed. */
  onHearing(listener: () => void): void

  /**
   * Calls the listener with keys that anyone has changed, soon after the change. `undefined`: any key may have changed, for example because
   * changes were missed.
   */
  onChanged(listener: (keys: readonly string[] | undefined) => void): void

  /**
   * Whether the store hears of all changes now. While it does, `onChanged` can be relied on. When that ends, the listener is called at
   * once.
   */
  readonly tracks: boolean

  /** Writes and reads back a probe that is never listed or counted. */
  probe(): Promise<void>

  /** Adds what one process counted. A batch that arrives twice counts once. */
  addStats(batch: StatsBatch): Promise<void>

  /** What all processes counted. */
  readStats(): Promise<StatsTotals>

  /** Adds one line to the audit log. It keeps the last 1,000 lines, or a few more. */
  appendLog(line: string): Promise<void>

  /** The last lines of the audit log, the newest first. */
  readLog(limit: number): Promise<string[]>

  /** Ends connections and timers within 500 ms, even if the store does not answer. */
  close(): Promise<void>
}
