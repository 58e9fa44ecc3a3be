import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { AuditEvent } from './audit-event.js'
import type { Ttl } from '../checks/duration.js'
import type { CacheEvents } from './cache-events.js'
import type { Key, KeyPart } from '../keys/key.js'

/** How a value is stored. */
export interface SetOptions {
  /** How long the value is fresh. `0` removes what was there. @defaultValue the cache's `ttl` */
  ttl?: Ttl | undefined
  /** How long past its ttl `getOrSet` may serve the value while it is computed anew, or when that fails. @defaultValue the cache's `grace` */
  grace?: Ttl | undefined
  /** Names under which `deleteTag` finds the entry: at most 64, of at most 256 bytes each. */
  tags?: readonly string[] | undefined
}

/** What a factory is told, and what it may say about its result. */
export interface FactoryContext {
  /** The full key being computed. */
  readonly key: string
  /** Aborts when the result is not wanted any more: `maxCompute` has passed, or the last caller has left. */
  readonly signal: AbortSignal
  /** The value that the result will replace, if one is still there. */
  readonly stale: { value: unknown } | undefined
  /** Sets the ttl of the result, over that of the call. */
  setTtl(ttl: Ttl): void
  /** Sets the tags of the result, over those of the call. */
  setTags(tags: readonly string[]): void
  /** The result goes to the callers but is not stored. */
  skip(): void
}

/** Computes the value of a key. */
export type Factory<T> = (context: FactoryContext) => T | PromiseLike<T>

/** How `getOrSet` reads, computes and stores. */
export interface GetOrSetOptions<T> extends SetOptions {
  /** Refresh before expiry, with a probability that grows with the time the computation took: `true` is 1, or a beta above 0. */
  early?: boolean | number | undefined
  /** Serve the stale value if computing takes longer. */
  softTimeout?: Ttl | undefined
  /** This caller rejects with `CacheTimeoutError` after this time; the computation goes on for the others. */
  timeout?: Ttl | undefined
  /** After this time the computation is given up, and others take over. @defaultValue the cache's `maxCompute` */
  maxCompute?: Ttl | undefined
  /** Compute now, whatever is stored. */
  refresh?: boolean | undefined
  /** This caller leaves when it aborts. */
  signal?: AbortSignal | undefined
  /** Judges stored and fresh values; the value itself is returned. A stored one that fails is a miss, a fresh one rejects. */
  schema?: StandardSchemaV1<unknown, T> | undefined
}

/** Computes what is missing of many keys: one value or `Error` for each, in their order. */
export type ManyFactory<T, K> = (
  missing: readonly K[],
  context: { signal: AbortSignal },
) => readonly (T | Error)[] | PromiseLike<readonly (T | Error)[]>

/** What a keyed cache, a scope of it and `req.cache` have in common. What returns a promise never throws, it rejects. */
export interface Cache {
  /** Builds a full key, each argument being a part. @throws {TypeError} for parts that have no key. */
  key(...parts: KeyPart[]): string
  /** Continues a key by parts. @throws {TypeError} for parts that have no key. */
  keyUnder(parent: Key, ...parts: KeyPart[]): string
  /** The value under a key. Rejects with `NotCachedError` when there is nothing and no default. */
  get<T = unknown>(key: Key): Promise<T>
  get<T = unknown>(key: Key, options: { default: undefined }): Promise<T | undefined>
  get<T = unknown>(key: Key, options: { default: null }): Promise<T | null>
  get<T>(key: Key, options: { default: T }): Promise<T>
  get<T, D>(key: Key, options: { default: D }): Promise<T | D>
  /** The values of many keys, in their order, in one round trip. */
  getMany<T = unknown>(keys: readonly Key[]): Promise<(T | undefined)[]>
  getMany<T, D>(keys: readonly Key[], options: { default: D }): Promise<(T | D)[]>
  /** Stores a value. `false`: it was not stored, and no older value is left either. Rejects with a `TypeError` that names the path of what cannot be stored. */
  set(key: Key, value: unknown, options?: SetOptions): Promise<boolean>
  /** Stores many values. `true` when all of them were stored. */
  setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean>
  /** Whether a fresh value is stored. Counts as no call. */
  has(key: Key): Promise<boolean>
  /** Deletes a key, with `children` all keys below it too, for every process. Gives the full keys removed. */
  delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]>
  /** The value under a key, or else that of the factory, which is then stored. */
  getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T>
  /** The values of many keys; one call of the factory computes those that are missing. */
  getOrSetMany<T, const K extends Key = Key>(
    keys: readonly K[],
    factory: ManyFactory<T, K>,
    options?: GetOrSetOptions<T>,
  ): Promise<T[]>
  /** A cache of all keys below these parts. @throws {TypeError} for parts that have no key. */
  scope(...parts: KeyPart[]): Cache
}

/** A function whose results are cached by its arguments. */
export type CachedFunction<F extends (...args: any[]) => unknown> = F & {
  /** The full key of a call. @throws {TypeError} for arguments that have no key. */
  key(...args: Parameters<F>): string
  /** Deletes the result of these arguments. Gives the keys removed. */
  delete(...args: Parameters<F>): Promise<string[]>
  /** Computes the result of these arguments anew. */
  refresh(...args: Parameters<F>): ReturnType<F>
  /** Deletes the results of all arguments. Gives how many there were. */
  clear(): Promise<number>
  /** The function itself. */
  readonly original: F
}

/** How the results of a function are cached. */
export interface FunctionOptions<F extends (...args: any[]) => unknown> extends GetOrSetOptions<
  Awaited<ReturnType<F>>
> {
  /** The name in its keys. @defaultValue the function's own name */
  name?: string | undefined
  /** The parts that stand for its arguments in keys, an array of any length. Called with the `this` of the call. */
  key?: ((...args: Parameters<F>) => readonly KeyPart[]) | undefined
}

/** One page of keys, sorted by UTF-8 bytes. */
export interface KeyPage {
  keys: string[]
  /** The `after` of the next page; `undefined` on the last. */
  next: string | undefined
  /** How many keys there are in all. */
  total: number
}

/** One level of the tree of keys. */
export interface ChildPage {
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
  /** Go on after this place: the `next` of the page before. */
  after?: string | undefined
  /** 1 to 1000. @defaultValue 100 */
  limit?: number | undefined
}

/** What is known of one entry. */
export interface EntryInfo {
  key: string
  /** Seconds left, `Infinity` when it never expires. */
  ttl: number
  /** Past its ttl, kept only for its grace. */
  stale: boolean
  /** Bytes stored. */
  size: number
  createdAt: Date
  /** How long the computation took, when it was computed. */
  computeMs: number | undefined
  tags: string[]
  value?: unknown
}

/** What the header of an entry says. */
export type EntryOutline = Pick<EntryInfo, 'key' | 'ttl' | 'stale' | 'size' | 'createdAt' | 'computeMs'>

/** A computation under way. */
export interface Computation {
  key: string
  /** `host:pid` */
  process: string
  since: Date
}

/** Where entries are kept, and whether it answers. */
export interface BackendStats {
  kind: 'memory' | 'redis' | 'cluster'
  up: boolean
  /** Since when it is up or down. */
  since: Date
  /** The last measured round trip; `null` when nothing was measured. */
  roundTripMs: number | null
}

/** What the cache did, in all processes that share it. */
export interface CacheStats {
  calls: number
  hits: number
  misses: number
  /** 0 to 1; `null` without calls. */
  hitRate: number | null
  stale: number
  computations: number
  errors: number
  /** The time that hits saved: each counts what its value took to compute. */
  savedMs: number
  /** Keys stored; `null` when the backend does not say. */
  keys: number | null
  hitsBy: { request: number; near: number; store: number }
  backend: BackendStats
  /** Whether the numbers are those of this process or of all. */
  scope: 'process' | 'fleet'
  processes: { id: string; startedAt: Date; seenAt: Date }[]
  groups: { group: string; calls: number; hits: number; computations: number; computeMs: number; savedMs: number }[]
  minutes: { minute: Date; calls: number; hits: number }[]
}

/** A cache of values under hierarchical keys, shared by all processes that use the same Redis and prefix. */
export interface KeyedCache extends Cache {
  /** How the cache is called in configuration, dashboard and metrics. */
  readonly name: string
  /** The default ttl, in seconds. */
  readonly ttl: number
  readonly enabled: boolean
  /** Whether the store answers, since when and how fast, as far as is known: asks nothing. */
  readonly backend: CacheStats['backend']
  /** Switches the cache on or off. A disabled cache misses, stores nothing, calls through and counts nothing; deletes work all the same. */
  enable(state?: boolean): void
  /** Deletes everything under this cache's prefix, and nothing else. Gives the number of keys. */
  clear(): Promise<number>
  /** Deletes all entries that carry the tag, for every process. Gives their keys. */
  deleteTag(tag: string): Promise<string[]>
  /** Some of the keys whose entries carry the tag, and how many there are; those beyond the limit may have lost it since. */
  tagged(tag: string, options?: { limit?: number | undefined }): Promise<{ keys: string[]; total: number }>
  /**
   * A function whose results are cached by its arguments. The same function given again, or what was made of it, gives the same.
   * @throws {TypeError} naming the option that is wrong.
   * @throws {Error} asking for `name`, for a function without one, or another one of the same name.
   */
  wrap<F extends (...args: any[]) => PromiseLike<unknown>>(fn: F, options?: FunctionOptions<F>): CachedFunction<F>
  wrap<A extends any[], R>(
    fn: (...args: A) => R,
    options?: NoInfer<FunctionOptions<(...args: A) => R>>,
  ): CachedFunction<(...args: A) => Promise<Awaited<R>>>
  /** That key and everything below it (without one: all keys), sorted by UTF-8 bytes. */
  keys(under?: Key, options?: PageOptions): Promise<KeyPage>
  /** One level below that key, each segment once. */
  children(under?: Key, options?: PageOptions): Promise<ChildPage>
  /** How many keys there are: that key and everything below it. */
  count(under?: Key): Promise<number>
  /** What is known of an entry. For looking: counts as no call and changes nothing. */
  entry(key: Key, options?: { value?: boolean | undefined }): Promise<EntryInfo | undefined>
  /** A copy of the bytes stored under a key, also where they are no entry. For looking: counts as no call and changes nothing. */
  bytes(key: Key): Promise<Buffer | undefined>
  /** What the headers of many entries say, in order, in one round trip. For looking: counts as no call and changes nothing. */
  entries(keys: readonly Key[]): Promise<(EntryOutline | undefined)[]>
  /** The computations under way, in all processes. */
  computing(): Promise<Computation[]>
  stats(): Promise<CacheStats>
  /** Notes in the store what staff did, or tried to do. The last 1,000 events are kept. */
  audit(event: AuditEvent): Promise<void>
  /** What staff did, the newest first. */
  activity(options?: { limit?: number | undefined }): Promise<AuditEvent[]>
  /** Writes and reads back a probe. Rejects with `CacheNotRespondingError` when that fails. */
  require(): Promise<void>
  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): this
  off<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): this
  /** Ends timers and connections of this cache; a client that was passed in stays open. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
