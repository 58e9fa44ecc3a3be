import type { Cache, Factory, GetOrSetOptions, ManyFactory, SetOptions } from '../cache/cache.js'
import { ofFullKeys } from '../cache/batch-factory.js'
import { NotCachedError } from '../cache/errors.js'
import { insideFactory } from '../cache/factory-chain.js'
import { cacheKey, cacheKeyUnder, type Key, type KeyPart, toKey, toKeys } from '../cache/key.js'
import type { StoreBackedCache } from '../cache/keyed-cache.js'
import { GET_OPTIONS, GET_OR_SET_OPTIONS } from '../cache/known-options.js'
import { checkEntries, checkFunction, checkOptions } from '../cache/options.js'
import type { Found } from '../cache/found.js'
import { Scope } from '../cache/scope.js'
import type { RequestContext } from './request-context.js'
import type { RequestMemory } from './request-memory.js'

/**
 * A cache with a Map in front of it, for one request. It remembers what the request read, found or not, and reads that are under
 * way, so that each key is read once; it shows the request its own writes and deletes. Inside a factory the Map is not consulted,
 * since what a factory computes is shared with others.
 */
export class RequestCache implements Cache {
  readonly #context: RequestContext
  readonly #lookUp: () => StoreBackedCache
  #known: { readonly cache: StoreBackedCache; readonly memory: RequestMemory } | undefined

  /** Neither the cache nor its Map is asked for before it is used. */
  constructor(context: RequestContext, lookUp: () => StoreBackedCache) {
    this.#context = context
    this.#lookUp = lookUp
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

  /** Not async itself: what is found already is given by a promise that is there already. */
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
    const unknown = [...new Set(full)].filter((key) => this.#isUnknown(key))
    const reading = unknown.length === 0 ? Promise.resolve([]) : this.#cache.lookupMany(unknown)
    const read = new Map(unknown.map((key, i) => [key, reading.then((all) => all[i])]))
    for (const [key, one] of read) if (this.#memory.get(key) === undefined) this.#memory.add(key, one, 'reading')
    const found = await Promise.all(
      full.map((key) => {
        const one = read.get(key)
        read.delete(key)
        // A key given twice is read once, and answered the second time by the Map.
        return one ?? this.#lookup(key)
      }),
    )
    return found.map((each) => (each === undefined ? options?.default : each.value))
  }

  async has(key: Key): Promise<boolean> {
    const full = toKey(key)
    if (this.#passesThrough() || this.#isUnknown(full)) return this.#cache.has(full)
    return (await this.#memory.get(full)?.found) !== undefined
  }

  async set(key: Key, value: unknown, options?: SetOptions): Promise<boolean> {
    return this.setMany([[key, value]], options)
  }

  async setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean> {
    const full = checkEntries(entries).map(([key, value]) => [toKey(key), value] as const)
    try {
      return await this.#cache.setMany(full, options)
    } finally {
      for (const [key] of full) this.#memory.forget(key, false)
    }
  }

  async delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]> {
    const full = toKey(key)
    try {
      return await this.#cache.delete(full, options)
    } finally {
      this.#memory.forget(full, options?.children === true)
    }
  }

  /** Not async itself, as `get`. */
  getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T> {
    try {
      const full = toKey(key)
      checkFunction(factory, 'the factory')
      const plain = isPlain(options)
      return (plain ? this.#given(full) : undefined) ?? this.#getOrSetUnknown(full, factory, options, plain)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #getOrSetUnknown<T>(
    full: string,
    factory: Factory<T>,
    options: GetOrSetOptions<T> | undefined,
    plain: boolean,
  ): Promise<T> {
    if (this.#passesThrough()) return this.#cache.getOrSet(full, factory, options)
    for (;;) {
      const remembered = plain ? this.#memory.get(full) : undefined
      if (remembered === undefined || !remembered.shared || remembered.state === 'missing') break
      const { state } = remembered
      // eslint-disable-next-line no-await-in-loop -- goes round again only where the key was missing
      const found = await remembered.found
      if (found === undefined) continue
      // Who waits for a computation is a miss, as it is without a Map.
      if (state === 'obtaining' && found.isComputed) this.#cache.events.emit('miss', { key: full })
      else this.#countHit(full, found)
      return found.value as T
    }
    const obtaining = this.#cache.obtain<T>(full, factory, options)
    this.#memory.add(full, obtaining, 'obtaining', plain)
    const { value } = await obtaining
    return value
  }

  async getOrSetMany<T, const K extends Key = Key>(
    keys: readonly K[],
    factory: ManyFactory<T, K>,
    options?: GetOrSetOptions<T>,
  ): Promise<T[]> {
    if (this.#passesThrough()) return this.#cache.getOrSetMany(keys, factory, options)
    const full = toKeys(keys)
    const ofFull = ofFullKeys(full, keys, factory)
    const known = isPlain(options) ? await this.#remembered(full) : new Map<string, Found>()
    const asked = [...new Set(full)].filter((key) => !known.has(key))
    const obtaining =
      asked.length === 0
        ? Promise.resolve(new Map<string, Found<T>>())
        : this.#cache.obtainMany<T>(asked, ofFull, options)
    for (const key of asked) {
      this.#memory.add(
        key,
        obtaining.then((found) => found.get(key)),
        'obtaining',
        false,
      )
    }
    const obtained = await obtaining
    return full.map((key) => (known.get(key) ?? obtained.get(key))?.value as T)
  }

  /** What the request has found of these keys, counted as hits. */
  async #remembered(full: readonly string[]): Promise<Map<string, Found>> {
    const known = new Map<string, Found>()
    for (const key of new Set(full)) {
      // eslint-disable-next-line no-await-in-loop -- all of them are under way, if not known already
      const found = this.#isUnknown(key) ? undefined : await this.#memory.get(key)?.found
      if (found === undefined) continue
      this.#countHit(key, found)
      known.set(key, found)
    }
    return known
  }

  get #cache(): StoreBackedCache {
    return this.#use().cache
  }

  get #memory(): RequestMemory {
    return this.#use().memory
  }

  #use(): { readonly cache: StoreBackedCache; readonly memory: RequestMemory } {
    if (this.#known === undefined) {
      const cache = this.#lookUp()
      this.#known = { cache, memory: this.#context.memoryOf(cache) }
    }
    return this.#known
  }

  /**
   * What another call of the request has found already, counted as a hit. All calls are given one promise: one for each would take as long
   * as all the rest.
   */
  #given(full: string): Promise<any> | undefined {
    const { cache, memory } = this.#use()
    if (!cache.enabled || insideFactory()) return undefined
    const remembered = memory.get(full)
    if (remembered?.state !== 'found' || !remembered.shared || remembered.value === undefined) return undefined
    const { value, computeMs } = remembered.value
    cache.events.emit('hit', { key: full, by: 'request', stale: false, savedMs: computeMs })
    remembered.given ??= Promise.resolve(value)
    return remembered.given
  }

  async #lookup(full: string): Promise<Found | undefined> {
    if (this.#passesThrough()) return this.#cache.lookup(full)
    const remembered = this.#memory.get(full)
    if (remembered === undefined) {
      const reading = this.#cache.lookup(full)
      this.#memory.add(full, reading, 'reading')
      return reading
    }
    if (remembered.state === 'obtaining') return this.#cache.lookup(full)
    const found = await remembered.found
    if (found === undefined) this.#cache.events.emit('miss', { key: full })
    else this.#countHit(full, found)
    return found
  }

  #countHit(full: string, { computeMs }: Found): void {
    this.#cache.events.emit('hit', { key: full, by: 'request', stale: false, savedMs: computeMs })
  }

  /** Whether a read has to ask the cache. It does not wait for what may be computed just now. */
  #isUnknown(full: string): boolean {
    const remembered = this.#memory.get(full)
    return remembered === undefined || remembered.state === 'obtaining'
  }

  #passesThrough(): boolean {
    return !this.#cache.enabled || insideFactory()
  }
}

/** Whether a call may take what another call of the request obtained, and the other way round: not when it has wishes of its own. */
function isPlain<T>(options: GetOrSetOptions<T> | undefined): boolean {
  if (options === undefined) return true
  checkOptions(options, 'getOrSet', GET_OR_SET_OPTIONS)
  const { refresh, schema, signal, timeout, softTimeout } = options
  const waits = signal !== undefined || timeout !== undefined || softTimeout !== undefined
  return refresh !== true && schema === undefined && !waits
}
