import type { Request } from 'express'
import { describe, expectTypeOf, test } from 'vitest'
import {
  type Cache,
  type CachedDecorator,
  cached,
  type CachedFunction,
  CachedObject,
  cacheFunction,
  cacheGet,
  createKeyedCache,
  type Key,
  type KeyedCache,
  type RequestScopedCache,
} from '../src/index.js'

interface City {
  name: string
}

// only looked at by the compiler, which `npm run check` runs
declare const cache: KeyedCache
declare const load: (id: string) => Promise<City>

describe('Types', () => {
  test('of reading say what a default adds', () => {
    expectTypeOf(() => cache.get('x')).returns.resolves.toEqualTypeOf<unknown>()
    expectTypeOf(() => cache.get<City>('x')).returns.resolves.toEqualTypeOf<City>()
    expectTypeOf(() => cache.get<City>('x', { default: null })).returns.resolves.toEqualTypeOf<City | null>()
    expectTypeOf(() => cache.get<City>('x', { default: undefined })).returns.resolves.toEqualTypeOf<City | undefined>()
    expectTypeOf(() => cache.get('x', { default: 0 })).returns.resolves.toEqualTypeOf<number>()
    expectTypeOf(() => cache.get<City, string>('x', { default: '' })).returns.resolves.toEqualTypeOf<City | string>()
    expectTypeOf(() => cacheGet<City>('x', { default: null })).returns.resolves.toEqualTypeOf<City | null>()
    expectTypeOf(() => cache.getMany<City>(['x'])).returns.resolves.toEqualTypeOf<(City | undefined)[]>()
    expectTypeOf(() => cache.getMany<City, null>(['x'], { default: null })).returns.resolves.toEqualTypeOf<
      (City | null)[]
    >()
  })

  test('of computing are those of the factory', () => {
    expectTypeOf(() => cache.getOrSet('x', () => load('1'))).returns.resolves.toEqualTypeOf<City>()
    expectTypeOf(() => cache.getOrSet('x', () => 1)).returns.resolves.toEqualTypeOf<number>()
    expectTypeOf(() =>
      cache.getOrSetMany(['1', '2'], async (ids) => {
        expectTypeOf(ids).toEqualTypeOf<readonly ('1' | '2')[]>()
        return Promise.all(ids.map((id) => load(id)))
      }),
    ).returns.resolves.toEqualTypeOf<City[]>()
  })

  test('of cached functions keep the arguments; a synchronous one becomes asynchronous', () => {
    const asynchronous = (): CachedFunction<typeof load> => cache.wrap(load)
    expectTypeOf(asynchronous).returns.parameters.toEqualTypeOf<[id: string]>()
    expectTypeOf(asynchronous).returns.returns.resolves.toEqualTypeOf<City>()
    const synchronous = (): CachedFunction<(a: number, b?: string) => Promise<number>> =>
      cache.wrap((a: number, b?: string) => a + (b?.length ?? 0))
    expectTypeOf(synchronous).returns.returns.toEqualTypeOf<Promise<number>>()
    expectTypeOf<ReturnType<typeof synchronous>['key']>().parameters.toEqualTypeOf<
      [a: number, b?: string | undefined]
    >()
    expectTypeOf<ReturnType<typeof synchronous>['refresh']>().returns.toEqualTypeOf<Promise<number>>()
    const sometimes = () => cache.wrap((id: string): City | Promise<City> => load(id), { ttl: 60 })
    expectTypeOf(sometimes).returns.returns.toEqualTypeOf<Promise<City>>()
    expectTypeOf<ReturnType<typeof sometimes>['refresh']>().returns.toEqualTypeOf<Promise<City>>()
    const sometimesGlobal = () => cacheFunction(60)((id: string): City | Promise<City> => load(id))
    expectTypeOf(sometimesGlobal).returns.returns.toEqualTypeOf<Promise<City>>()
    expectTypeOf(sometimesGlobal).returns.parameters.toEqualTypeOf<[id: string]>()
    const global = () => cacheFunction(60)((a: number) => `${a}`)
    expectTypeOf(global).returns.returns.toEqualTypeOf<Promise<string>>()
  })

  test('of the arguments of a cached function are inferred and checked, and never any', () => {
    // @ts-expect-error nothing is known of the argument
    expectTypeOf(() => cacheFunction(60)((id) => id.foo)).toBeFunction()
    // @ts-expect-error
    expectTypeOf(() => cacheFunction({ ttl: 60, name: 'foo' })(async (id) => id.foo)).toBeFunction()
    // @ts-expect-error
    expectTypeOf(() => cache.wrap((id) => id.foo, { name: 'foo' })).toBeFunction()
    // @ts-expect-error
    expectTypeOf(() => cache.wrap(async (id) => id.foo)).toBeFunction()
    // @ts-expect-error
    expectTypeOf(() => cacheFunction({ key: (city) => [city.name] })(load)).toBeFunction()
    // @ts-expect-error
    expectTypeOf(() => cached({ key: (city) => [city.name] })).toBeFunction()

    const unknown = () => cacheFunction(60)(async (id) => String(id))
    expectTypeOf(unknown).returns.parameter(0).not.toBeAny()
    const ofUnknown = () => cache.wrap((id) => String(id))
    expectTypeOf(ofUnknown).returns.parameter(0).not.toBeAny()

    // @ts-expect-error text is asked for
    expectTypeOf(() => cacheFunction(60)(load)(1)).toBeFunction()
    // @ts-expect-error
    expectTypeOf(() => cache.wrap(load).key(1)).toBeFunction()
    // @ts-expect-error
    expectTypeOf(() => cache.wrap((a: number) => a)('1')).toBeFunction()
  })

  test('of the option `key` are those of the function', () => {
    expectTypeOf(() => cache.wrap(load, { key: (id) => [id.trim()] })).returns.parameters.toEqualTypeOf<[id: string]>()
    expectTypeOf(() => cacheFunction({ key: (id: string) => [id] })(load)).returns.parameters.toEqualTypeOf<
      [id: string]
    >()
    const more = async (city: City, day: Date, unit?: string): Promise<string> =>
      `${city.name} ${day.toISOString()} ${unit}`
    expectTypeOf(() => cacheFunction({ key: (city: City) => [city.name] })(more)).returns.parameters.toEqualTypeOf<
      [city: City, day: Date, unit?: string | undefined]
    >()
    expectTypeOf(() =>
      cacheFunction({ key: (city: City, day: Date, unit?: string) => [city.name, day, unit ?? ''] })(more),
    ).returns.returns.resolves.toEqualTypeOf<string>()
    expectTypeOf(() =>
      cacheFunction({ key: (city: City) => [city.name], name: 'label' })((city) => city.name.length),
    ).returns.parameters.toEqualTypeOf<[city: City]>()
    // @ts-expect-error the function takes text
    expectTypeOf(() => cacheFunction({ key: (id: number) => [id] })(load)).toBeFunction()
    expectTypeOf(cached({ key: (city: City) => [city.name] })).toEqualTypeOf<CachedDecorator>()
  })

  test('of generic and overloaded functions, and of those with a `this`, stay as they are', () => {
    const first = async <T>(items: readonly T[]): Promise<T | undefined> => items[0]
    const firstGlobal = () => cacheFunction(60)(first)
    const firstOf = () => cache.wrap(first)
    expectTypeOf(async () => firstGlobal()([1])).returns.resolves.toEqualTypeOf<number | undefined>()
    expectTypeOf(async () => firstOf()(['a'])).returns.resolves.toEqualTypeOf<string | undefined>()

    interface Overloaded {
      (id: number): Promise<City>
      (name: string): Promise<City[]>
    }
    const overloaded = () => cacheFunction({ ttl: 60 })(load as unknown as Overloaded)
    expectTypeOf(async () => overloaded()(1)).returns.resolves.toEqualTypeOf<City>()
    expectTypeOf(async () => overloaded()('a')).returns.resolves.toEqualTypeOf<City[]>()
    const wrapped = () => cache.wrap(load as unknown as Overloaded)
    expectTypeOf(async () => wrapped()(1)).returns.resolves.toEqualTypeOf<City>()

    const ofThis = async function (this: City, unit: string): Promise<string> {
      return this.name + unit
    }
    expectTypeOf(() => cacheFunction(60)(ofThis)).returns.toBeCallableWith('a')
    expectTypeOf<ThisParameterType<typeof ofThis>>().toEqualTypeOf<City>()
    const bound = () => cache.wrap(ofThis)
    expectTypeOf<ThisParameterType<ReturnType<typeof bound>>>().toEqualTypeOf<City>()
  })

  test('of a request are those of a cache and of the one behind; of a scope those of a cache', () => {
    expectTypeOf<Request['cache']>().toEqualTypeOf<RequestScopedCache>()
    expectTypeOf<Request['cache']>().toExtend<Cache>()
    expectTypeOf<Request['cache']['shared']>().toEqualTypeOf<KeyedCache>()
    expectTypeOf<Cache['scope']>().returns.toEqualTypeOf<Cache>()
    expectTypeOf(createKeyedCache).returns.toEqualTypeOf<KeyedCache>()
    expectTypeOf<string | readonly (string | number)[] | { a: number }>().toExtend<Key>()
    expectTypeOf<symbol>().not.toExtend<Key>()
  })

  test('of a cached object are those of its class', () => {
    class Product extends CachedObject(class Base {}) {
      readonly id = 1
      price = 2
    }
    expectTypeOf<ReturnType<Product['cacheGet']>>().resolves.toEqualTypeOf<Product>()
    expectTypeOf(() => Product.deleteCached(1)).returns.resolves.toEqualTypeOf<string[]>()
    expectTypeOf(() =>
      Product.findCached(1, (): Product | undefined => undefined, { missing: '10s', ttl: 60 }),
    ).returns.resolves.toEqualTypeOf<Product | undefined>()
    expectTypeOf(() => Product.findCached(1, () => new Product())).returns.resolves.toEqualTypeOf<Product>()
    expectTypeOf(() =>
      Product.findCached(1, async (): Promise<Product | null> => null),
    ).returns.resolves.toEqualTypeOf<Product | null>()
  })

  test('of what findCached makes of rows are those of the class, and what there is none of stays', () => {
    class Row extends CachedObject() {
      readonly id: number
      private constructor(id: number) {
        super()
        this.id = id
      }
      static find(id: number): Promise<Row> {
        return this.findCached(id, () => new Row(id))
      }
    }
    interface Fields {
      id: number
    }
    expectTypeOf(() => Row.find(1)).returns.resolves.toEqualTypeOf<Row>()
    expectTypeOf(() => Row.findCached(1, () => ({ id: 1, name: 'row' }))).returns.resolves.toEqualTypeOf<Row>()
    expectTypeOf(() =>
      Row.findCached(1, async () => null as Fields | null, { ttl: 60 }),
    ).returns.resolves.toEqualTypeOf<Row | null>()
    expectTypeOf(() => Row.findCached(1, async () => undefined as Fields | undefined)).returns.resolves.toEqualTypeOf<
      Row | undefined
    >()
    expectTypeOf(() => Row.findCached(1, () => null)).returns.resolves.toEqualTypeOf<Row | null>()
    expectTypeOf(() =>
      Row.findCached(1, () => {
        throw new Error('no database')
      }),
    ).returns.resolves.toEqualTypeOf<Row>()
    // @ts-expect-error text is no row
    expectTypeOf(() => Row.findCached(1, () => 'text')).toBeFunction()
  })

  test('of @cached take no method that is not asynchronous', () => {
    type Decorated<M extends (...args: any[]) => unknown> = (
      method: M,
      context: ClassMethodDecoratorContext<object, M>,
    ) => unknown
    expectTypeOf<CachedDecorator>().toExtend<Decorated<() => Promise<number>>>()
    expectTypeOf<CachedDecorator>().toExtend<Decorated<(id: string) => PromiseLike<City>>>()
    expectTypeOf<CachedDecorator>().not.toExtend<Decorated<() => number>>()
    expectTypeOf<CachedDecorator>().not.toExtend<Decorated<() => number | Promise<number>>>()
  })
})
