import type { Store } from '../stores/store.js'
import { type AuditEvent, auditLine, readAuditLine } from './audit.js'
import type {
  Cache,
  CachedFunction,
  CacheStats,
  ChildPage,
  Computation,
  EntryInfo,
  Factory,
  FunctionOptions,
  GetOrSetOptions,
  KeyedCache,
  KeyPage,
  ManyFactory,
  PageOptions,
  SetOptions,
} from './cache.js'
import { ofFullKeys } from './batch-factory.js'
import { cachedFunction, FunctionNames } from './cached-function.js'
import { callThrough, callThroughMany } from './call-through.js'
import { Endings } from './endings.js'
import { CacheNotRespondingError, NotCachedError, PartialRemoval } from './errors.js'
import type { CacheEvents, Events } from './events.js'
import { freshness } from './freshness.js'
import { cacheKey, cacheKeyUnder, type Key, type KeyPart, toKey, toKeys } from './key.js'
import {
  checkEntries,
  checkFunction,
  checkOptions,
  checkPage,
  checkTag,
  checkTags,
  type Lifetime,
  lifetime,
} from './options.js'
import { type Found, ReadThrough } from './read-through.js'
import { Scope } from './scope.js'
import type { Serializer } from './serializer.js'
import { show } from './show.js'
import { StatsFlush } from './stats-flush.js'
import { Values } from './values.js'
import { Writing } from './writing.js'

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
  readonly #values: Values
  readonly #writing: Writing
  readonly #reading: ReadThrough
  readonly #stats: StatsFlush
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
  }: KeyedCacheParts) {
    this.name = name
    this.ttl = defaults.ttlMs / 1000
    this.events = events
    this.#enabled = defaults.ttlMs > 0
    this.#store = store
    this.#lifetime = defaults
    const onFailed = this.#failed
    const values = new Values(
      serializer,
      (key) => store.now(key),
      (key, error) => onFailed('read', key, error),
    )
    this.#values = values
    this.#writing = new Writing({ store, values, events, maxValueBytes, onFailed })
    this.#reading = new ReadThrough({
      cache: this,
      store,
      values,
      events,
      endings: new Endings(store),
      lifetime: defaults,
      leaseMs,
      maxComputeMs,
      encode: (key, value, life, computeMs, tags) => this.#writing.encodeComputed(key, value, life, computeMs, tags),
      onFailed,
    })
    this.#stats = new StatsFlush(events, store, onFailed)
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

  async get(key: Key, options?: { default?: any }): Promise<any> {
    const full = toKey(key)
    checkOptions(options, 'get')
    const found = await this.lookup(full)
    if (found !== undefined) return found.value
    if (options !== undefined && 'default' in options) return options.default
    throw new NotCachedError(full)
  }

  async getMany(keys: readonly Key[], options?: { default?: any }): Promise<any[]> {
    checkOptions(options, 'getMany')
    const found = await this.lookupMany(toKeys(keys))
    return found.map((each) => (each === undefined ? options?.default : each.value))
  }

  async has(key: Key): Promise<boolean> {
    const full = toKey(key)
    if (!this.#enabled) return false
    const bytes = await this.#read('has', full)
    const entry = bytes === undefined ? undefined : this.#values.entry(full, bytes)
    return entry !== undefined && freshness(entry, this.#store.now(full)) === 'fresh'
  }

  async set(key: Key, value: unknown, options?: SetOptions): Promise<boolean> {
    return this.setMany([[key, value]], options)
  }

  async setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean> {
    const life = lifetime(checkOptions(options, 'set') ?? {}, this.#lifetime)
    const tags = checkTags(options?.tags)
    const values = [...new Map(checkEntries(entries).map(([key, value]) => [toKey(key), value]))]
    if (!this.#enabled) {
      this.#writing.encodeAll(values, life, tags)
      return false
    }
    const stored = await this.#writing.write(values, life, tags)
    for (const [i, [key]] of values.entries()) this.events.emit('set', { key, stored: stored[i] === true })
    return stored.every(Boolean)
  }

  async delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]> {
    const full = toKey(key)
    const children = checkOptions(options, 'delete')?.children ?? false
    if (typeof children !== 'boolean')
      throw new TypeError(`Expected \`children\` to be true or false, got ${show(children)}`)
    const event = { key: full, children, tag: undefined }
    return this.#remove(
      'delete',
      event,
      () => (children ? this.#store.removeTree(full) : this.#store.remove([full])),
      lengthOf,
    )
  }

  async clear(): Promise<number> {
    const event = { key: undefined, children: true, tag: undefined }
    return this.#remove(
      'clear',
      event,
      () => this.#store.clear(),
      (count) => count,
    )
  }

  async deleteTag(tag: string): Promise<string[]> {
    checkTag(tag)
    const event = { key: undefined, children: true, tag }
    return this.#remove('deleteTag', event, () => this.#store.removeTag(tag), lengthOf)
  }

  async tagged(tag: string, options: { limit?: number | undefined } = {}): Promise<{ keys: string[]; total: number }> {
    checkTag(tag)
    const { limit } = checkPage(options)
    return this.#ask('tagged', () => this.#store.listTag(tag, limit))
  }

  async getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T> {
    const { value } = await this.obtain(toKey(key), factory, options)
    return value
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
    const known = this.#functions.get(checkFunction(fn, 'what is wrapped'))
    if (known !== undefined) return known
    const cached = cachedFunction(() => ({ cache: this, names: this.functionNames }), fn, options)
    this.functionNames.claim(cached.name, fn)
    this.#functions.set(fn, cached)
    return cached
  }

  async keys(under?: Key, options: PageOptions = {}): Promise<KeyPage> {
    const { after, limit } = checkPage(options)
    const full = under === undefined ? undefined : toKey(under)
    return this.#ask('keys', () => this.#store.list(full, after, limit))
  }

  async children(under?: Key, options: PageOptions = {}): Promise<ChildPage> {
    const { after, limit } = checkPage(options)
    const full = under === undefined ? undefined : toKey(under)
    return this.#ask('children', () => this.#store.children(full, after, limit))
  }

  async count(under?: Key): Promise<number> {
    const full = under === undefined ? undefined : toKey(under)
    return this.#ask('count', () => this.#store.count(full))
  }

  async entry(key: Key, options?: { value?: boolean | undefined }): Promise<EntryInfo | undefined> {
    const full = toKey(key)
    const withValue = checkOptions(options, 'entry')?.value ?? false
    const bytes = await this.#ask('entry', () => this.#store.look(full))
    const entry = bytes === undefined ? undefined : this.#values.entry(full, bytes)
    if (bytes === undefined || entry === undefined) return undefined
    const nowMs = this.#store.now(full)
    return {
      key: full,
      ttl: Math.max(0, (entry.expiresAt - nowMs) / 1000),
      stale: freshness(entry, nowMs) === 'stale',
      size: bytes.length,
      createdAt: new Date(entry.createdAt),
      computeMs: entry.computeMs,
      tags: [...entry.tags],
      ...(withValue ? { value: this.#values.decode(full, bytes)?.value } : {}),
    }
  }

  async computing(): Promise<Computation[]> {
    return this.#ask('computing', () => this.#store.computations())
  }

  async stats(): Promise<CacheStats> {
    return this.#stats.read()
  }

  async audit(event: AuditEvent): Promise<void> {
    await this.#ask('audit', () => this.#store.appendLog(auditLine(event)))
  }

  async activity(options: { limit?: number | undefined } = {}): Promise<AuditEvent[]> {
    const { limit } = checkPage(options)
    const lines = await this.#ask('activity', () => this.#store.readLog(limit))
    return lines.map(readAuditLine).filter((event) => event !== undefined)
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
    await this.#stats.close()
    await this.#store.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The fresh value under a full key, counted as one call. For what stands in front of the cache. */
  async lookup(full: string): Promise<Found | undefined> {
    if (!this.#enabled) return undefined
    return this.#count(full, await this.#read('get', full))
  }

  /** The same for many keys, in one round trip. */
  async lookupMany(full: readonly string[]): Promise<(Found | undefined)[]> {
    if (!this.#enabled) return full.map(() => undefined)
    let bytes: (Buffer | undefined)[] = []
    try {
      bytes = await this.#store.readMany(full)
    } catch (error) {
      this.#failed('getMany', undefined, error)
    }
    return full.map((key, i) => this.#count(key, bytes[i]))
  }

  /** The value under a full key, or else that of the factory. For what stands in front of the cache. */
  async obtain<T>(full: string, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<Found<T>> {
    checkFunction(factory, 'the factory')
    if (!this.#enabled) return callThrough(full, factory)
    return this.#reading.one(full, factory, options)
  }

  /** The same for many keys, of which one call of the factory computes those that are missing. */
  async obtainMany<T>(
    full: readonly string[],
    factory: ManyFactory<T, string>,
    options?: GetOrSetOptions<T>,
  ): Promise<Map<string, Found<T>>> {
    const keys = [...new Set(full)]
    return this.#enabled ? this.#reading.many(keys, factory, options) : callThroughMany(keys, factory)
  }

  #count(full: string, bytes: Buffer | undefined): Found | undefined {
    const stored = bytes === undefined ? undefined : this.#values.decode(full, bytes)
    if (stored === undefined || stored.state === 'stale') {
      this.events.emit('miss', { key: full })
      return undefined
    }
    const computeMs = stored.entry.computeMs ?? 0
    this.events.emit('hit', { key: full, by: 'store', stale: false, savedMs: computeMs })
    return { value: stored.value, computeMs, isComputed: false, isStored: true }
  }

  async #read(operation: string, full: string): Promise<Buffer | undefined> {
    try {
      return await this.#store.read(full)
    } catch (error) {
      this.#failed(operation, full, error)
      return undefined
    }
  }

  /** Removes, and tells of it also where only a part was removed. */
  async #remove<T>(
    operation: string,
    event: Omit<CacheEvents['delete'], 'count'>,
    remove: () => Promise<T>,
    countOf: (removed: T) => number,
  ): Promise<T> {
    let count = 0
    try {
      const removed = await this.#ask(operation, remove)
      count = countOf(removed)
      return removed
    } catch (error) {
      if (error instanceof CacheNotRespondingError) count = error.removed
      throw error
    } finally {
      this.events.emit('delete', { ...event, count })
    }
  }

  /** Asks the store where no answer would be a wrong one. */
  async #ask<T>(operation: string, question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      const { cause, count } = error instanceof PartialRemoval ? error : { cause: error, count: 0 }
      this.#failed(operation, undefined, cause)
      throw new CacheNotRespondingError(operation, { cause, removed: count })
    }
  }

  readonly #failed = (operation: string, key: string | undefined, error: unknown): void => {
    this.events.emit('error', { operation, key, error })
  }
}

function lengthOf(removed: readonly string[]): number {
  return removed.length
}
