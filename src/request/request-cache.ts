import type { Cache, Factory, GetOrSetOptions, ManyFactory, SetOptions } from '../cache/cache.js'
import { NotCachedError } from '../cache/errors.js'
import { insideFactory } from '../cache/factory-chain.js'
import { cacheKey, cacheKeyUnder, isUnder, type Key, type KeyPart, toKey } from '../cache/key.js'
import type { Found, StoreBackedCache } from '../cache/keyed-cache.js'
import { checkOptions } from '../cache/options.js'
import { Scope } from '../cache/scope.js'

type Remembered = Promise<Found | undefined>

const MAX_REMEMBERED = 1000

/**
 * A cache with a Map in front of it, for one request. It remembers what the request read, found or not, and reads that are under
 * way, so that each key is read once; it shows the request its own writes and deletes. Inside a factory the Map is not consulted,
 * since what a factory computes is shared with others.
 */
export class RequestCache implements Cache {
  readonly #cache: StoreBackedCache
  readonly #memory = new Map<string, Remembered>()
  #open = true

  constructor(cache: StoreBackedCache) {
    this.#cache = cache
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
    const found = await this.#lookup(full)
    if (found !== undefined) return found.value
    if (options !== undefined && 'default' in options) return options.default
    throw new NotCachedError(full)
  }

  async getMany(keys: readonly Key[], options?: { default?: any }): Promise<any[]> {
    if (this.#passesThrough()) return this.#cache.getMany(keys, options as { default: unknown })
    checkOptions(options, 'getMany')
    const full = checkKeys(keys)
    const unknown = [...new Set(full)].filter((key) => !this.#memory.has(key))
    const reading = unknown.length === 0 ? [] : this.#cache.lookupMany(unknown)
    const read = new Map(unknown.map((key, i) => [key, Promise.resolve(reading).then((all) => all[i])]))
    for (const [key, one] of read) this.#remember(key, one)
    const found = await Promise.all(
      full.map((key) => {
        const one = read.get(key)
        // A key given twice is read once, and answered the second time by the Map.
        return read.delete(key) ? one : this.#lookup(key)
      }),
    )
    return found.map((each) => (each === undefined ? options?.default : each.value))
  }

  async has(key: Key): Promise<boolean> {
    const full = toKey(key)
    const remembered = this.#passesThrough() ? undefined : this.#memory.get(full)
    return remembered === undefined ? this.#cache.has(full) : (await remembered) !== undefined
  }

  async set(key: Key, value: unknown, options?: SetOptions): Promise<boolean> {
    return this.setMany([[key, value]], options)
  }

  async setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean> {
    const full = Array.from(entries, ([key, value]) => [toKey(key), value] as const)
    try {
      return await this.#cache.setMany(full, options)
    } finally {
      for (const [key] of full) this.forget(key, false)
    }
  }

  async delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]> {
    const full = toKey(key)
    try {
      return await this.#cache.delete(full, options)
    } finally {
      this.forget(full, options?.children === true)
    }
  }

  async getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T> {
    const full = toKey(key)
    if (this.#passesThrough()) return this.#cache.getOrSet(full, factory, options)
    const remembered = isPlain(options) ? this.#memory.get(full) : undefined
    const found = await remembered
    if (found !== undefined) {
      this.#countHit(full, found)
      return found.value as T
    }
    const obtaining = this.#cache.obtain(full, factory, options)
    this.#remember(full, obtaining)
    const { value } = await obtaining
    return value
  }

  async getOrSetMany<T, const K extends Key = Key>(
    keys: readonly K[],
    factory: ManyFactory<T, K>,
    options?: GetOrSetOptions<T>,
  ): Promise<T[]> {
    return this.#cache.getOrSetMany(keys, factory, options)
  }

  /** Drops what is remembered of a key, with `children` of all keys below it too; of everything for `undefined`. */
  forget(key: string | undefined, children: boolean): void {
    if (key === undefined) this.#memory.clear()
    else {
      this.#memory.delete(key)
      if (children) for (const each of this.#memory.keys()) if (isUnder(each, key)) this.#memory.delete(each)
    }
  }

  /** The request is over: from now on everything passes through. */
  close(): void {
    this.#open = false
    this.#memory.clear()
  }

  async #lookup(full: string): Promise<Found | undefined> {
    if (this.#passesThrough()) return this.#cache.lookup(full)
    const remembered = this.#memory.get(full)
    if (remembered === undefined) {
      const reading = this.#cache.lookup(full)
      this.#remember(full, reading)
      return reading
    }
    const found = await remembered
    if (found === undefined) this.#cache.events.emit('miss', { key: full })
    else this.#countHit(full, found)
    return found
  }

  #remember(full: string, reading: Remembered): void {
    // A Map gives its keys in the order in which they came: the oldest makes room.
    if (this.#memory.size >= MAX_REMEMBERED) this.#memory.delete(this.#memory.keys().next().value as string)
    this.#memory.set(full, reading)
    reading.catch(() => {
      if (this.#memory.get(full) === reading) this.#memory.delete(full)
    })
  }

  #countHit(full: string, { computeMs }: Found): void {
    this.#cache.events.emit('hit', { key: full, by: 'request', stale: false, savedMs: computeMs })
  }

  #passesThrough(): boolean {
    return !this.#open || !this.#cache.enabled || insideFactory()
  }
}

/** Whether a call may take what another call of the request waits for: not when it has wishes of its own. */
function isPlain<T>(options: GetOrSetOptions<T> | undefined): boolean {
  const { refresh, schema, signal, timeout, softTimeout } = checkOptions(options, 'getOrSet') ?? {}
  return refresh !== true && schema === undefined && signal === undefined && timeout === undefined && softTimeout === undefined
}

function checkKeys(keys: readonly Key[]): string[] {
  if (!Array.isArray(keys)) throw new TypeError('Expected the keys to be an array')
  return keys.map((key) => toKey(key as Key))
}
