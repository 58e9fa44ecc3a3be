import type { Cache, GetOrSetOptions, KeyedCache, SetOptions } from '../contract/cache.js'
import type { Factory, FactoryContext } from '../contract/factory.js'
import { toMs, type Ttl } from '../checks/duration.js'
import { cacheKey, keyParts, type KeyPart, type KeyScalar } from '../keys/key.js'
import { StoreBackedCache } from '../cache/keyed-cache.js'
import { FIND_CACHED_OPTIONS, SET_OPTIONS } from '../contract/options/known-options.js'
import { checkFunction, checkOptions } from '../contract/options/option-checks.js'
import { kindOf } from '../checks/kind.js'
import { show } from '../checks/show.js'
import { checkCallOptions } from '../contract/options/call-options.js'
import { claimClassName, className } from './class-name.js'
import { defaultCache, defaultCacheIfMade } from './configure.js'
import { currentCache } from './current-cache.js'
import { isPromise } from '../checks/on-rejection.js'

/** Where and how long the instances of a class are cached. */
export interface CachedObjectOptions {
  /** The cache that keeps the instances. @defaultValue the default cache; inside a request, the view that the request has of it */
  cache?: KeyedCache | undefined
  /** How long an instance is fresh. @defaultValue the cache's `ttl` */
  ttl?: Ttl | undefined
}

/** How `findCached` reads, loads and stores. */
export interface FindCachedOptions extends GetOrSetOptions<any> {
  /** How long it is kept that there is none: `load` gave `undefined` or `null`. @defaultValue 0: not kept */
  missing?: Ttl | undefined
}

/** What instances of a cached class have. */
export interface CachedInstance {
  /** Tells the instance from others of its class: its `id`, unless the class defines this itself. */
  get cacheId(): KeyScalar
  /** The full key of the instance, continued by parts. @throws {TypeError} when it has no id. */
  cacheKey(...parts: KeyPart[]): string
  /** The instance as it is cached. Rejects with `NotCachedError` when it is not. */
  cacheGet(): Promise<this>
  /** Stores the instance. `false`: it was not stored. Rejects as `Cache.set` does. */
  cacheSet(options?: SetOptions): Promise<boolean>
  /** Deletes the instance from the cache, and all keys below its own. Gives the keys removed. Rejects as `Cache.delete` does. */
  cacheDelete(): Promise<string[]>
  /** Deletes as `cacheDelete` does, then stores the instance anew. Rejects as these do. */
  cacheReset(options?: SetOptions): Promise<boolean>
  /** Whether the instance is cached. Rejects as `Cache.has` does. */
  isCached(): Promise<boolean>
  /** What is stored of the instance. Must not throw. @defaultValue its own enumerable fields */
  toCache(): unknown
}

/** What cached classes have. */
export interface CachedClass {
  /** The first part of the keys of the class. @defaultValue the name of the class */
  cacheName: string
  /** Makes an instance from what was stored of one. No constructor runs, unless the class defines this itself. What it throws, the call rejects with. */
  fromCache(data: any): any
  /**
   * The cached instance of an id. If there is none, the result of `load` is stored: an instance, or an object with its fields. `null` and
   * `undefined` say that there is none, which is kept for as long as `missing` says, without grace. A `schema` judges what is stored. Rejects as
   * `getOrSet` does.
   */
  findCached<I, T extends object | null | undefined>(
    // Typed by `prototype`, because constructors may be private.
    this: { readonly prototype: I },
    id: KeyScalar,
    load: Factory<T>,
    options?: FindCachedOptions,
  ): Promise<I | Extract<T, null | undefined>>
  /** Deletes the instance of an id from the cache, and all keys below its own. Gives the keys removed. Rejects as `Cache.delete` does. */
  deleteCached(id: KeyScalar): Promise<string[]>
}

type AnyClass = abstract new (...args: any[]) => object

/**
 * A base class whose instances can be cached: `class Product extends CachedObject(Base, { ttl: 60 }) {}`. The key of an instance is
 * `<class name>::<id>`.
 * @throws {TypeError} for wrong options.
 */
export function CachedObject(base?: undefined, options?: CachedObjectOptions): (new () => CachedInstance) & CachedClass
export function CachedObject<B extends AnyClass>(
  base: B,
  options?: CachedObjectOptions,
): B & (abstract new (...args: any[]) => CachedInstance) & CachedClass
export function CachedObject(base: AnyClass = Object, options?: CachedObjectOptions): unknown {
  const { cache: own, ttl } = checkOptions(options, 'CachedObject', { cache: true, ttl: true }) ?? {}
  if (own !== undefined && !(own instanceof StoreBackedCache)) {
    throw new TypeError(`Expected \`cache\` to be a cache made by createKeyedCache or configure, got ${show(own)}`)
  }
  if (ttl !== undefined) toMs('ttl', ttl)
  // A ttl given as undefined counts as not given.
  const withTtl = <O extends SetOptions>(given: O | undefined): O | undefined =>
    ttl === undefined || given?.ttl !== undefined ? given : ({ ...given, ttl } as O)
  const cache = (type: unknown): Cache => {
    claimClassName(type as AnyClass, (own ?? defaultCache()).classNames)
    return own ?? currentCache()
  }
  /** A key may be a part of another one, which is used with no method of its class. */
  const claimIfMade = (type: unknown): void => {
    const made = own ?? defaultCacheIfMade()
    if (made !== undefined) claimClassName(type as AnyClass, made.classNames)
  }
  const Base = checkFunction(base, 'the base of CachedObject') as new (...args: any[]) => any

  class Cached extends Base {
    static findCached(
      this: typeof Cached,
      id: KeyScalar,
      load: Factory<unknown>,
      given?: FindCachedOptions,
    ): Promise<unknown> {
      return findCached(this, id, load, given)
    }

    static async deleteCached(this: typeof Cached, id: KeyScalar): Promise<string[]> {
      return cache(this).delete(cacheKey(className(this), checkId(id, this)), { children: true })
    }

    cacheKey(...parts: KeyPart[]): string {
      return cacheKey(...this[keyParts](), ...parts)
    }

    async cacheGet(): Promise<unknown> {
      return restore(this.constructor, await cache(this.constructor).get(this.cacheKey()))
    }

    async cacheSet(given?: SetOptions): Promise<boolean> {
      const wanted = withTtl(checkOptions(given, 'cacheSet', SET_OPTIONS))
      return cache(this.constructor).set(this.cacheKey(), fieldsOf(this as unknown as CachedInstance), wanted)
    }

    async cacheDelete(): Promise<string[]> {
      return cache(this.constructor).delete(this.cacheKey(), { children: true })
    }

    async cacheReset(given?: SetOptions): Promise<boolean> {
      // Check the options before anything is deleted.
      checkCallOptions(checkOptions(given, 'cacheReset', SET_OPTIONS))
      await this.cacheDelete()
      return this.cacheSet(given)
    }

    async isCached(): Promise<boolean> {
      return cache(this.constructor).has(this.cacheKey())
    }

    [keyParts](): readonly [string, KeyScalar] {
      claimIfMade(this.constructor)
      return [className(this.constructor), checkId((this as unknown as CachedInstance).cacheId, this.constructor)]
    }
  }

  async function findCached(
    type: typeof Cached,
    id: KeyScalar,
    load: Factory<unknown>,
    given: FindCachedOptions | undefined,
  ): Promise<unknown> {
    checkFunction(load, '`load`')
    const { missing = 0, ...getOrSet } = checkOptions(given, 'findCached', FIND_CACHED_OPTIONS) ?? {}
    toMs('missing', missing)
    const wanted = withTtl<GetOrSetOptions<unknown>>(getOrSet)
    const key = cacheKey(className(type), checkId(id, type))
    const compute = async (context: FactoryContext): Promise<unknown> => {
      const loaded = await load(context)
      if (loaded === null || loaded === undefined) {
        context.setTtl(missing)
        context.setGrace(0)
        return loaded
      }
      const data = loaded instanceof type ? fieldsOf(loaded as unknown as CachedInstance) : loaded
      // Without this check, data that no instance can be made of would be found until its ttl ends.
      if (isForeign(type, data)) throw noFields(type, data)
      return data
    }
    const data = await cache(type).getOrSet(key, compute, wanted)
    if (!isForeign(type, data)) return restore(type, data)
    return restore(type, await cache(type).getOrSet(key, compute, { ...wanted, refresh: true }))
  }

  // If the base class has one of these itself, it keeps its own.
  const give = (to: object, name: string, property: PropertyDescriptor): void => {
    if (!(name in to)) Object.defineProperty(to, name, { configurable: true, ...property })
  }
  give(Cached, 'cacheName', overridable('cacheName', 'name'))
  give(Cached, 'fromCache', { value: fromFields, writable: true })
  give(Cached.prototype, 'cacheId', overridable('cacheId', 'id'))
  give(Cached.prototype, 'toCache', { value: ownFields, writable: true })
  return Cached
}

/** A property that reads another property of the same object, until it is assigned. */
function overridable(name: string, source: string): PropertyDescriptor {
  return {
    get(this: object): unknown {
      return Reflect.get(this, source)
    },
    set(this: object, value: unknown) {
      Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true })
    },
  }
}

function ownFields(this: object): object {
  return { ...this }
}

function fromFields(this: { prototype: object; name: string }, data: unknown): object {
  if (!isFields(data)) throw noFields(this, data)
  // Fields are defined, not assigned: no setter runs, and nothing that was stored can replace the prototype.
  return Object.create(this.prototype, Object.getOwnPropertyDescriptors(data)) as object
}

/** Whether a value has fields and is nothing else: no array, no date, no map. */
function isFields(data: unknown): data is object {
  return typeof data === 'object' && data !== null && Object.prototype.toString.call(data) === '[object Object]'
}

/** Whether no instance can be made of the cached data. This is known only if the class has the `fromCache` of this file. */
function isForeign(type: unknown, data: unknown): boolean {
  return data !== null && data !== undefined && (type as CachedClass).fromCache === fromFields && !isFields(data)
}

function noFields({ name }: { name: string }, data: unknown): TypeError {
  return new TypeError(`Expected what is cached of a ${name} to be its fields, got ${kindOf(data)}`)
}

function restore(type: unknown, data: unknown): unknown {
  return data === null || data === undefined ? data : (type as CachedClass).fromCache(data)
}

/** What is stored of an instance. @throws {TypeError} when `toCache` gives a promise. */
function fieldsOf(instance: CachedInstance): unknown {
  const fields = instance.toCache()
  if (!isPromise(fields)) return fields
  throw new TypeError(
    `Expected \`toCache\` of ${className(instance.constructor)} to give its fields at once, got a promise`,
  )
}

/** @throws {TypeError} when there is no id. */
function checkId(id: KeyScalar | undefined, type: unknown): KeyScalar {
  if (id !== undefined && id !== null && id !== '') return id
  throw new TypeError(
    `Expected the ${className(type)} to have an id, or its class a getter \`cacheId\`, got ${show(id)}`,
  )
}
