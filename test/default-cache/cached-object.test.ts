import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  CachedObject,
  cacheKey,
  cacheSet,
  closeCaches,
  configure,
  createKeyedCache,
  NotCachedError,
  type KeyedCache,
} from '../../src/index.js'
import { describeOnBothStores } from '../support/both-stores.js'
import { until } from '../support/until.js'
import { warningsDuring } from '../support/warnings.js'

let cache: KeyedCache

beforeEach(() => {
  cache = configure({ caches: { default: {} } })
})

afterEach(closeCaches)

let constructed = 0

class Product extends CachedObject() {
  readonly id: number | string | undefined
  name: string

  constructor(id: number | string | undefined, name: string) {
    super()
    constructed++
    this.id = id
    this.name = name
  }

  get label(): string {
    return `${this.name} (${this.id})`
  }
}

describe('An instance of a cached class', () => {
  test('has the key `<class name>::<id>`, continued by parts', () => {
    const product = new Product(7, 'shoe')
    expect(product.cacheKey()).toBe('Product::7')
    expect(product.cacheKey('prices', { currency: 'CZK' })).toBe('Product::7::prices::currency::CZK')
    expect(new Product('a::b', 'shoe').cacheKey()).toBe('Product::a%3A%3Ab')
  })

  test('counts as class name and id where it is part of another key', async () => {
    const product = new Product(7, 'shoe')
    expect(cacheKey('stock', product, 'praha')).toBe('stock::Product::7::praha')
    await cacheSet([product, 'price'], 10)
    expect(await cache.get('Product::7::price')).toBe(10)
  })

  test('is stored and comes back as an instance, while no constructor runs', async () => {
    const product = new Product(7, 'shoe')
    expect(await product.isCached()).toBe(false)
    expect(await product.cacheSet()).toBe(true)
    expect(await product.isCached()).toBe(true)
    const before = constructed
    product.name = 'changed'
    const found = await product.cacheGet()
    expect(found).toBeInstanceOf(Product)
    expect(found).not.toBe(product)
    expect(found.label).toBe('shoe (7)')
    expect(constructed).toBe(before)
    expect(await cache.get('Product::7')).toEqual({ id: 7, name: 'shoe' })
  })

  test('that is not cached rejects with its key', async () => {
    const reading = new Product(7, 'shoe').cacheGet()
    await expect(reading).rejects.toThrow(NotCachedError)
    await expect(reading).rejects.toMatchObject({ key: 'Product::7' })
  })

  test('is deleted with its children, and with nothing else', async () => {
    const product = new Product(7, 'shoe')
    await Promise.all([product.cacheSet(), new Product(70, 'hat').cacheSet()])
    await cache.set(product.cacheKey('price'), 10)
    expect(await product.cacheDelete()).toEqual(['Product::7', 'Product::7::price'])
    expect(await product.cacheDelete()).toEqual([])
    expect((await cache.keys()).keys).toEqual(['Product::70'])
  })

  test('is stored anew by cacheReset, without what was below it', async () => {
    const product = new Product(7, 'shoe')
    await product.cacheSet()
    await cache.set(product.cacheKey('price'), 10)
    product.name = 'boot'
    expect(await product.cacheReset()).toBe(true)
    expect((await product.cacheGet()).name).toBe('boot')
    expect((await cache.keys()).keys).toEqual(['Product::7'])
  })

  test('travels with all own fields of every type that can be stored', async () => {
    class Event extends CachedObject() {
      id = 1
      at = new Date(0)
      tags = new Set(['a'])
      nothing = undefined
      sizes = new Map([['s', [1n, 2n]]])
    }
    const event = new Event()
    await event.cacheSet()
    const found = await event.cacheGet()
    expect(found).toEqual(event)
    expect(Object.keys(found)).toEqual(['id', 'at', 'tags', 'nothing', 'sizes'])
  })

  test('with a field that cannot be stored rejects with the name of the field', async () => {
    class Broken extends CachedObject() {
      id = 1
      run = (): number => 1
    }
    await expect(new Broken().cacheSet()).rejects.toThrow(/run/)
  })

  test.each([undefined, ''])('without an id (%o) is a TypeError', async (id) => {
    const product = new Product(id, 'shoe')
    expect(() => product.cacheKey()).toThrow(TypeError)
    expect(() => product.cacheKey()).toThrow(/Product.*id.*got/)
    expect(() => cacheKey('stock', product)).toThrow(TypeError)
    for (const call of [
      () => product.cacheGet(),
      () => product.cacheSet(),
      () => product.cacheDelete(),
      () => product.cacheReset(),
      () => product.isCached(),
    ]) {
      await expect(call()).rejects.toThrow(TypeError)
    }
  })
})

describe('findCached', () => {
  test('loads once, and gives an instance each time', async () => {
    let loads = 0
    const find = (): Promise<Product> =>
      Product.findCached(7, async () => {
        loads++
        return new Product(7, 'shoe')
      })
    const [first, second, third] = [...(await Promise.all([find(), find()])), await find()]
    expect(loads).toBe(1)
    for (const each of [first, second, third]) {
      expect(each).toBeInstanceOf(Product)
      expect(each.label).toBe('shoe (7)')
    }
    expect(first).not.toBe(second)
    expect(first).not.toBe(third)
    first.name = 'changed'
    expect(second.name).toBe('shoe')
  })

  test('finds what an instance stored, and the other way round', async () => {
    const product = new Product(7, 'shoe')
    await product.cacheSet()
    expect((await Product.findCached(7, () => new Product(7, 'loaded'))).name).toBe('shoe')
    expect((await Product.findCached('7', () => new Product(7, 'loaded'))).name).toBe('shoe')
    await Product.findCached(8, () => new Product(8, 'loaded'))
    expect((await new Product(8, '').cacheGet()).name).toBe('loaded')
  })

  test('makes an instance of a row', async () => {
    const row = await Product.findCached(7, async () => ({ id: 7, name: 'row' }) as Product)
    expect(row.label).toBe('row (7)')
  })

  test.each([null, undefined])('does not keep that there is none (%o)', async (nothing) => {
    let row: Product | null | undefined = nothing
    const find = (): Promise<Product | null | undefined> => Product.findCached(8, async () => row, { grace: 60 })
    expect([await find(), await cache.count()]).toEqual([nothing, 0])
    row = new Product(8, 'new')
    expect((await find())?.name).toBe('new')
  })

  test.each([null, undefined])(
    'keeps that there is none (%o) for as long as `missing` says, without grace',
    async (nothing) => {
      let loads = 0
      const find = (): Promise<unknown> =>
        Product.findCached(8, () => (loads++, nothing), { missing: 7, ttl: '1h', grace: '1h' })
      expect([await find(), await find(), loads]).toEqual([nothing, nothing, 1])
      expect((await cache.entry('Product::8'))?.ttl).toBeLessThanOrEqual(7)
      const found = await Product.findCached(9, () => new Product(9, 'there'), { missing: 7, ttl: '1h' })
      expect([found.name, (await cache.entry('Product::9'))?.ttl]).toEqual(['there', expect.closeTo(3600, -2)])
    },
  )

  test('leaves nothing stale of that there is none, whatever the grace', async () => {
    const find = (missing: string): Promise<unknown> => Product.findCached(8, () => null, { missing, grace: '1h' })
    await find('20ms')
    await until(async () => (await cache.entry('Product::8')) === undefined, 'nothing is kept any more')
  })

  test('with a `missing` that is no time rejects with a TypeError', async () => {
    for (const missing of [-1, NaN, 'soon', null, true]) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await expect(Product.findCached(8, () => null, { missing } as never)).rejects.toThrow(/`missing`/)
    }
  })

  test('is undone by `deleteCached`, with everything below, without an instance', async () => {
    await Product.findCached(7, () => new Product(7, 'shoe'))
    await cacheSet(['Product', 7, 'reviews'], [])
    await cacheSet(['Product', 70], {})
    expect(await Product.deleteCached('7')).toEqual(['Product::7', 'Product::7::reviews'])
    expect(await Product.deleteCached(7)).toEqual([])
    expect((await cache.keys()).keys).toEqual(['Product::70'])
    await expect(Product.deleteCached(undefined as never)).rejects.toThrow(/to have an id/)
  })

  test('hands the context to `load`, and takes the options of getOrSet', async () => {
    const find = (name: string, options?: { refresh?: boolean; ttl?: string }): Promise<Product> =>
      Product.findCached(7, ({ key }) => new Product(7, `${name} ${key}`), options)
    expect((await find('first', { ttl: '1h' })).name).toBe('first Product::7')
    expect((await cache.entry('Product::7'))?.ttl).toBeCloseTo(3600, -2)
    expect((await find('second')).name).toBe('first Product::7')
    expect((await find('third', { refresh: true })).name).toBe('third Product::7')
  })

  test('rejects with what `load` throws', async () => {
    const failing = Product.findCached(7, async (): Promise<Product> => {
      throw new RangeError('no database')
    })
    await expect(failing).rejects.toThrow(new RangeError('no database'))
    expect(await cache.count()).toBe(0)
  })

  test('gives an instance that cannot be stored, with a warning', async () => {
    class Runner extends CachedObject() {
      id = 1
      run = (): number => 1
    }
    const warnings = await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      const runner = await Runner.findCached(1, () => new Runner())
      expect(runner).toBeInstanceOf(Runner)
      expect(runner.run()).toBe(1)
    })
    expect(warnings).toHaveLength(1)
  })

  test.each([undefined, null, '', NaN])('with the id %o rejects with a TypeError', async (id) => {
    await expect(Product.findCached(id as never, () => new Product(1, 'shoe'))).rejects.toThrow(TypeError)
    expect(await cache.count()).toBe(0)
  })

  test('with a `load` that is no function rejects with a TypeError', async () => {
    await expect(Product.findCached(1, 5 as never)).rejects.toThrow(/`load`.*got 5/)
  })

  test.each<[unknown]>([[60], ['5m'], [null], [[]], [{ expires: 60 }], [{ ttl: -1 }]])(
    'with the options %o rejects with a TypeError',
    async (options) => {
      const finding = Product.findCached(7, () => new Product(7, 'shoe'), options as never)
      await expect(finding).rejects.toThrow(TypeError)
      expect(await cache.count()).toBe(0)
    },
  )

  test('makes an instance of an object of any class, and of one without a prototype', async () => {
    class Row {
      readonly id = 7
      readonly name = 'row'
    }
    const warnings = await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      expect((await Product.findCached(7, () => new Row())).label).toBe('row (7)')
    })
    expect(warnings).toHaveLength(1)
    const bare = Object.assign(Object.create(null) as object, { id: 8, name: 'bare' })
    expect((await Product.findCached(8, () => bare)).label).toBe('bare (8)')
    expect(await new Product(8, '').isCached()).toBe(true)
  })

  test('whose `load` gives what `fromCache` of the class takes makes an instance of that', async () => {
    class Pair extends CachedObject() {
      readonly id: number
      constructor(id: number) {
        super()
        this.id = id
      }
      override toCache(): unknown {
        return [this.id]
      }
      static override fromCache([id]: [number]): Pair {
        return new Pair(id)
      }
    }
    expect((await Pair.findCached(1, () => [1])).id).toBe(1)
    expect((await Pair.findCached(1, () => new Pair(2))).id).toBe(1)
  })
})

describeOnBothStores('findCached', (open) => {
  /** A class whose instances are in a cache of its own. */
  function shoe(own: KeyedCache) {
    return class Shoe extends CachedObject(undefined, { cache: own }) {
      readonly id: number
      name = 'shoe'
      constructor(id: number) {
        super()
        this.id = id
      }
    }
  }

  const noFields: [unknown][] = [
    ['text'],
    [5],
    [true],
    [[1, 2]],
    [new Date(0)],
    [new Map([['id', 7]])],
    [new Set([7])],
    [Buffer.from('x')],
    [new RangeError('x')],
    [/x/],
  ]

  test.each(noFields)('with a `load` that gives %o rejects with a TypeError, and stores nothing', async (given) => {
    const own = open()
    const Shoe = shoe(own)
    const finding = Shoe.findCached(7, () => given as never)
    await expect(finding).rejects.toThrow(TypeError)
    await expect(finding).rejects.toThrow(/Expected what is cached of a Shoe to be its fields, got/)
    expect(await own.count()).toBe(0)
    expect((await Shoe.findCached(7, () => new Shoe(7))).name).toBe('shoe')
  })

  test('with a `load` that gives a function rejects with a TypeError, without a warning', async () => {
    const warnings = await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      await expect(shoe(open()).findCached(7, () => () => 1)).rejects.toThrow(/Shoe to be its fields, got a function/)
    })
    expect(warnings).toEqual([])
  })

  test.each(noFields)('of an entry that holds %o loads anew, and stores that', async (foreign) => {
    const own = open({ grace: 60 })
    const Shoe = shoe(own)
    await own.set('Shoe::7', foreign)
    await expect(new Shoe(7).cacheGet()).rejects.toThrow(TypeError)
    let loads = 0
    const find = () => Shoe.findCached(7, () => new Shoe(7 * ++loads))
    const found = await find()
    expect(found).toBeInstanceOf(Shoe)
    expect([found.id, (await find()).id, loads]).toEqual([7, 7, 1])
    expect((await new Shoe(7).cacheGet()).id).toBe(7)
  })
})

describe('Class, name and id', () => {
  test('cacheName and cacheId stand for class name and id', async () => {
    class Item extends CachedObject() {
      static override cacheName = 'item'
      readonly code = 'x1'
      override get cacheId(): string {
        return this.code
      }
    }
    expect(new Item().cacheKey()).toBe('item::x1')
    await new Item().cacheSet()
    expect(await Item.findCached('x1', () => new Item())).toBeInstanceOf(Item)
    expect((await cache.keys()).keys).toEqual(['item::x1'])
    expect(Product.cacheName).toBe('Product')
  })

  test('a getter of the base is never hidden', () => {
    class Row {
      readonly pk = 5
      get cacheId(): number {
        return this.pk
      }
      toCache(): unknown {
        return [this.pk]
      }
      static fromCache(data: [number]): unknown {
        return data[0]
      }
    }
    class Record extends CachedObject(Row) {}
    expect(new Record().cacheKey()).toBe('Record::5')
    expect(new Record().toCache()).toEqual([5])
    expect(Record.fromCache([5])).toBe(5)
  })

  test('an id that is a getter of the base, or a field that the base assigns, is found', () => {
    class Row {
      get id(): number {
        return 6
      }
    }
    class Other {
      constructor() {
        // as JavaScript without class fields does
        ;(this as { cacheId?: number }).cacheId = 8
      }
    }
    class Record extends CachedObject(Row) {}
    class OtherRecord extends CachedObject(Other) {}
    expect(new Record().cacheKey()).toBe('Record::6')
    expect(new OtherRecord().cacheKey()).toBe('OtherRecord::8')
  })

  test('the base keeps its constructor, methods and statics', () => {
    class Named {
      static count = 3
      readonly label: string
      constructor(label: string) {
        this.label = label
      }
      shout(): string {
        return this.label.toUpperCase()
      }
    }
    class Shop extends CachedObject(Named) {
      readonly id = 1
    }
    const shop = new Shop('corner')
    expect(shop).toBeInstanceOf(Named)
    expect([shop.shout(), Shop.count, shop.cacheKey()]).toEqual(['CORNER', 3, 'Shop::1'])
  })

  test('a subclass has a name of its own', async () => {
    class Book extends Product {}
    await new Book(7, 'novel').cacheSet()
    expect((await cache.keys()).keys).toEqual(['Book::7'])
    expect(await new Book(7, '').cacheGet()).toBeInstanceOf(Book)
    expect(await new Product(7, '').isCached()).toBe(false)
  })

  test('a class without a name is a TypeError that asks for one', () => {
    const [Nameless] = [
      class extends CachedObject() {
        id = 1
      },
    ] as const
    Object.defineProperty(Nameless, 'name', { value: '' })
    expect(() => new Nameless().cacheKey()).toThrow(TypeError)
    expect(() => new Nameless().cacheKey()).toThrow(/`cacheName`/)
  })

  test('toCache and fromCache say what travels and what comes back', async () => {
    class Money extends CachedObject() {
      readonly #amount: bigint
      readonly id: string
      constructor(id: string, amount: bigint) {
        super()
        this.id = id
        this.#amount = amount
      }
      get amount(): bigint {
        return this.#amount
      }
      override toCache(): unknown {
        return [this.id, this.#amount]
      }
      static override fromCache([id, amount]: [string, bigint]): Money {
        return new Money(id, amount)
      }
    }
    await new Money('a', 5n).cacheSet()
    expect(await cache.get('Money::a')).toEqual(['a', 5n])
    expect((await new Money('a', 0n).cacheGet()).amount).toBe(5n)
    expect((await Money.findCached('b', () => new Money('b', 6n))).amount).toBe(6n)
    expect((await Money.findCached('b', () => new Money('b', 0n))).amount).toBe(6n)
  })

  test('no setter runs on what comes back, and stored names cannot replace its class', async () => {
    let set = 0
    class Guarded extends CachedObject() {
      readonly id = 1
      get price(): number {
        return 5
      }
      get size(): number {
        return 1
      }
      set size(_: number) {
        set++
      }
    }
    await cacheSet('Guarded::1', { id: 1, price: 9, size: 9 })
    const found = await new Guarded().cacheGet()
    expect(Object.entries(found)).toEqual([
      ['id', 1],
      ['price', 9],
      ['size', 9],
    ])
    expect(set).toBe(0)

    const json = createKeyedCache({
      serializer: {
        name: 'json',
        encode: () => Buffer.from('{"id":1,"__proto__":{"isStaff":true}}'),
        decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
      },
    })
    class Member extends CachedObject(undefined, { cache: json }) {
      readonly id = 1
      get isStaff(): boolean {
        return false
      }
    }
    await new Member().cacheSet()
    const member = await new Member().cacheGet()
    expect(member).toBeInstanceOf(Member)
    expect(member.isStaff).toBe(false)
    await json.close()
  })
})

describe('Options', () => {
  test('ttl is that of every instance, unless a call says otherwise', async () => {
    class Short extends CachedObject(undefined, { ttl: 5 }) {
      readonly id = 1
    }
    await new Short().cacheSet()
    expect((await cache.entry('Short::1'))?.ttl).toBeCloseTo(5, 0)
    await new Short().cacheReset({ ttl: '1h' })
    expect((await cache.entry('Short::1'))?.ttl).toBeCloseTo(3600, -2)
    await Short.findCached(2, () => new Short())
    expect((await cache.entry('Short::2'))?.ttl).toBeCloseTo(5, 0)
  })

  test('ttl is that of every instance also where a call gives undefined', async () => {
    class Short extends CachedObject(undefined, { ttl: 5 }) {
      readonly id = 1
    }
    await new Short().cacheSet({ ttl: undefined })
    expect((await cache.entry('Short::1'))?.ttl).toBeCloseTo(5, 0)
    await new Short().cacheReset({ ttl: undefined, tags: ['t'] })
    expect(await cache.entry('Short::1')).toMatchObject({ ttl: expect.closeTo(5, 0), tags: ['t'] })
    await Short.findCached(2, () => new Short(), { ttl: undefined })
    expect((await cache.entry('Short::2'))?.ttl).toBeCloseTo(5, 0)
    await expect(new Short().cacheSet({ ttl: null as never })).rejects.toThrow(/`ttl`.*null/)
  })

  test.each<[unknown, RegExp]>([
    [60, /options of cacheSet.*got 60/],
    ['5m', /options of cacheSet.*got '5m'/],
    [null, /options of cacheSet.*got null/],
    [[60], /options of cacheSet.*got \[ 60 \]/],
    [{ expires: 60 }, /`expires` of cacheSet.*ttl, grace, tags/],
    [{ ttl: -1 }, /`ttl`.*got -1/],
    [{ tags: 't' }, /`tags`.*got 't'/],
  ])('of a call that are %o are a TypeError, and nothing is deleted', async (options, message) => {
    const product = new Product(7, 'shoe')
    await product.cacheSet()
    for (const call of [product.cacheSet(options as never), product.cacheReset(options as never)]) {
      await expect(call).rejects.toThrow(TypeError)
    }
    await expect(product.cacheSet(options as never)).rejects.toThrow(message)
    expect(await product.isCached()).toBe(true)
  })

  test('cache is where they are kept', async () => {
    const own = createKeyedCache()
    class Kept extends CachedObject(undefined, { cache: own }) {
      readonly id = 1
    }
    await new Kept().cacheSet()
    expect((await own.keys()).keys).toEqual(['Kept::1'])
    expect(await cache.count()).toBe(0)
    await own.close()
  })

  test.each<[unknown, unknown, RegExp]>([
    [undefined, { ttl: -1 }, /`ttl`.*got -1/],
    [undefined, { cache: {} }, /`cache`.*got {}/],
    [undefined, 5, /CachedObject.*got 5/],
    [undefined, [], /CachedObject.*got \[\]/],
    [undefined, { ttls: 5 }, /`ttls` of CachedObject.*cache, ttl/],
    ['Base', undefined, /base of CachedObject.*got 'Base'/],
    [null, undefined, /base of CachedObject.*got null/],
  ])('base %o with options %o is a TypeError', (base, options, message) => {
    expect(() => CachedObject(base as never, options as never)).toThrow(TypeError)
    expect(() => CachedObject(base as never, options as never)).toThrow(message)
  })
})
