import { setTimeout as delay } from 'node:timers/promises'
import type { Store } from '../stores/store.js'
import { type AuditEvent, auditLine, readAuditLine } from './audit.js'
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
} from './cache.js'
import { ofFullKeys } from './batch-factory.js'
import { cachedFunction, FunctionNames } from './cached-function.js'
import { callThrough, callThroughMany } from './call-through.js'
import { Endings } from './endings.js'
import { CacheNotRespondingError, NotCachedError, PartialRemoval } from './errors.js'
import type { CacheEvents, Events } from './events.js'
import { FailedDeletions } from './failed-deletions.js'
import { freshness } from './freshness.js'
import { HeldLeases } from './held-leases.js'
import { cacheKey, cacheKeyUnder, type Key, type KeyPart, toKey, toKeys } from './key.js'
import { Near, type NearHit, type NearReads } from './near.js'
import type { NearBounds } from './near-bounds.js'
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
import { promised } from './promised.js'
import { type Found, ReadThrough } from './read-through.js'
import { Scope } from './scope.js'
import type { Serializer } from './serializer.js'
import { show } from './show.js'
import { StatsFlush } from './stats-flush.js'
import { type Stored, Values } from './values.js'
import { Writing } from './writing.js'

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
  readonly #values: Values
  readonly #near: Near | undefined
  readonly #writing: Writing
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
    this.#values = values
    this.#near = near
    this.#writing = new Writing({ store, near, deletions: this.#deletions, values, events, maxValueBytes, onFailed })
    this.#reading = new ReadThrough({
      cache: this,
      store,
      values,
      near,
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

  async get(key: Key, options?: { default?: any }): Promise<any> {
    const full = toKey(key)
    checkOptions(options, 'get')
    const found = this.#nearby(full) ?? (await this.#lookup(full))
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
      ...(withValue ? { value: (await this.#values.decode(full, bytes))?.value } : {}),
    }
  }

  async entries(keys: readonly Key[]): Promise<(EntryOutline | undefined)[]> {
    const full = toKeys(keys)
    const found = await this.#ask('entries', () => this.#store.lookMany(full))
    return full.map((key, i) => {
      const { head: bytes, size = 0 } = found[i] ?? {}
      const head = bytes === undefined ? undefined : this.#values.head(bytes)
      if (head === undefined) return undefined
      const nowMs = this.#store.now(key)
      return {
        key,
        ttl: Math.max(0, (head.expiresAt - nowMs) / 1000),
        stale: freshness(head, nowMs) === 'stale',
        size,
        createdAt: new Date(head.createdAt),
        computeMs: head.computeMs,
      }
    })
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
    this.#deletions.close()
    const last = Promise.all([this.#reading.close(), this.#stats.close()])
    await Promise.race([last, delay(CLOSE_MS, undefined, { ref: false })])
    await this.#store.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The fresh value under a full key, counted as one call. For what stands in front of the cache. */
  async lookup(full: string): Promise<Found | undefined> {
    return this.#nearby(full) ?? this.#lookup(full)
  }

  /** The same for many keys, in one round trip. */
  async lookupMany(full: readonly string[]): Promise<readonly (Found | undefined)[]> {
    if (!this.#enabled) return full.map(() => undefined)
    const near = this.#near === undefined ? [] : full.map((key) => this.#near?.get(key))
    const rest = near.length === 0 ? full : full.filter((_key, i) => near[i] === undefined)
    const reads = rest.map((key) => this.#near?.begin(key))
    let bytes: (Buffer | undefined)[] = []
    try {
      if (rest.length > 0) bytes = await this.#store.readMany(rest)
    } catch (error) {
      this.#failed('getMany', undefined, error)
    }
    let next = 0
    return promised(
      full.map((key, i) => {
        const copy = near[i]
        if (copy !== undefined) return this.#hit(key, copy, 'near')
        const place = next++
        return this.#count(key, bytes[place], reads[place])
      }),
    )
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

  /** The copy in the near tier, counted as a hit. */
  #nearby(full: string): Found | undefined {
    const near = this.#enabled ? this.#near?.get(full) : undefined
    return near === undefined ? undefined : this.#hit(full, near, 'near')
  }

  async #lookup(full: string): Promise<Found | undefined> {
    if (!this.#enabled) return undefined
    const reads = this.#near?.begin(full)
    return this.#count(full, await this.#read('get', full), reads)
  }

  /** What is decoded at once is given at once, not as a promise. */
  #count(
    full: string,
    bytes: Buffer | undefined,
    reads: NearReads | undefined,
  ): Found | undefined | Promise<Found | undefined> {
    const stored = bytes === undefined ? undefined : this.#values.decode(full, bytes)
    if (stored instanceof Promise) return stored.then((decoded) => this.#countDecoded(full, decoded, reads))
    return this.#countDecoded(full, stored, reads)
  }

  #countDecoded(full: string, stored: Stored | undefined, reads: NearReads | undefined): Found | undefined {
    this.#near?.end(reads, stored)
    if (stored?.state === 'fresh') {
      return this.#hit(full, { value: stored.value, computeMs: stored.entry.computeMs }, 'store')
    }
    this.events.emit('miss', { key: full })
    return undefined
  }

  #hit(key: string, { value, computeMs = 0 }: Pick<NearHit, 'value' | 'computeMs'>, by: 'near' | 'store'): Found {
    this.events.emit('hit', { key, by, stale: false, savedMs: computeMs })
    return { value, computeMs, isComputed: false, isStored: true }
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
    const compressing = this.#writing.compressing()
    // Else it goes out at once, before what is written after it.
    if (compressing !== undefined) await compressing
    this.#near?.forgetDeleted(event)
    try {
      const removed = await this.#ask(operation, remove)
      count = countOf(removed)
      return removed
    } catch (error) {
      if (error instanceof CacheNotRespondingError) {
        count = error.removed
        this.#deletions.add(event)
      }
      throw error
    } finally {
      this.#near?.forgetDeleted(event)
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
