import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { AuditEvent } from './audit-event.js'
import type { Ttl } from '../checks/duration.js'
import type { Factory, ManyFactory } from './factory.js'
import type { CacheEvents } from './cache-events.js'
import type { ChildPage, Computation, EntryInfo, EntryOutline, KeyPage, PageOptions } from './inspected.js'
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

/** How `getOrSet` reads, computes and stores. */
export interface GetOrSetOptions<T> extends SetOptions {
  /** Refresh before expiry. The probability grows with the time the computation took, and with beta: `true` is 1, or a number above 0. */
  early?: boolean | number | undefined
  /** Serve the stale value if computing takes longer than this. */
  softTimeout?: Ttl | undefined
  /** This caller rejects with `CacheTimeoutError` after this time. The computation goes on, and its value is stored. */
  timeout?: Ttl | undefined
  /** After this time the computation is given up, and another caller may take over. @defaultValue the cache's `maxCompute` */
  maxCompute?: Ttl | undefined
  /**
   * How long a stale value serves after a refresh that failed before the next attempt, for all processes: at most 1 hour.
   * @defaultValue the cache's `retryAfter`
   */
  retryAfter?: Ttl | undefined
  /** Compute now, whatever is stored. Calls that began before the factory share its value, in all processes. */
  refresh?: boolean | undefined
  /** When it aborts, this caller stops waiting. If nobody else waits either, in any process, the factory's `signal` aborts too. */
  signal?: AbortSignal | undefined
  /**
   * Validates stored and computed values. The value itself is returned, not the schema's output. A stored value that fails is a miss; a
   * computed one makes the call reject.
   */
  schema?: StandardSchemaV1<unknown, T> | undefined
}

/**
 * What a keyed cache, its scopes and `req.cache` have in common. Methods that return a promise never throw, they reject: with a `TypeError`
 * for wrong keys and options, and as is said at each.
 */
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
  /**
   * The values of many keys, in their order, in one round trip: `undefined`, or the default, for what is missing. When Redis does not
   * answer, it does not reject: all are missing.
   */
  getMany<T = unknown>(keys: readonly Key[]): Promise<(T | undefined)[]>
  getMany<T, D>(keys: readonly Key[], options: { default: D }): Promise<(T | D)[]>
  /**
   * Stores a value. `false`: it was not stored, and no older value is left either. Rejects with a `TypeError` that names the path of what
   * cannot be stored.
   */
  set(key: Key, value: unknown, options?: SetOptions): Promise<boolean>
  /** Stores many values. `true` when all of them were stored. Rejects as `set` does. */
  setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean>
  /** Whether a fresh value is stored. Counts as no call. `false` when Redis does not answer: it does not reject then. */
  has(key: Key): Promise<boolean>
  /**
   * Deletes a key, and with `children` also all keys below it, for every process. Gives the full keys removed. Rejects with
   * `CacheNotRespondingError` when Redis does not answer; the deletion is carried out as soon as it does.
   */
  delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]>
  /**
   * The value under a key. If there is none, calls the factory and stores its value. A value that cannot be stored is given all the same, and
   * what was stored before is removed. Rejects with what the factory throws, with
   * `CacheTimeoutError` when `timeout` or `maxCompute` has passed, and with the reason of `signal`. What Redis does never makes it reject.
   */
  getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T>
  /** The values of many keys, in their order; one call of the factory computes those that are missing. Rejects as `getOrSet` does. */
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
  /** Deletes the result of these arguments. Gives the keys removed. Rejects as `Cache.delete` does. */
  delete(...args: Parameters<F>): Promise<string[]>
  /** Computes the result of these arguments again, whatever is stored. Rejects with what the function throws. */
  refresh(...args: Parameters<F>): ReturnType<F>
  /** Deletes the results of all arguments. Gives how many there were. Rejects as `Cache.delete` does. */
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

/** What keeps the entries, and whether it answers. */
export interface BackendStats {
  kind: 'memory' | 'redis' | 'cluster'
  up: boolean
  /** Since when it is up or down. */
  since: Date
  /** The last measured round trip; `null` when nothing was measured. */
  roundTripMs: number | null
  /**
   * Where it is, without credentials: `host:port/db`, the path of a socket, the nodes of a Cluster as they were given, or a master's name and
   * its Sentinels. `undefined` for the embedded store.
   */
  address: string | undefined
  /** Why it does not answer, and what to do: one line, without credentials. `undefined` while it is up. */
  error: string | undefined
}

/** The counters of a cache, for all processes that share it. */
export interface CacheStats {
  /** Keys asked for. */
  calls: number
  /** Calls answered from a stored entry. */
  hits: number
  /** Calls that were not, those that waited for a computation among them. */
  misses: number
  /** 0 to 1; `null` without calls. */
  hitRate: number | null
  /** Hits that gave a stale value. */
  stale: number
  /** Factories that have given a value. */
  computations: number
  /** Failures of the cache and its Redis, not of factories. */
  errors: number
  /** The time that hits saved, in ms: for each hit, how long its value took to compute. */
  savedMs: number
  /** Keys stored; `null` when the backend does not say. */
  keys: number | null
  /** Hits by what answered: the Map of a request, a copy in the process, the store, what is kept while Redis is away. */
  hitsBy: { request: number; near: number; store: number; fallback: number }
  /** What keeps the entries. */
  backend: BackendStats
  /** Whether the numbers are those of this process, or of all processes (`fleet`). */
  scope: 'process' | 'fleet'
  /** The processes that have used the cache lately; `id` is `host:pid`. */
  processes: { id: string; startedAt: Date; seenAt: Date }[]
  /** The counters by the first part of the keys; of functions, by their name. */
  groups: { group: string; calls: number; hits: number; computations: number; computeMs: number; savedMs: number }[]
  /** The counters of each of the last 60 minutes. */
  minutes: { minute: Date; calls: number; hits: number }[]
}

/** A cache of values under hierarchical keys, shared by all processes that use the same Redis and prefix. */
export interface KeyedCache extends Cache {
  /** The name of the cache in configuration, dashboard and metrics. */
  readonly name: string
  /** The default ttl, in seconds. */
  readonly ttl: number
  /** Whether it is switched on. */
  readonly enabled: boolean
  /** Whether the store answers, since when and how fast, as far as is known. Sends nothing. */
  readonly backend: CacheStats['backend']
  /**
   * Switches the cache on or off. A disabled cache finds nothing, stores nothing and counts nothing, and factories are called each time.
   * Deletes still work.
   * @throws {TypeError} for anything but a boolean.
   */
  enable(state?: boolean): void
  /** Deletes everything under this cache's prefix, and nothing else. Gives the number of keys. Rejects as `delete` does. */
  clear(): Promise<number>
  /** Deletes all entries that carry the tag, for every process. Gives their keys. Rejects as `delete` does. */
  deleteTag(tag: string): Promise<string[]>
  /**
   * Some of the keys whose entries carry the tag, and how many there are. It looks at each of them, so it takes as long as `deleteTag`. Rejects with
   * `CacheNotRespondingError` when Redis does not answer.
   */
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
  /**
   * The key `under` and everything below it (without one: all keys), sorted by UTF-8 bytes. Rejects with `CacheNotRespondingError` when Redis
   * does not answer.
   */
  keys(under?: Key, options?: PageOptions): Promise<KeyPage>
  /** One level below the key `under`, each segment once. Rejects as `keys` does. */
  children(under?: Key, options?: PageOptions): Promise<ChildPage>
  /** How many keys there are: the key `under` and everything below it. Rejects as `keys` does. */
  count(under?: Key): Promise<number>
  /** Facts about an entry. For looking: counts as no call and changes nothing. Rejects as `keys` does. */
  entry(key: Key, options?: { value?: boolean | undefined }): Promise<EntryInfo | undefined>
  /**
   * A copy of the bytes stored under a key, even if they are not a valid entry. For looking: counts as no call and changes nothing. Rejects as
   * `keys` does.
   */
  bytes(key: Key): Promise<Buffer | undefined>
  /**
   * The facts in the headers of many entries, in order. For looking: counts as no call and changes nothing. One round trip for up to 500
   * keys. Rejects as `keys` does.
   */
  entries(keys: readonly Key[]): Promise<(EntryOutline | undefined)[]>
  /** The computations under way, in all processes. Rejects as `keys` does. */
  computing(): Promise<Computation[]>
  /** The counters of all processes. When Redis does not answer, it does not reject: `backend.up` is `false`, and `keys` is `null`. */
  stats(): Promise<CacheStats>
  /** Adds an event to the audit log in the store. The last 1,000 events are kept. Rejects as `keys` does. */
  audit(event: AuditEvent): Promise<void>
  /** The events of the audit log, the newest first. Rejects as `keys` does. */
  activity(options?: { limit?: number | undefined }): Promise<AuditEvent[]>
  /** Writes and reads back a probe. Rejects with `CacheNotRespondingError` when that fails. */
  require(): Promise<void>
  /** Calls the listener at each event of this name. What it throws becomes a process warning. @throws {TypeError} for a name that is no event. */
  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): this
  /** Calls the listener no more. Never throws. */
  off<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): this
  /** Ends timers and connections of this cache; a client that was passed in stays open. Does not reject because of Redis. */
  close(): Promise<void>
  /** The same as `close`, for `await using`. Rejects as `close` does. */
  [Symbol.asyncDispose](): Promise<void>
}
