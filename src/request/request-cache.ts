import type { Cache, GetOrSetOptions, KeyedCache, RequestScopedCache, SetOptions } from '../contract/cache.js'
import type { Factory, ManyFactory } from '../contract/factory.js'
import { ofFullKeys } from '../cache/factories/batch-factory.js'
import { NotCachedError } from '../contract/errors.js'
import { brand } from '../contract/copies/brand.js'
import { insideFactory } from '../cache/factories/factory-chain.js'
import { cacheKey, cacheKeyUnder, type Key, type KeyPart, toKey, toKeys } from '../keys/key.js'
import type { StoreBackedCache } from '../cache/keyed-cache.js'
import { GET_OPTIONS, GET_OR_SET_OPTIONS } from '../contract/options/known-options.js'
import { checkEntries, checkFunction, checkOptions } from '../contract/options/option-checks.js'
import type { ServedValue } from '../contract/events/served-value.js'
import { Scope } from '../cache/scope.js'
import { checkSignal } from '../contract/options/call-options.js'
import type { Remembered } from './remembered.js'
import type { RequestContext } from './request-context.js'
import type { RequestMemory } from './request-memory.js'
import { type Acceptance, acceptsNone, acceptanceOf } from './acceptance.js'

/**
 * A cache with a Map in front of it, for one request. The Map remembers what the request read, found or not, and the reads under way. So
 * each key is read once, and all calls get one object for it. The request sees its own writes and deletes. Inside a factory the Map is not
 * used, because the result of a factory is shared with others.
 */
export class RequestCache implements RequestScopedCache {
  static {
    brand(this, 'RequestCache')
  }

  /** The Maps of the request, which its caches have together. */
  readonly context: RequestContext
  /** The cache behind, if it was given; `undefined` for the default one. */
  readonly of: StoreBackedCache | undefined
  readonly #lookUp: () => StoreBackedCache
  #known: { readonly cache: StoreBackedCache; readonly memory: RequestMemory } | undefined

  /** The Map is looked up on first use, and so is the default cache, by `lookUp`. */
  constructor(context: RequestContext, of: StoreBackedCache | undefined, lookUp: () => StoreBackedCache) {
    this.context = context
    this.of = of
    this.#lookUp = lookUp
  }

  get shared(): KeyedCache {
    return this.#cache
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

  /** Not an async function, so that a known value comes in a promise that already exists. */
  get(key: Key, options?: { default?: any }): Promise<any> {
    try {
      const full = toKey(key)
      checkOptions(options, 'get', GET_OPTIONS)
      return this.#given(full) ?? this.#getUnknown(full, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #getUnknown(full: string, options: { default?: any } | undefined): Promise<any> {
    const found = await this.#lookup(full)
    if (found !== undefined) return found.value
    if (options !== undefined && 'default' in options) return options.default
    throw new NotCachedError(full)
  }

  async getMany(keys: readonly Key[], options?: { default?: any }): Promise<any[]> {
    if (this.#passesThrough()) return this.#cache.getMany(keys, options)
    checkOptions(options, 'getMany', GET_OPTIONS)
    const full = toKeys(keys)
    const known = new Map(full.map((key) => [key, this.#memory.at(key)]))
    const unread = [...known.values()].filter(({ isUnread }) => isUnread)
    const reading = unread.length === 0 ? Promise.resolve([]) : this.#cache.lookupMany(unread.map(({ key }) => key))
    const read = new Map(
      unread.map((remembered, i) => {
        const one = reading.then((all) => all[i])
        return [remembered.key, this.#memory.read(remembered, one)]
      }),
    )
    const found = await Promise.all(
      full.map((key) => {
        const one = read.get(key)
        read.delete(key)
        // A key given twice is read once. The Map answers the second time.
        return one ?? this.#remembered(known.get(key) as Remembered)
      }),
    )
    return found.map((each) => (each === undefined ? options?.default : each.value))
  }

  async has(key: Key): Promise<boolean> {
    const full = toKey(key)
    if (this.#passesThrough()) return this.#cache.has(full)
    const remembered = this.#memory.get(full)
    if (remembered === undefined || remembered.isUnread) return this.#cache.has(full)
    return (remembered.found ?? (await remembered.reading)) !== undefined
  }

  async set(key: Key, value: unknown, options?: SetOptions): Promise<boolean> {
    return this.setMany([[key, value]], options)
  }

  async setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean> {
    const full = checkEntries(entries).map(([key, value]) => [toKey(key), value] as const)
    const forget = (): void => {
      for (const [key] of full) this.#memory.forget(key, false)
    }
    forget()
    try {
      return await this.#cache.setMany(full, options)
    } finally {
      forget()
    }
  }

  async delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]> {
    const full = toKey(key)
    this.#memory.forget(full, options?.children === true)
    try {
      return await this.#cache.delete(full, options)
    } finally {
      this.#memory.forget(full, options?.children === true)
    }
  }

  /** Not an async function, for the same reason as `get`. */
  getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T> {
    try {
      const full = toKey(key)
      checkFunction(factory, 'the factory')
      checkOptions(options, 'getOrSet', GET_OR_SET_OPTIONS)
      return (takesAll(options) ? this.#given(full) : undefined) ?? this.#getOrSetUnknown(full, factory, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #getOrSetUnknown<T>(full: string, factory: Factory<T>, options: GetOrSetOptions<T> | undefined): Promise<T> {
    if (this.#passesThrough()) return this.#cache.getOrSet(full, factory, options)
    this.#refuseAborted([full], options)
    const accepts = acceptanceOf(options)
    const taken = await this.#taken(full, accepts)
    if (taken !== undefined) return taken.value as T
    const remembered = this.#memory.at(full)
    const joins = isPlain(options)
    const joined = joins ? (remembered.found ?? remembered.obtaining) : undefined
    if (joined !== undefined) {
      const found = await joined
      if (!found.isShared) return this.#getOrSetUnknown(full, factory, options)
      // A call that waits for a computation is a miss, as it is without a Map.
      if (found.isComputed) this.#cache.events.emit('miss', { key: full })
      else this.#countHit(full, found)
      return found.value as T
    }
    const obtaining = this.#memory.obtain(remembered, this.#cache.obtain<T>(full, factory, options), accepts)
    if (joins) remembered.obtaining = obtaining
    try {
      return (await obtaining).value as T
    } finally {
      if (joins) remembered.obtaining = undefined
    }
  }

  async getOrSetMany<T, const K extends Key = Key>(
    keys: readonly K[],
    factory: ManyFactory<T, K>,
    options?: GetOrSetOptions<T>,
  ): Promise<T[]> {
    if (this.#passesThrough()) return this.#cache.getOrSetMany(keys, factory, options)
    const full = toKeys(keys)
    const ofFull = ofFullKeys(full, keys, factory)
    const each = [...new Set(full)]
    this.#refuseAborted(each, checkOptions(options, 'getOrSetMany', GET_OR_SET_OPTIONS))
    const accepts = acceptanceOf(options)
    const taken = await Promise.all(each.map((key) => this.#taken(key, accepts)))
    const found = new Map(each.map((key, i) => [key, taken[i]]))
    const asked = each.filter((key) => found.get(key) === undefined)
    if (asked.length > 0) {
      const obtaining = this.#cache.obtainMany<T>(asked, ofFull, options)
      await Promise.all(
        asked.map(async (key) => {
          const one = obtaining.then((all) => all.get(key) as ServedValue)
          found.set(key, await this.#memory.obtain(this.#memory.at(key), one, accepts))
        }),
      )
    }
    return full.map((key) => found.get(key)?.value as T)
  }

  get #cache(): StoreBackedCache {
    return this.#use().cache
  }

  get #memory(): RequestMemory {
    return this.#use().memory
  }

  #use(): { readonly cache: StoreBackedCache; readonly memory: RequestMemory } {
    if (this.#known === undefined) {
      const cache = this.of ?? this.#lookUp()
      this.#known = { cache, memory: this.context.memoryOf(cache) }
    }
    return this.#known
  }

  /**
   * The value that another call of the request has found already, counted as a hit. All calls get the same promise. A promise for each
   * would take as long as all the rest.
   */
  #given(full: string): Promise<any> | undefined {
    const { cache, memory } = this.#use()
    if (!cache.enabled || insideFactory()) return undefined
    const remembered = memory.get(full)
    if (remembered?.found === undefined) return undefined
    const { value, computeMs } = remembered.found
    cache.events.emit('hit', { key: full, by: 'request', stale: false, savedMs: computeMs })
    remembered.given ??= Promise.resolve(value)
    return remembered.given
  }

  #lookup(full: string): Promise<ServedValue | undefined> {
    if (this.#passesThrough()) return this.#cache.lookup(full)
    const remembered = this.#memory.at(full)
    if (remembered.isUnread) return this.#memory.read(remembered, this.#cache.lookup(full))
    return this.#remembered(remembered)
  }

  /** What another call of the request has read or is reading, counted as a call. */
  async #remembered({ key, found, reading }: Remembered): Promise<ServedValue | undefined> {
    const given = found ?? (await reading)
    if (given === undefined) this.#cache.events.emit('miss', { key })
    else this.#countHit(key, given)
    return given
  }

  /** The same for a call of `getOrSet`, if the call accepts the value. Otherwise nothing is counted. */
  async #taken(full: string, accepts: Acceptance): Promise<ServedValue | undefined> {
    if (accepts === acceptsNone) return undefined
    const remembered = this.#memory.get(full)
    const found = remembered?.found ?? (await remembered?.reading)
    if (found === undefined || !(await accepts(full, found))) return undefined
    this.#countHit(full, found)
    return found
  }

  #countHit(full: string, { computeMs }: ServedValue): void {
    this.#cache.events.emit('hit', { key: full, by: 'request', stale: false, savedMs: computeMs })
  }

  /** @throws the reason of a signal that has aborted, because the caller has left. Each key counts as a miss. */
  #refuseAborted(keys: readonly string[], options: GetOrSetOptions<any> | undefined): void {
    const signal = checkSignal(options?.signal)
    if (signal?.aborted !== true) return
    for (const key of keys) this.#cache.events.emit('miss', { key })
    throw signal.reason
  }

  #passesThrough(): boolean {
    return !this.#cache.enabled || insideFactory()
  }
}

/** Whether a call of `getOrSet` takes a remembered value without looking at it. */
function takesAll(options: GetOrSetOptions<any> | undefined): boolean {
  return options === undefined || (!options.refresh && options.schema === undefined && options.signal === undefined)
}

/** Whether a call may share a running `getOrSet` with other calls. A call that refreshes or has a schema, a signal or a timeout may not. */
function isPlain(options: GetOrSetOptions<any> | undefined): boolean {
  return takesAll(options) && options?.timeout === undefined && options?.softTimeout === undefined
}
