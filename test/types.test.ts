import type { Request } from 'express'
import { describe, expectTypeOf, test } from 'vitest'
import {
  type Cache,
  type CachedDecorator,
  type CachedFunction,
  CachedObject,
  cacheFunction,
  cacheGet,
  createKeyedCache,
  type Key,
  type KeyedCache,
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

  test('of a request and a scope are those of a cache', () => {
    expectTypeOf<Request['cache']>().toEqualTypeOf<Cache>()
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
