import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { AuditEvent } from './audit-event.js'
import type { Ttl } from '../checks/duration.js'
import type { CacheEvents } from './cache-events.js'
import type { Key, KeyPart } from '../keys/key.js'

/** How a value is stored. */
export interface SetOptions {
  /** How long the value is fresh. `0` removes what was there. @defaultValue the cache's `ttl` */
  ttl?: Ttl | undefined
  /**
   * How long after its ttl `getOrSet` may serve the stale value while it is computed again, or when that fails.
   * @defaultValue the cache's `grace`
   */
  grace?: Ttl | undefined
  /** Names under which `deleteTag` finds the entry: at most 64, of at most 256 bytes each. */
  tags?: readonly string[] | undefined
}

/** What a factory knows about the call, and how it can change the way its result is stored. */
export interface FactoryContext {
  /** The full key being computed. */
  readonly key: string
  /** Aborts when the result is no longer needed: `maxCompute` has passed, or the last caller has left. */
  readonly signal: AbortSignal
  /** The value that the result will replace, if one is still there. */
  readonly stale: { value: unknown } | undefined
  /** Sets the ttl of the result. It replaces that of the call. */
  setTtl(ttl: Ttl): void
  /** Sets the tags of the result. They replace those of the call. */
  setTags(tags: readonly string[]): void
  /** Sets the grace of the result. It replaces that of the call. */
  setGrace(grace: Ttl): void
  /** Do not store the result. The callers still get it. */
  skip(): void
}

/** Computes the value of a key. */
export type Factory<T> = (context: FactoryContext) => T | PromiseLike<T>

/** How `getOrSet` reads, computes and stores. */
export interface GetOrSetOptions<T> extends SetOptions {
  /** Refresh before expiry. The probability grows with the time the computation took, and with beta: `true` is 1, or a number above 0. */
  early?: boolean | number | undefined
  /** Serve the stale value if computing takes longer than this. */
  softTimeout?: Ttl | undefined
  /** This caller rejects with `CacheTimeoutError` after this time; the computation goes on for the others. */
  timeout?: Ttl | undefined
  /** After this time the computation is given up, and another caller may take over. @defaultValue the cache's `maxCompute` */
  maxCompute?: Ttl | undefined
  /** Compute now, whatever is stored. */
  refresh?: boolean | undefined
  /** When it aborts, this caller stops waiting. */
  signal?: AbortSignal | undefined
  /**
   * Validates stored and computed values. The value itself is returned, not the schema's output. A stored value that fails is a miss; a
   * computed one makes the call reject.
   */
  schema?: StandardSchemaV1<unknown, T> | undefined
}

/** Computes the missing values of many keys: one value or `Error` for each missing key, in their order. */
export type ManyFactory<T, K> = (
  missing: readonly K[],
  context: { signal: AbortSignal },
) => readonly (T | Error)[] | PromiseLike<readonly (T | Error)[]>

/** What a keyed cache, its scopes and `req.cache` have in common. Methods that return a promise never throw, they reject. */
export interface Cache {
  /** Builds a full key from its parts. @throws {TypeError} for parts that cannot be in a key. */
  key(...parts: KeyPart[]): string
  /** Appends parts to a key. @throws {TypeError} for parts that cannot be in a key. */
  keyUnder(parent: Key, ...parts: KeyPart[]): string
  /** The value under a key. Rejects with `NotCachedError` when nothing is stored and no default is given. */
  get<T = unknown>(key: Key): Promise<T>
  get<T = unknown>(key: Key, options: { default: undefined }): Promise<T | undefined>
  get<T = unknown>(key: Key, options: { default: null }): Promise<T | null>
  get<T>(key: Key, options: { default: T }): Promise<T>
  get<T, D>(key: Key, options: { default: D }): Promise<T | D>
  /** The values of many keys, in their order, in one round trip. */
  getMany<T = unknown>(keys: readonly Key[]): Promise<(T | undefined)[]>
  getMany<T, D>(keys: readonly Key[], options: { default: D }): Promise<(T | D)[]>
  /**
   * Stores a value. `false`: it was not stored, and no older value is left either. Rejects with a `TypeError` that names the path of what
   * cannot be stored.
   */
  set(key: Key, value: unknown, options?: SetOptions): Promise<boolean>
  /** Stores many values. `true` when all of them were stored. */
  setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean>
  /** Whether a fresh value is stored. Counts as no call. */
  has(key: Key): Promise<boolean>
  /** Deletes a key, and with `children` also all keys below it, for every process. Gives the full keys removed. */
  delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]>
  /** The value under a key. If there is none, calls the factory and stores its value. */
  getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T>
  /** The values of many keys; one call of the factory computes those that are missing. */
  getOrSetMany<T, const K extends Key = Key>(
    keys: readonly K[],
    factory: ManyFactory<T, K>,
    options?: GetOrSetOptions<T>,
  ): Promise<T[]>
  /** A cache of all keys below these parts. @throws {TypeError} for parts that cannot be in a key. */
  scope(...parts: KeyPart[]): Cache
}

/** What `req.cache` is: a cache with a Map in front of it that lives as long as the request. */
export interface RequestScopedCache extends Cache {
  /** The cache behind, without the Map: for responses that last, such as server-sent events, which are to see what others change. */
  readonly shared: KeyedCache
}

/** A function whose results are cached by its arguments. */
export type CachedFunction<F extends (...args: any[]) => unknown> = F & {
  /** The full key of a call. @throws {TypeError} for arguments that cannot be in a key. */
  key(...args: Parameters<F>): string
  /** Deletes the result of these arguments. Gives the keys removed. */
  delete(...args: Parameters<F>): Promise<string[]>
  /** Computes the result of these arguments again, whatever is stored. */
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
  /** Gives the key parts for the arguments, an array of any length. Called with the `this` of the call. */
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
  /** Continue after this place: the `next` of the page before. */
  after?: string | undefined
  /** 1 to 1000. @defaultValue 100 */
  limit?: number | undefined
}

/** Facts about one entry. */
export interface EntryInfo {
  key: string
  /** Seconds left, `Infinity` when it never expires. */
  ttl: number
  /** Past its ttl, kept only for its grace. */
  stale: boolean
  /** Bytes stored. */
  size: number
  createdAt: Date
  /** How long the computation took, in ms, when the value was computed. */
  computeMs: number | undefined
  tags: string[]
  value?: unknown
}

/** The facts in the header of an entry. */
export type EntryOutline = Pick<EntryInfo, 'key' | 'ttl' | 'stale' | 'size' | 'createdAt' | 'computeMs'>

/** A computation under way. */
export interface Computation {
  key: string
  /** `host:pid` */
  process: string
  since: Date
}

/** What keeps the entries, and whether it answers. */
export interface BackendStats {
  kind: 'memory' | 'redis' | 'cluster'
  up: boolean
  /** Since when it is up or down. */
  since: Date
  /** The last measured round trip; `null` when nothing was measured. */
  roundTripMs: number | null
}

/** The counters of a cache, for all processes that share it. */
export interface CacheStats {
  calls: number
  hits: number
  misses: number
  /** 0 to 1; `null` without calls. */
  hitRate: number | null
  stale: number
  computations: number
  errors: number
  /** The time that hits saved, in ms: for each hit, how long its value took to compute. */
  savedMs: number
  /** Keys stored; `null` when the backend does not say. */
  keys: number | null
  hitsBy: { request: number; near: number; store: number; fallback: number }
  backend: BackendStats
  /** Whether the numbers are those of this process, or of all processes (`fleet`). */
  scope: 'process' | 'fleet'
  processes: { id: string; startedAt: Date; seenAt: Date }[]
  groups: { group: string; calls: number; hits: number; computations: number; computeMs: number; savedMs: number }[]
  minutes: { minute: Date; calls: number; hits: number }[]
}

/** A cache of values under hierarchical keys, shared by all processes that use the same Redis and prefix. */
export interface KeyedCache extends Cache {
  /** The name of the cache in configuration, dashboard and metrics. */
  readonly name: string
  /** The default ttl, in seconds. */
  readonly ttl: number
  readonly enabled: boolean
  /** Whether the store answers, since when and how fast, as far as is known. Sends nothing. */
  readonly backend: CacheStats['backend']
  /**
   * Switches the cache on or off. A disabled cache finds nothing, stores nothing and counts nothing, and factories are called each time.
   * Deletes still work.
   */
  enable(state?: boolean): void
  /** Deletes everything under this cache's prefix, and nothing else. Gives the number of keys. */
  clear(): Promise<number>
  /** Deletes all entries that carry the tag, for every process. Gives their keys. */
  deleteTag(tag: string): Promise<string[]>
  /** Some of the keys whose entries carry the tag, and how many there are. Those beyond the limit may have lost the tag. */
  tagged(tag: string, options?: { limit?: number | undefined }): Promise<{ keys: string[]; total: number }>
  /**
   * A function whose results are cached by its arguments. The same function, or its cached version, given again gives the same result.
   * @throws {TypeError} naming the wrong option.
   * @throws {Error} asking for `name`, when the function has none, or another function has the same name.
   */
  // `never` has a parameter without a type checked, where `any` would let everything pass.
  wrap<F extends (...args: never[]) => PromiseLike<unknown>>(fn: F, options?: FunctionOptions<F>): CachedFunction<F>
  wrap<A extends unknown[], R>(
    fn: (...args: A) => R,
    options?: NoInfer<FunctionOptions<(...args: A) => R>>,
  ): CachedFunction<(...args: A) => Promise<Awaited<R>>>
  /** The key `under` and everything below it (without one: all keys), sorted by UTF-8 bytes. */
  keys(under?: Key, options?: PageOptions): Promise<KeyPage>
  /** One level below the key `under`, each segment once. */
  children(under?: Key, options?: PageOptions): Promise<ChildPage>
  /** How many keys there are: the key `under` and everything below it. */
  count(under?: Key): Promise<number>
  /** Facts about an entry. For looking: counts as no call and changes nothing. */
  entry(key: Key, options?: { value?: boolean | undefined }): Promise<EntryInfo | undefined>
  /** A copy of the bytes stored under a key, even if they are not a valid entry. For looking: counts as no call and changes nothing. */
  bytes(key: Key): Promise<Buffer | undefined>
  /**
   * The facts in the headers of many entries, in order. For looking: counts as no call and changes nothing. One round trip for up to 500
   * keys.
   */
  entries(keys: readonly Key[]): Promise<(EntryOutline | undefined)[]>
  /** The computations under way, in all processes. */
  computing(): Promise<Computation[]>
  stats(): Promise<CacheStats>
  /** Adds an event to the audit log in the store. The last 1,000 events are kept. */
  audit(event: AuditEvent): Promise<void>
  /** The events of the audit log, the newest first. */
  activity(options?: { limit?: number | undefined }): Promise<AuditEvent[]>
  /** Writes and reads back a probe. Rejects with `CacheNotRespondingError` when that fails. */
  require(): Promise<void>
  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): this
  off<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): this
  /** Ends timers and connections of this cache; a client that was passed in stays open. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
