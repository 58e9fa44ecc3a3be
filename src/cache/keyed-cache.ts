import { realTime } from '../checks/real-time.js'
import type { Store } from '../contract/store.js'
import type { MustAnswer } from '../contract/events/must-answer.js'
import type { AuditEvent } from '../contract/audit-event.js'
import type {
  Cache,
  CachedFunction,
  CacheStats,
  FunctionOptions,
  GetOrSetOptions,
  KeyedCache,
  SetOptions,
} from '../contract/cache.js'
import type { Factory, ManyFactory } from '../contract/factory.js'
import type { ChildPage, Computation, EntryInfo, EntryOutline, KeyPage, PageOptions } from '../contract/inspected.js'
import { ofFullKeys } from './factories/batch-factory.js'
import { cachedFunction, checkCached, checkFunctionOptions } from './cached-function.js'
import { ClaimedNames } from './claimed-names.js'
import { brand } from '../contract/copies/brand.js'
import { NotCachedError } from '../contract/errors.js'
import type { CacheEvents } from '../contract/cache-events.js'
import type { Events } from '../contract/events/events.js'
import type { FailedDeletions } from './writing/failed-deletions.js'
import type { Place } from './writing/place.js'
import type { Fallback } from './reading/fallback.js'
import type { CallOrder } from './order/call-order.js'
import type { Deletion } from './order/deletion.js'
import type { ServedValue } from '../contract/events/served-value.js'
import { cacheKey, cacheKeyUnder, type Key, type KeyPart, toKey, toKeys } from '../keys/key.js'
import { GET_OPTIONS } from '../contract/options/known-options.js'
import type { Inspection } from './inspection/inspection.js'
import type { Lookup } from './reading/lookup.js'
import { checkEntries, checkFunction, checkOptions, type Lifetime } from '../contract/options/option-checks.js'
import type { ReadThrough } from './computing/read-through.js'
import type { Remover } from './writing/remover.js'
import { Scope } from './scope.js'
import { show } from '../checks/show.js'
import type { StatsFlush } from '../statistics/stats-flush.js'
import type { Writer } from './writing/writer.js'
import { same } from '../checks/same.js'

/** How long `close` waits for the last messages to the store. It is a part of the 500 ms that closing may take. */
const CLOSE_MS = 200

/** The parts of a keyed cache. */
export interface KeyedCacheParts {
  readonly name: string
  readonly lifetime: Lifetime
  readonly store: Store
  readonly order: CallOrder
  readonly events: Events
  readonly mustAnswer: MustAnswer
  readonly lookup: Lookup
  readonly inspection: Inspection
  readonly writer: Writer
  readonly remover: Remover
  readonly readThrough: ReadThrough
  readonly stats: StatsFlush
  readonly deletions: FailedDeletions
  readonly fallback: Fallback | undefined
  readonly place: Place
}

/**
 * The keyed cache on top of a store. When Redis fails, reads are misses and nothing is stored. Deletes, listings and `require` reject,
 * because an empty answer would be wrong there.
 */
export class StoreBackedCache implements KeyedCache {
  static {
    brand(this, 'KeyedCache')
  }

  readonly name: string
  readonly ttl: number
  readonly events: Events
  /** The names of the cached functions of this cache. */
  readonly functionNames: ClaimedNames = new ClaimedNames('function')
  /** The names of the cached classes of this cache. */
  readonly classNames: ClaimedNames = new ClaimedNames('class')
  readonly #parts: KeyedCacheParts
  readonly #functions = new WeakMap<object, CachedFunction<any>>()
  #enabled: boolean

  constructor(parts: KeyedCacheParts) {
    const { name, lifetime: defaults, events } = parts
    this.name = name
    this.ttl = defaults.ttlMs / 1000
    this.events = events
    this.#enabled = defaults.ttlMs > 0
    this.#parts = parts
  }

  get backend(): CacheStats['backend'] {
    return this.#parts.store.backend()
  }

  get enabled(): boolean {
    return this.#enabled
  }

  enable(state = true): void {
    if (typeof state !== 'boolean') throw new TypeError(`Expected enable to be given true or false, got ${show(state)}`)
    this.#enabled = state
    if (!state) this.#parts.fallback?.clear()
  }

  key(...parts: KeyPart[]): string {
    return cacheKey(...parts)
  }

  keyUnder(parent: Key, ...parts: KeyPart[]): string {
    return cacheKeyUnder(parent, ...parts)
  }

  scope(...parts: KeyPart[]): Cache {
    return new Scope(this, cacheKey(...parts))
  }

  /** Not an async function, because a second promise would cost a hit more time than the check of the key. */
  get(key: Key, options?: { default?: any }): Promise<any> {
    try {
      const full = toKey(key)
      checkOptions(options, 'get', GET_OPTIONS)
      return this.#parts.lookup.one(full, (found) => {
        if (found !== undefined) return found.value
        if (options !== undefined && 'default' in options) return options.default
        throw new NotCachedError(full)
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async getMany(keys: readonly Key[], options?: { default?: any }): Promise<any[]> {
    checkOptions(options, 'getMany', GET_OPTIONS)
    const found = await this.#parts.lookup.many(toKeys(keys))
    return found.map((each) => (each === undefined ? options?.default : each.value))
  }

  async has(key: Key): Promise<boolean> {
    const full = toKey(key)
    return this.#parts.lookup.has(full)
  }

  async set(key: Key, value: unknown, options?: SetOptions): Promise<boolean> {
    const [stored] = await this.#parts.writer.write([[toKey(key), value]], options)
    return stored === true
  }

  async setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean> {
    const values = [...new Map(checkEntries(entries).map(([key, value]) => [toKey(key), value]))]
    return (await this.#parts.writer.write(values, options)).every(Boolean)
  }

  async delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]> {
    const full = toKey(key)
    return this.#parts.remover.key(full, options)
  }

  async clear(): Promise<number> {
    return this.#parts.remover.all()
  }

  async deleteTag(tag: string): Promise<string[]> {
    return this.#parts.remover.tag(tag)
  }

  /** Not an async function, for the same reason as `get`. */
  getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T> {
    try {
      return this.#parts.readThrough.one(toKey(key), factory, options, ({ value }) => value)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async getOrSetMany<T, const K extends Key = Key>(
    keys: readonly K[],
    factory: ManyFactory<T, K>,
    options?: GetOrSetOptions<T>,
  ): Promise<T[]> {
    const full = toKeys(keys)
    const found = await this.obtainMany(full, ofFullKeys(full, keys, factory), options)
    return full.map((key) => (found.get(key) as ServedValue<T>).value)
  }

  wrap(fn: (...args: any[]) => unknown, options?: FunctionOptions<any>): CachedFunction<any> {
    checkCached(fn)
    const checked = checkFunctionOptions(options)
    const known = this.#functions.get(fn)
    if (known !== undefined) return known
    const cached = cachedFunction(() => ({ cache: this, names: this.functionNames }), fn, checked)
    this.functionNames.claim(cached.name, fn)
    this.#functions.set(fn, cached).set(cached, cached)
    return cached
  }

  async keys(under?: Key, options: PageOptions = {}): Promise<KeyPage> {
    return this.#parts.inspection.keys(under, options)
  }

  async children(under?: Key, options: PageOptions = {}): Promise<ChildPage> {
    return this.#parts.inspection.children(under, options)
  }

  async count(under?: Key): Promise<number> {
    return this.#parts.inspection.count(under)
  }

  async tagged(tag: string, options: { limit?: number | undefined } = {}): Promise<{ keys: string[]; total: number }> {
    return this.#parts.inspection.tagged(tag, options)
  }

  async entry(key: Key, options?: { value?: boolean | undefined }): Promise<EntryInfo | undefined> {
    return this.#parts.inspection.entry(key, options)
  }

  async entries(keys: readonly Key[]): Promise<(EntryOutline | undefined)[]> {
    return this.#parts.inspection.entries(keys)
  }

  async bytes(key: Key): Promise<Buffer | undefined> {
    return this.#parts.inspection.bytes(key)
  }

  async computing(): Promise<Computation[]> {
    return this.#parts.inspection.computing()
  }

  async stats(): Promise<CacheStats> {
    return this.#parts.stats.read()
  }

  async audit(event: AuditEvent): Promise<void> {
    await this.#parts.inspection.audit(event)
  }

  async activity(options: { limit?: number | undefined } = {}): Promise<AuditEvent[]> {
    return this.#parts.inspection.activity(options)
  }

  async require(): Promise<void> {
    await this.#parts.mustAnswer('require', () => this.#parts.store.probe())
  }

  on<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): this {
    this.events.on(event, checkFunction(listener, 'the listener'))
    return this
  }

  off<E extends keyof CacheEvents>(event: E, listener: (event: CacheEvents[E]) => void): this {
    this.events.off(event, listener)
    return this
  }

  async close(): Promise<void> {
    this.#parts.place.leave()
    this.#parts.deletions.close()
    const { order, readThrough, stats } = this.#parts
    const last = Promise.all([order.idle(), readThrough.close(), stats.close()])
    await Promise.race([last, realTime.pause(CLOSE_MS, { ref: false })])
    await this.#parts.store.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Calls the listener when a call begins that writes or deletes keys. For the Map of a request. */
  onChange(listener: (deletion: Deletion) => void): void {
    this.#parts.order.onChange(listener)
  }

  /** The fresh value under a full key, counted as one call. For the Map of a request, which stands in front of the cache. */
  lookup(full: string): Promise<ServedValue | undefined> {
    return this.#parts.lookup.one(full, same)
  }

  /** The same for many keys, in one round trip. */
  lookupMany(full: readonly string[]): Promise<readonly (ServedValue | undefined)[]> {
    return this.#parts.lookup.many(full)
  }

  /**
   * The value under a full key, or else the one that the factory computes. For the Map of a request, which stands in front of the cache.
   */
  async obtain<T>(full: string, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<ServedValue<T>> {
    return this.#parts.readThrough.one(full, factory, options, same)
  }

  /** The same for many keys. One call of the factory computes the missing ones. */
  async obtainMany<T>(
    full: readonly string[],
    factory: ManyFactory<T, string>,
    options?: GetOrSetOptions<T>,
  ): Promise<Map<string, ServedValue<T>>> {
    return this.#parts.readThrough.many(full, factory, options)
  }
}
