import type { Cache, GetOrSetOptions, SetOptions } from '../contract/cache.js'
import type { Factory, ManyFactory } from '../contract/factory.js'
import { ofFullKeys } from './factories/batch-factory.js'
import { cacheKeyUnder, type Key, type KeyPart, toKeys } from '../keys/key.js'
import { joinKeys } from '../keys/key-tree.js'
import { checkEntries } from '../contract/options/option-checks.js'

/** The keys of a cache below one key. Keys passed in are relative to that key. Keys given back are full keys. */
export class Scope implements Cache {
  readonly #cache: Cache
  readonly #parent: string

  constructor(cache: Cache, parent: string) {
    this.#cache = cache
    this.#parent = parent
  }

  key(...parts: KeyPart[]): string {
    return cacheKeyUnder(this.#parent, ...parts)
  }

  keyUnder(parent: Key, ...parts: KeyPart[]): string {
    return cacheKeyUnder(this.#full(parent), ...parts)
  }

  async get(key: Key, options?: { default?: any }): Promise<any> {
    return this.#cache.get(this.#full(key), options as { default: unknown })
  }

  async getMany(keys: readonly Key[], options?: { default?: any }): Promise<any[]> {
    return this.#cache.getMany(this.#all(keys), options as { default: unknown })
  }

  async set(key: Key, value: unknown, options?: SetOptions): Promise<boolean> {
    return this.#cache.set(this.#full(key), value, options)
  }

  async setMany(entries: Iterable<readonly [Key, unknown]>, options?: SetOptions): Promise<boolean> {
    return this.#cache.setMany(
      checkEntries(entries).map(([key, value]) => [this.#full(key), value] as const),
      options,
    )
  }

  async has(key: Key): Promise<boolean> {
    return this.#cache.has(this.#full(key))
  }

  async delete(key: Key, options?: { children?: boolean | undefined }): Promise<string[]> {
    return this.#cache.delete(this.#full(key), options)
  }

  async getOrSet<T>(key: Key, factory: Factory<T>, options?: GetOrSetOptions<T>): Promise<T> {
    return this.#cache.getOrSet(this.#full(key), factory, options)
  }

  async getOrSetMany<T, const K extends Key = Key>(
    keys: readonly K[],
    factory: ManyFactory<T, K>,
    options?: GetOrSetOptions<T>,
  ): Promise<T[]> {
    const full = this.#all(keys)
    return this.#cache.getOrSetMany<T, string>(full, ofFullKeys(full, keys, factory), options)
  }

  scope(...parts: KeyPart[]): Cache {
    return new Scope(this.#cache, this.key(...parts))
  }

  #full(key: Key): string {
    return joinKeys(this.#parent, key)
  }

  #all(keys: readonly Key[]): string[] {
    return toKeys(keys).map((key) => this.#full(key))
  }
}
