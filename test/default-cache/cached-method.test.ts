import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { cached, closeCaches, configure, type KeyedCache } from '../../src/index.js'
import { importCompiled } from '../support/import-compiled.js'
import { warningsDuring } from '../support/warnings.js'

let cache: KeyedCache

beforeEach(() => {
  cache = configure({ caches: { default: {} } })
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await closeCaches()
})

type Decorated = typeof import('../support/decorated.mjs')
type Classes = ReturnType<Decorated['decorated']>

const DECORATED = new URL('../support/decorated.mts', import.meta.url)
let module: Decorated
let Weather: Classes['Weather']
let Local: Classes['Local']
let Shop: Classes['Shop']
let Account: Classes['Account']
let Office: Classes['Office']

beforeAll(async () => {
  module = await importCompiled<Decorated>(DECORATED)
  ;({ Weather, Local, Shop, Account, Office } = module.decorated(cached))
})

describe('A method under @cached', () => {
  test('computes once for the same instance and arguments', async () => {
    const praha = new Weather('praha')
    expect(await praha.forecast(3)).toBe('3 days in praha')
    expect(await praha.forecast(3)).toBe('3 days in praha')
    expect(await praha.forecast(4)).toBe('4 days in praha')
    expect(praha.calls).toBe(2)
  })

  test('has the key `func::<Class>.<method>::<cacheId>::<argument>`', async () => {
    await new Weather('praha').forecast(3)
    await new Weather(7).forecast(3)
    expect((await cache.keys()).keys).toEqual(['func::Weather.forecast::7::3', 'func::Weather.forecast::praha::3'])
    expect((await cache.entry('func::Weather.forecast::7::3'))?.ttl).toBeCloseTo(60, -1)
  })

  test('keeps instances apart by their cacheId, and finds what an equal one stored', async () => {
    const [praha, brno, prahaToo] = [new Weather('praha'), new Weather('brno'), new Weather('praha')]
    await praha.forecast(3)
    expect(await brno.forecast(3)).toBe('3 days in brno')
    expect(await prahaToo.forecast(3)).toBe('3 days in praha')
    expect(prahaToo.calls).toBe(0)
  })

  test('has the name of the class of the instance, known when it is called', async () => {
    expect(await new Local('praha').forecast(3)).toBe('3 days in praha')
    expect(await Local.stations('CZ')).toBe('CZ in Local')
    expect(await Weather.stations('CZ')).toBe('CZ in Weather')
    expect((await cache.keys()).keys).toEqual([
      'func::Local.forecast::praha::3',
      'func::Local.stations::"CZ"',
      'func::Weather.stations::"CZ"',
    ])
  })

  test('that is static needs no id', async () => {
    const before = Weather.calls
    expect(await Weather.stations('CZ')).toBe('CZ in Weather')
    expect(await Weather.stations('CZ')).toBe('CZ in Weather')
    expect(Weather.calls).toBe(before + 1)
    expect((await cache.entry('func::Weather.stations::"CZ"'))?.ttl).toBeCloseTo(3600, -2)
  })

  test('of an instance without cacheId is a TypeError that asks for it or for `key`', async () => {
    const wrong = new Shop().total()
    await expect(wrong).rejects.toThrow(TypeError)
    await expect(new Shop().total()).rejects.toThrow(/total.*`cacheId`.*`key`/)
    await expect(new Weather().forecast(3)).rejects.toThrow(/`cacheId`/)
    expect(await cache.count()).toBe(0)
  })

  test('with `key` needs no cacheId; `name` stands for class and method', async () => {
    const shop = new Shop()
    expect(await shop.price({ id: 7 })).toBe(70)
    expect(await new Shop().price({ id: 7 })).toBe(70)
    expect(shop.calls).toBe(1)
    expect((await cache.keys()).keys).toEqual(['func::price::of::7'])
  })

  test('with `key` and a cacheId has both in its key, so that no instance answers for another', async () => {
    expect(await new Account(1).turnover({ year: 2020 })).toBe('1 in 2020')
    expect(await new Account(2).turnover({ year: 2020 })).toBe('2 in 2020')
    expect((await cache.keys()).keys).toEqual(['func::Account.turnover::1::2020', 'func::Account.turnover::2::2020'])
  })

  test('has a `key` that is called with its `this`', async () => {
    expect(await new Office('praha').address()).toBe('in praha')
    expect(await new Office('brno').address()).toBe('in brno')
    expect((await cache.keys()).keys).toEqual(['func::Office.address::brno', 'func::Office.address::praha'])
  })

  test('whose `key` gives no part has the key of its name', async () => {
    const office = new Office('praha')
    expect([await office.motto(), await new Office('brno').motto(), await Office.founded()]).toEqual([1, 1, 1999])
    expect(await Office.founded(2000)).toBe(1999)
    expect((await cache.keys()).keys).toEqual(['func::Office.founded', 'func::Office.motto'])
  })

  test('whose `key` gives no array rejects with a TypeError', async () => {
    await expect(new Office('praha').phone()).rejects.toThrow(TypeError)
    await expect(new Office('praha').phone()).rejects.toThrow("Expected `key` to give an array of parts, got 'text'")
    expect(await cache.count()).toBe(0)
  })

  test('with arguments that have no key is called through, with one warning', async () => {
    const praha = new Weather('praha')
    const warnings = await warningsDuring('KEYEDCACHE_NO_KEY', async () => {
      for (let i = 0; i < 3; i++) await praha.forecast((() => 1) as never)
    })
    expect(warnings).toEqual([expect.stringContaining('Weather.forecast')])
    expect(praha.calls).toBe(3)
  })

  test('may be private', async () => {
    const safe = new (module.secretive(cached))()
    expect([await safe.open(), await safe.open()]).toEqual([1, 1])
  })

  test('follows the default cache', async () => {
    const praha = new Weather('praha')
    await praha.forecast(3)
    configure({ caches: { default: {} } })
    await praha.forecast(3)
    expect(praha.calls).toBe(2)
  })

  test('of another class of the same name is an error that asks for `name`', async () => {
    await Weather.stations('CZ')
    await expect(module.namesake(cached).stations()).rejects.toThrow(/called "Weather.stations".*bundler.*`name`/)
  })

  test('that calls what it overrides has the declaring class in the name of that call', async () => {
    const { Animal, Dog, Puppy } = module.overriding(cached)
    const puppy = new Puppy(1)
    expect(await puppy.sound()).toBe('puppy, dog, animal 1')
    expect(await new Dog(1).sound()).toBe('dog, animal 1')
    expect(await new Animal(1).sound()).toBe('animal 1')
    expect((await cache.keys()).keys).toEqual([
      'func::Animal.sound::1',
      'func::Dog(Animal).sound::1',
      'func::Dog.sound::1',
      'func::Puppy(Animal).sound::1',
      'func::Puppy(Dog).sound::1',
      'func::Puppy.sound::1',
    ])
    expect([await puppy.sound(), Animal.calls]).toEqual(['puppy, dog, animal 1', 3])
  })

  test('that is static and calls what it overrides has the declaring class in the name of that call', async () => {
    const { Animal, Dog, Puppy } = module.overriding(cached)
    expect(await Dog.kinds()).toBe('dogs, kinds of Dog')
    expect(await Puppy.kinds()).toBe('dogs, kinds of Puppy')
    expect(await Animal.kinds()).toBe('kinds of Animal')
    expect((await cache.keys()).keys).toEqual([
      'func::Animal.kinds',
      'func::Dog(Animal).kinds',
      'func::Dog.kinds',
      'func::Puppy(Animal).kinds',
      'func::Puppy.kinds',
    ])
  })

  test('called by what overrides it without @cached has both classes in its name', async () => {
    const { Dog } = module.overriding(cached)
    expect(await new Dog(1).food()).toBe('bones, food of 1')
    expect((await cache.keys()).keys).toEqual(['func::Dog(Animal).food::1'])
  })

  test('keeps its name where the instance has the method as a property of its own', async () => {
    const { Animal } = module.overriding(cached)
    const animal = new Animal(1)
    animal.sound = animal.sound.bind(animal)
    expect(await animal.sound()).toBe('animal 1')
    expect((await cache.keys()).keys).toEqual(['func::Animal.sound::1'])
  })

  test('may override one of a class without a name', async () => {
    expect(await new (module.mixed(cached))().load()).toBe('own, mixed in')
    expect((await cache.keys()).keys).toEqual(['func::Mixed(super).load', 'func::Mixed.load'])
  })

  test('may be static beside an instance method of the same name, and then says so in its name', async () => {
    const City = module.twofold(cached)
    expect([await City.load(7), await new City(7).load()]).toEqual(['static 7', 'instance 7 undefined'])
    expect([await City.load(7), await new City(7).load()]).toEqual(['static 7', 'instance 7 undefined'])
    expect((await cache.keys()).keys).toEqual(['func::City.load::7', 'func::static City.load::7'])
  })

  test('inherited by two classes of one name, of which neither extends the other, is an error in production', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const { Weather: Base } = module.decorated(cached)
    const [one, other] = [class extends Base {}, class extends Base {}]
    for (const each of [one, other]) Object.defineProperty(each, 'name', { value: 'Model' })
    expect(await new one('praha').forecast(3)).toBe('3 days in praha')
    await expect(new other('praha').forecast(3)).rejects.toThrow(/called "Model.forecast"/)
  })

  test('has the `cacheName` of its class in its name, if the class itself has one', async () => {
    class Named extends Weather {
      static cacheName = 'weather'
    }
    class Inner extends Named {}
    class Got extends Weather {
      static get cacheName(): string {
        return 'got'
      }
    }
    await new Got('praha').forecast(3)
    await Promise.all([new Named('praha').forecast(3), new Inner('praha').forecast(3), Named.stations('CZ')])
    expect((await cache.keys()).keys).toEqual([
      'func::Inner.forecast::praha::3',
      'func::got.forecast::praha::3',
      'func::weather.forecast::praha::3',
      'func::weather.stations::"CZ"',
    ])
  })

  test('of a class of one or two letters is warned of once for the class, not where it has a `cacheName`', async () => {
    const [one, named] = [class extends Weather {}, class extends Weather {}]
    Object.defineProperty(one, 'name', { value: 'o' })
    Object.defineProperties(named, { name: { value: 't' }, cacheName: { value: 'T' } })
    const told = await warningsDuring('KEYEDCACHE_CLASS_NAME', async () => {
      await new one('praha').forecast(3)
      await new one('brno').forecast(3)
      await one.stations('CZ')
      await new named('praha').forecast(3)
    })
    expect(told).toEqual([expect.stringMatching(/called "o".*bundler.*`--keep-names`.*cacheName.*`name`/)])
  })

  test('keeps the number of its arguments', () => {
    expect([new Weather('praha').forecast.length, new Weather('praha').forecast.name]).toEqual([1, 'forecast'])
  })

  test('of a class without a name is an error that asks for `name`', async () => {
    const [nameless] = module.nameless(cached)
    await expect(nameless.load()).rejects.toThrow(/class without a name.*`cacheName`.*`name`.*bundler/)
  })
})

describe('Wrong use', () => {
  test('under experimentalDecorators is a TypeError that says so', async () => {
    const legacy = await importCompiled<Decorated>(DECORATED, ['--experimentalDecorators'])
    expect(() => legacy.decorated(cached)).toThrow(TypeError)
    expect(() => legacy.decorated(cached)).toThrow(/experimentalDecorators/)
    expect(() => legacy.namesake(cached)).toThrow(/experimentalDecorators/)
  })

  test('on anything but a method is a TypeError', () => {
    const decorate = cached() as unknown as (value: unknown, context: object) => void
    expect(() => decorate(class {}, { kind: 'class', name: 'Weather' })).toThrow(/on a method, got a class/)
    expect(() => decorate(undefined, { kind: 'field', name: 'days' })).toThrow(/on a method, got a field/)
  })

  test.each<[unknown, RegExp]>([
    [{ ttl: -1 }, /`ttl`.*got -1/],
    ['soon', /`ttl`.*got 'soon'/],
    [{ key: 5 }, /`key`.*got 5/],
    [null, /options.*got null/],
    [[60], /options.*got \[ 60 \]/],
    [{ timeout: 'soon' }, /`timeout`.*got 'soon'/],
    [{ early: -1 }, /`early`.*got -1/],
    [{ expires: 60 }, /`expires` of a cached function.*ttl.*key/],
    [async () => 1, /write @cached\(options\) before the method, got \[AsyncFunction/],
  ])('with options %o is a TypeError', (options, message) => {
    expect(() => cached(options as never)).toThrow(TypeError)
    expect(() => cached(options as never)).toThrow(message)
  })
})
