import type { Store } from '../stores/store.js'
import type {
  Cache,
  CacheStats,
  ChildPage,
  Computation,
  EntryInfo,
  Factory,
  GetOrSetOptions,
  KeyedCache,
  KeyPage,
  ManyFactory,
  PageOptions,
  SetOptions,
} from './cache.js'
import { type CachedFunction, cachedFunction, FunctionNames, type FunctionOptions } from './cached-function.js'
import { Computations } from './computation.js'
import { EntryFormat } from './entry.js'
import { CacheNotRespondingError, NotCachedError } from './errors.js'
import type { CacheEvents, Events } from './events.js'
import { refuseOwnKey, runFactory } from './factory-chain.js'
import { freshness } from './freshness.js'
import { cacheKey, cacheKeyUnder, isUnder, type Key, type KeyPart, toKey } from './key.js'
import { checkFunction, checkOptions, checkPage, checkTags, type Lifetime, lifetime } from './options.js'
import { groupOf } from './key-tree.js'
import { Scope } from './scope.js'
import type { Serializer } from './serializer.js'
import { show } from './show.js'
import { reportStats } from './stats-report.js'
import { Stats } from './stats.js'

/** What a keyed cache is made of. */
export interface KeyedCacheParts {
  readonly name: string
  readonly store: Store
  readonly events: Events
  readonly serializer: Serializer
  readonly lifetime: Lifetime
  readonly maxValueBytes: number
}

/** A value with the time that finding it saves. */
export interface Found<T = unknown> {
  readonly value: T
  /** What the value took to compute, 0 when that is not known. */
  readonly computeMs: number
}

const FLUSH_EVERY_MS = 1000
const SEEN_EVERY_FLUSHES = 10

/** The keyed cache over a store: reads, writes, deletes and lists. What Redis does stays here, except where a stale value would remain. */
export class StoreBackedCache implements KeyedCache {
  readonly name: string
  readonly ttl: number
  readonly events: Events
  readonly #store: Store
  readonly #format: EntryFormat
  readonly #lifetime: Lifetime
  readonly #maxValueBytes: number
  readonly #stats: Stats
  readonly #computations = new Computations()
  readonly functionNames: FunctionNames = new FunctionNames()
  readonly #functions = new WeakMap<object, CachedFunction<any>>()
  readonly #flushing: NodeJS.Timeout
  readonly #warned = new Set<string>()
  #enabled: boolean
  #flushes = 0

  constructor({ name, store, events, serializer, lifetime: defaults, maxValueBytes }: KeyedCacheParts) {
    this.name = name
    this.ttl = defaults.ttlMs / 1000
    this.events = events
    this.#store = store
    this.#format = new EntryFormat(serializer)
    this.#lifetime = defaults
    this.#maxValueBytes = maxValueBytes
    this.#enabled = defaults.ttlMs > 0
    this.#stats = new Stats(events, () => store.now())
    this.#flushing = setInterval(() => this.#flush(), FLUSH_EVERY_MS).unref()
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
    const found = await this.lookupMany(fullKeys(keys))
    return found.map((each) => (each === undefined ? options?.default : each.value))
  }

  async has(key: Key): Promise<boolean> {
    const full = toKey(key)
    if (!this.#enabled) return false
    const bytes = await this.#read('has', full)
    const entry = bytes === undefined ? undefined : this.#format.read(bytes)
    return entry !== undefined && freshness(entry, this.#store.now()) === 'fresh'
  }

  async set(key: Key, value: unknown, options?: SetOptions): Promise<boolean> {
    return this.setMany([[key, value]], options)
  }

  async setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean> {
    const life = lifetime(checkOptions(options, 'set') ?? {}, this.#lifetime)
    const tags = checkTags(options?.tags)
    const values = Array.from(entries, ([key, value]) => [toKey(key), value] as const)
    const encoded = values.map(([key, value]) => ({ key, bytes: this.#encode(value, life, undefined, tags) }))
    if (!this.#enabled) return false
    const stored = await this.#write(encoded, life, tags)
    for (const [i, { key }] of encoded.entries()) this.events.emit('set', { key, stored: stored[i] === true })
    return stored.every((each) => each || life.ttlMs === 0)
  }

  async delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]> {
    const full = toKey(key)
    const children = checkOptions(options, 'delete')?.children ?? false
    if (typeof children !== 'boolean')
      throw new TypeError(`Expected \`children\` to be true or false, got ${show(children)}`)
    const removed = await this.#remove(
      { key: full, children },
      (each) => each === full || (children && isUnder(each, full)),
      () => (children ? this.#store.removeTree(full) : this.#store.remove([full])),
    )
    return removed
  }

  async clear(): Promise<number> {
    return this.#remove(
      { key: undefined, children: true },
      () => true,
      () => this.#store.clear(),
    )
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
    const full = fullKeys(keys)
    const given = new Map(full.map((key, i) => [key, keys[i] as K]))
    const found = await this.lookupMany([...given.keys()])
    const values = new Map([...given.keys()].map((key, i) => [key, found[i]]))
    const missing = [...values.keys()].filter((key) => values.get(key) === undefined)
    if (missing.length > 0) {
      checkFunction(factory, 'the factory')
      const results = await factory(
        missing.map((key) => given.get(key) as K),
        { signal: new AbortController().signal },
      )
      if (!Array.isArray(results) || results.length !== missing.length) {
        throw new TypeError(
          `Expected the factory to give ${missing.length} results, one for each key, got ${show(results)}`,
        )
      }
      const good = missing
        .map((key, i) => [key, results[i] as T | Error] as const)
        .filter(([, result]) => !(result instanceof Error))
      await this.setMany(good, options)
      for (const [i, key] of missing.entries()) values.set(key, { value: results[i], computeMs: 0 })
      const failed = results.find((result) => result instanceof Error)
      if (failed !== undefined) throw failed
    }
    return full.map((key) => values.get(key)?.value as T)
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
    const entry = bytes === undefined ? undefined : this.#format.read(bytes)
    if (bytes === undefined || entry === undefined) return undefined
    const nowMs = this.#store.now()
    return {
      key: full,
      ttl: Math.max(0, (entry.expiresAt - nowMs) / 1000),
      stale: freshness(entry, nowMs) === 'stale',
      size: bytes.length,
      createdAt: new Date(entry.createdAt),
      computeMs: entry.computeMs,
      tags: [...entry.tags],
      ...(withValue ? { value: this.#format.value(entry) } : {}),
    }
  }

  async computing(): Promise<Computation[]> {
    return []
  }

  async stats(): Promise<CacheStats> {
    try {
      await this.#stats.flush((batch) => this.#store.addStats(batch))
      const [totals, keys] = await Promise.all([this.#store.readStats(), this.#store.count(undefined)])
      return reportStats(totals, this.#store.backend(), keys)
    } catch (error) {
      this.#failed('stats', undefined, error)
      return reportStats(this.#stats.ownTotals(), { ...this.#store.backend(), up: false }, null)
    }
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
    clearInterval(this.#flushing)
    if (this.#store.backend().up) {
      await this.#stats
        .flush((batch) => this.#store.addStats(batch))
        .catch((error: unknown) => this.#failed('stats', undefined, error))
    }
    await this.#store.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The fresh value under a full key, counted as one call. For what stands in front of the cache. */
  async lookup(full: string): Promise<Found | undefined> {
    if (!this.#enabled) return undefined
    return this.#count(full, this.#decode(full, await this.#read('get', full)))
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
    return full.map((key, i) => this.#count(key, this.#decode(key, bytes[i])))
  }

  /** The value under a full key, or else that of the factory. For what stands in front of the cache. */
  async obtain<T>(full: string, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<Found<T>> {
    checkFunction(factory, 'the factory')
    const checked = checkOptions(options, 'getOrSet') ?? {}
    const life = lifetime(checked, this.#lifetime)
    const tags = checkTags(checked.tags)
    refuseOwnKey(this, full)
    const found = checked.refresh === true ? undefined : await this.lookup(full)
    if (found !== undefined) return found as Found<T>
    return this.#computations.share(full, (isVoid) => this.#compute(full, factory, life, tags, isVoid)) as Promise<Found<T>>
  }

  async #compute<T>(
    full: string,
    factory: Factory<T>,
    life: Lifetime,
    tags: readonly string[],
    isVoid: () => boolean,
  ): Promise<Found<T>> {
    let plan = { life, tags, skipped: !this.#enabled }
    const startedMs = performance.now()
    const value = await runFactory(this, full, () =>
      factory({
        key: full,
        signal: new AbortController().signal,
        stale: undefined,
        setTtl: (ttl) => {
          plan = { ...plan, life: lifetime({ ttl }, plan.life) }
        },
        setTags: (own) => {
          plan = { ...plan, tags: checkTags(own) }
        },
        skip: () => {
          plan = { ...plan, skipped: true }
        },
      }),
    )
    const computeMs = Math.round(performance.now() - startedMs)
    const stored = !plan.skipped && !isVoid() && (await this.#fill(full, value, plan.life, plan.tags, computeMs))
    if (this.#enabled) this.events.emit('compute', { key: full, computeMs, stored })
    return { value, computeMs }
  }

  /** Stores what was computed. What cannot be stored is told once for each group of keys. */
  async #fill(full: string, value: unknown, life: Lifetime, tags: readonly string[], computeMs: number): Promise<boolean> {
    let bytes: Buffer
    try {
      bytes = this.#encode(value, life, computeMs, tags)
    } catch (error) {
      const group = groupOf(full)
      if (!this.#warned.has(group)) {
        this.#warned.add(group)
        process.emitWarning(`The value of ${JSON.stringify(full)} is not cached: ${String(error)}`, { code: 'KEYEDCACHE_NOT_STORED' })
      }
      return false
    }
    const [stored] = await this.#write([{ key: full, bytes }], life, tags)
    return stored === true
  }

  #encode(value: unknown, { ttlMs }: Lifetime, computeMs: number | undefined, tags: readonly string[]): Buffer {
    const createdAt = this.#store.now()
    return this.#format.encode(value, { expiresAt: createdAt + ttlMs, createdAt, computeMs, tags })
  }

  /** Stores encoded entries. What is too large, or has no lifetime, is removed instead. Gives for each whether it is stored. */
  async #write(
    entries: readonly { key: string; bytes: Buffer }[],
    { ttlMs, graceMs }: Lifetime,
    tags: readonly string[],
  ): Promise<boolean[]> {
    const tooLarge = entries.filter(({ bytes }) => bytes.length > this.#maxValueBytes)
    for (const { key, bytes } of tooLarge) {
      const error = new RangeError(`${bytes.length} bytes are above \`maxValueBytes\` (${this.#maxValueBytes})`)
      this.#failed('set', key, error)
    }
    const kept = ttlMs === 0 ? [] : entries.filter((entry) => !tooLarge.includes(entry))
    const gone = entries.filter((entry) => !kept.includes(entry))
    const expiresAt = this.#store.now() + ttlMs + graceMs
    try {
      if (gone.length > 0) await this.#store.remove(gone.map(({ key }) => key))
      if (kept.length === 0) return entries.map(() => false)
      const stored = await this.#store.write(kept.map((entry) => ({ ...entry, expiresAt, tags })))
      return entries.map((entry) => stored[kept.indexOf(entry)] === true)
    } catch (error) {
      this.#failed('set', entries[0]?.key, error)
      return entries.map(() => false)
    }
  }

  async #remove<T extends string[] | number>(
    target: { key: string | undefined; children: boolean },
    concerns: (key: string) => boolean,
    remove: () => Promise<T>,
  ): Promise<T> {
    this.#computations.void(concerns)
    let removed: T | undefined
    try {
      removed = await this.#ask('delete', remove)
      return removed
    } finally {
      this.#computations.void(concerns)
      this.events.emit('delete', { ...target, count: typeof removed === 'number' ? removed : (removed?.length ?? 0) })
    }
  }

  async #read(operation: string, full: string): Promise<Buffer | undefined> {
    try {
      return await this.#store.read(full)
    } catch (error) {
      this.#failed(operation, full, error)
      return undefined
    }
  }

  /** The fresh value in these bytes. What does not check or does not decode is reported, and as good as missing. */
  #decode(full: string, bytes: Buffer | undefined): Found | undefined {
    if (bytes === undefined) return undefined
    const entry = this.#format.read(bytes)
    if (entry !== undefined && freshness(entry, this.#store.now()) === 'stale') return undefined
    try {
      if (entry !== undefined) return { value: this.#format.value(entry), computeMs: entry.computeMs ?? 0 }
      this.#failed('read', full, new Error('the stored entry does not check'))
    } catch (error) {
      this.#failed('read', full, error)
    }
    return undefined
  }

  #count(full: string, found: Found | undefined): Found | undefined {
    if (found === undefined) this.events.emit('miss', { key: full })
    else this.events.emit('hit', { key: full, by: 'store', stale: false, savedMs: found.computeMs })
    return found
  }

  /** Asks the store where no answer would be a wrong one. */
  async #ask<T>(operation: string, question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      this.#failed(operation, undefined, error)
      throw new CacheNotRespondingError(operation, { cause: error })
    }
  }

  #failed(operation: string, key: string | undefined, error: unknown): void {
    this.events.emit('error', { operation, key, error })
  }

  #flush(): void {
    this.#flushes++
    if (this.#flushes % SEEN_EVERY_FLUSHES === 0) this.#stats.touch()
    if (!this.#store.backend().up) return
    this.#stats
      .flush((batch) => this.#store.addStats(batch))
      .catch((error: unknown) => this.#failed('stats', undefined, error))
  }
}

function fullKeys(keys: readonly Key[]): string[] {
  if (!Array.isArray(keys)) throw new TypeError(`Expected the keys to be an array, got ${show(keys)}`)
  return keys.map((key) => toKey(key as Key))
}
