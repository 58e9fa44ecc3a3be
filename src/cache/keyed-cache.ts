import { setTimeout as delay } from 'node:timers/promises'
import type { Store } from '../contract/store.js'
import { type Ask, asking } from '../contract/events/must-answer.js'
import type { AuditEvent } from '../contract/audit-event.js'
import type {
  Cache,
  CachedFunction,
  CacheStats,
  ChildPage,
  Computation,
  EntryInfo,
  EntryOutline,
  Factory,
  FunctionOptions,
  GetOrSetOptions,
  KeyedCache,
  KeyPage,
  ManyFactory,
  PageOptions,
  SetOptions,
} from '../contract/cache.js'
import { ofFullKeys } from './factories/batch-factory.js'
import { cachedFunction, checkFunctionOptions, FunctionNames } from './cached-function.js'
import { callThrough, callThroughMany } from './factories/call-through.js'
import { Endings } from './leases/lease-ends.js'
import { NotCachedError } from '../contract/errors.js'
import type { CacheEvents } from '../contract/cache-events.js'
import type { Events } from '../contract/events/events.js'
import { FailedDeletions } from './writing/failed-deletions.js'
import type { Found } from '../contract/events/served-value.js'
import { HeldLeases } from './leases/held-leases.js'
import { cacheKey, cacheKeyUnder, type Key, type KeyPart, toKey, toKeys } from '../keys/key.js'
import { DELETE_OPTIONS, GET_OPTIONS, SET_OPTIONS } from '../contract/options/known-options.js'
import { Looking } from './inspection/inspection.js'
import { Lookup } from './reading/lookup.js'
import { Near } from './reading/near-tier.js'
import type { NearBounds } from '../contract/options/near-bounds.js'
import {
  checkEntries,
  checkFunction,
  checkOptions,
  checkTag,
  checkTags,
  type Lifetime,
  lifetime,
} from '../contract/options/option-checks.js'
import { ReadThrough } from './computing/read-through.js'
import { Reader } from './reading/reader.js'
import { Removal } from './writing/remover.js'
import { Scope } from './scope.js'
import type { Serializer } from '../values/serializer.js'
import { show } from '../checks/show.js'
import { StatsFlush } from '../statistics/stats-flush.js'
import { Values } from '../values/entry-codec.js'
import { checkWish } from '../contract/options/call-options.js'
import { Writing } from './writing/writer.js'

/** How long closing waits for what is still to be told to the store: a part of the 500 ms that it may take. */
const CLOSE_MS = 200

/** What a keyed cache is made of. */
export interface KeyedCacheParts {
  readonly name: string
  readonly store: Store
  readonly events: Events
  readonly serializer: Serializer
  readonly lifetime: Lifetime
  readonly leaseMs: number
  readonly maxComputeMs: number
  readonly maxValueBytes: number
  /** `Infinity`: nothing is compressed. */
  readonly compressAbove: number
  readonly near: NearBounds | undefined
}

/** The keyed cache over a store. What Redis does stays here, except where a stale value would remain. */
export class StoreBackedCache implements KeyedCache {
  readonly name: string
  readonly ttl: number
  readonly events: Events
  /** Which cached function has which name here. */
  readonly functionNames: FunctionNames = new FunctionNames()
  readonly #store: Store
  readonly #lifetime: Lifetime
  readonly #ask: Ask
  readonly #lookup: Lookup
  readonly #looking: Looking
  readonly #writing: Writing
  readonly #removal: Removal
  readonly #reading: ReadThrough
  readonly #stats: StatsFlush
  readonly #deletions: FailedDeletions
  readonly #functions = new WeakMap<object, CachedFunction<any>>()
  #enabled: boolean

  constructor({
    name,
    store,
    events,
    serializer,
    lifetime: defaults,
    leaseMs,
    maxComputeMs,
    maxValueBytes,
    compressAbove,
    near: bounds,
  }: KeyedCacheParts) {
    this.name = name
    this.ttl = defaults.ttlMs / 1000
    this.events = events
    this.#enabled = defaults.ttlMs > 0
    this.#store = store
    this.#lifetime = defaults
    const onFailed = this.#failed
    this.#deletions = new FailedDeletions({
      name,
      store,
      events,
      onHidden: (hides) => this.#reading.void(hides),
      onFailed,
    })
    const values = new Values(
      serializer,
      { compressAbove, maxValueBytes },
      (key) => store.now(key),
      (key, error) => onFailed('read', key, error),
      (key, tags) => this.#deletions.hides(key, tags),
    )
    const near = bounds === undefined ? undefined : new Near(store, values, bounds)
    const deletions = this.#deletions
    const ask = asking(onFailed)
    this.#ask = ask
    const isEnabled = (): boolean => this.#enabled
    const reader = new Reader({ store, values, near, onFailed })
    this.#lookup = new Lookup({ store, values, near, reader, events, isEnabled, onFailed })
    this.#looking = new Looking(store, values, ask)
    this.#writing = new Writing({ store, near, deletions, values, events, maxValueBytes, isEnabled, onFailed })
    this.#removal = new Removal({ store, near, deletions, events, writing: this.#writing, ask })
    this.#reading = new ReadThrough({
      cache: this,
      store,
      values,
      near,
      reader,
      events,
      endings: new Endings(store),
      lifetime: defaults,
      leaseMs,
      leases: new HeldLeases(events),
      maxComputeMs,
      encode: (key, value, life, computeMs, tags) => this.#writing.encodeComputed(key, value, life, computeMs, tags),
      onFailed,
    })
    this.#stats = new StatsFlush(events, store, onFailed)
  }

  get backend(): CacheStats['backend'] {
    return this.#store.backend()
  }

  get enabled(): boolean {
    return this.#enabled
  }

  enable(state = true): void {
    if (typeof state !== 'boolean') throw new TypeError(`Expected enable to be given true or false, got ${show(state)}`)
    this.#enabled = state
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

  /** Not async itself: a second promise in a row would cost a hit more than looking at the key. */
  get(key: Key, options?: { default?: any }): Promise<any> {
    try {
      const full = toKey(key)
      checkOptions(options, 'get', GET_OPTIONS)
      return this.#lookup.one(full, (found) => {
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
    const found = await this.#lookup.many(toKeys(keys))
    return found.map((each) => (each === undefined ? options?.default : each.value))
  }

  async has(key: Key): Promise<boolean> {
    const full = toKey(key)
    return this.#lookup.has(full)
  }

  async set(key: Key, value: unknown, options?: SetOptions): Promise<boolean> {
    const [stored] = await this.#write([[toKey(key), value]], options)
    return stored === true
  }

  async setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean> {
    const values = [...new Map(checkEntries(entries).map(([key, value]) => [toKey(key), value]))]
    return (await this.#write(values, options)).every(Boolean)
  }

  async delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]> {
    const full = toKey(key)
    const children = checkOptions(options, 'delete', DELETE_OPTIONS)?.children ?? false
    if (typeof children !== 'boolean')
      throw new TypeError(`Expected \`children\` to be true or false, got ${show(children)}`)
    return this.#removal.key(full, children)
  }

  async clear(): Promise<number> {
    return this.#removal.all()
  }

  async deleteTag(tag: string): Promise<string[]> {
    return this.#removal.tag(checkTag(tag))
  }

  /** Not async itself, as `get`. */
  getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T> {
    try {
      return this.#obtain(toKey(key), factory, options, ({ value }) => value)
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
    return full.map((key) => (found.get(key) as Found<T>).value)
  }

  wrap(fn: (...args: any[]) => unknown, options?: FunctionOptions<any>): CachedFunction<any> {
    checkFunction(fn, 'what is wrapped')
    const checked = checkFunctionOptions(options)
    const known = this.#functions.get(fn)
    if (known !== undefined) return known
    const cached = cachedFunction(() => ({ cache: this, names: this.functionNames }), fn, checked)
    this.functionNames.claim(cached.name, fn)
    this.#functions.set(fn, cached).set(cached, cached)
    return cached
  }

  async keys(under?: Key, options: PageOptions = {}): Promise<KeyPage> {
    return this.#looking.keys(under, options)
  }

  async children(under?: Key, options: PageOptions = {}): Promise<ChildPage> {
    return this.#looking.children(under, options)
  }

  async count(under?: Key): Promise<number> {
    return this.#looking.count(under)
  }

  async tagged(tag: string, options: { limit?: number | undefined } = {}): Promise<{ keys: string[]; total: number }> {
    return this.#looking.tagged(tag, options)
  }

  async entry(key: Key, options?: { value?: boolean | undefined }): Promise<EntryInfo | undefined> {
    return this.#looking.entry(key, options)
  }

  async entries(keys: readonly Key[]): Promise<(EntryOutline | undefined)[]> {
    return this.#looking.entries(keys)
  }

  async bytes(key: Key): Promise<Buffer | undefined> {
    return this.#looking.bytes(key)
  }

  async computing(): Promise<Computation[]> {
    return this.#looking.computing()
  }

  async stats(): Promise<CacheStats> {
    return this.#stats.read()
  }

  async audit(event: AuditEvent): Promise<void> {
    await this.#looking.audit(event)
  }

  async activity(options: { limit?: number | undefined } = {}): Promise<AuditEvent[]> {
    return this.#looking.activity(options)
  }

  async require(): Promise<void> {
    await this.#ask('require', () => this.#store.probe())
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
    this.#deletions.close()
    const last = Promise.all([this.#reading.close(), this.#stats.close()])
    await Promise.race([last, delay(CLOSE_MS, undefined, { ref: false })])
    await this.#store.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The fresh value under a full key, counted as one call. For what stands in front of the cache. */
  lookup(full: string): Promise<Found | undefined> {
    return this.#lookup.one(full, same)
  }

  /** The same for many keys, in one round trip. */
  lookupMany(full: readonly string[]): Promise<readonly (Found | undefined)[]> {
    return this.#lookup.many(full)
  }

  /** The value under a full key, or else that of the factory. For what stands in front of the cache. */
  async obtain<T>(full: string, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<Found<T>> {
    return this.#obtain(full, factory, options, same)
  }

  /** The same for many keys, of which one call of the factory computes those that are missing. */
  async obtainMany<T>(
    full: readonly string[],
    factory: ManyFactory<T, string>,
    options?: GetOrSetOptions<T>,
  ): Promise<Map<string, Found<T>>> {
    const keys = [...new Set(full)]
    if (this.#enabled) return this.#reading.many(keys, factory, options)
    checkWish(options)
    return callThroughMany(this, keys, factory)
  }

  #obtain<T, R>(
    full: string,
    factory: Factory<T>,
    options: GetOrSetOptions<T> | undefined,
    give: (found: Found<T>) => R,
  ): Promise<R> {
    checkFunction(factory, 'the factory')
    if (this.#enabled) return this.#reading.one(full, factory, options, give)
    checkWish(options)
    return callThrough(full, factory).then(give)
  }

  /** Gives for each value whether it is stored now. */
  #write(
    values: readonly (readonly [key: string, value: unknown])[],
    options: SetOptions | undefined,
  ): Promise<boolean[]> {
    const life = lifetime(checkOptions(options, 'set', SET_OPTIONS) ?? {}, this.#lifetime)
    return this.#writing.write(values, life, checkTags(options?.tags))
  }

  readonly #failed = (operation: string, key: string | undefined, error: unknown): void => {
    this.events.emit('error', { operation, key, error })
  }
}

function same<T>(found: T): T {
  return found
}
