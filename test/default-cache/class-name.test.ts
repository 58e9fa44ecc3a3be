import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CachedObject, closeCaches, configure, createKeyedCache, type KeyedCache } from '../../src/index.js'
import { warningsDuring } from '../support/warnings.js'

let cache: KeyedCache

beforeEach(() => {
  cache = configure({ caches: { default: {} } })
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await closeCaches()
})

/** Two classes that a minifier calls by the same name. */
function minified(name: string) {
  class User extends CachedObject() {
    id = 1
    name = 'Ada'
  }
  class Invoice extends CachedObject() {
    id = 1
    total = 5
  }
  for (const each of [User, Invoice]) Object.defineProperty(each, 'name', { value: name })
  return { User, Invoice }
}

describe('A class of a name that another class has', () => {
  test('is an error at first use that asks for `static cacheName`, and reads nothing of the other', async () => {
    const { User, Invoice } = minified('Model')
    await new User().cacheSet()
    const taken = /called "Model".*a bundler may have changed their names.*`--keep-names`.*static cacheName/
    const load = async (): Promise<object> => ({ id: 1, total: 5 })
    await expect(Invoice.findCached(1, load)).rejects.toThrow(taken)
    for (const call of ['cacheGet', 'cacheSet', 'cacheDelete', 'cacheReset', 'isCached'] as const) {
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await expect(new Invoice()[call]()).rejects.toThrow(taken)
    }
    expect(await new User().cacheGet()).toEqual({ id: 1, name: 'Ada' })
  })

  test('is an error where its key is a part of another key', async () => {
    const { User, Invoice } = minified('Model')
    await cache.set(['page', new User()], 'of Ada')
    expect(() => cache.key('page', new Invoice())).toThrow(/called "Model"/)
    await expect(cache.get(['page', new Invoice()])).rejects.toThrow(/called "Model"/)
    expect(() => new Invoice().cacheKey('lines')).toThrow(/called "Model"/)
    expect(await cache.get(['page', new User()])).toBe('of Ada')
  })

  test('asks for no cache that is not made yet where only its key is built', async () => {
    await closeCaches()
    vi.stubEnv('KEYEDCACHE_TTL', 'wrong')
    const { User, Invoice } = minified('Model')
    expect([new User().cacheKey(), new Invoice().cacheKey()]).toEqual(['Model::1', 'Model::1'])
  })

  test('may have it in another cache, where it has none there', async () => {
    const { User } = minified('Model')
    const invoices = createKeyedCache()
    class Model extends CachedObject(undefined, { cache: invoices }) {
      id = 1
    }
    await new User().cacheSet()
    await new Model().cacheSet()
    expect([await cache.count(), await invoices.count()]).toEqual([1, 1])
    await invoices.close()
  })

  test('has it once more when the caches are configured anew', async () => {
    const { User, Invoice } = minified('Model')
    await new User().cacheSet()
    configure({ caches: { default: {} } })
    expect(await new Invoice().cacheSet()).toBe(true)
  })
})

describe('A class may have the name', () => {
  test('of its base, whichever of them is used first', async () => {
    class Product extends CachedObject() {
      id = 1
    }
    class Traced extends Product {}
    Object.defineProperty(Traced, 'name', { value: 'Product' })
    await new Traced().cacheSet()
    expect(await new Product().isCached()).toBe(true)
    configure({ caches: { default: {} } })
    await new Product().cacheSet()
    expect(await new Traced().isCached()).toBe(true)
  })

  test('that its base has assigned, as others that are derived of that', async () => {
    class Animal extends CachedObject() {
      static override cacheName = 'animal'
      id = 1
    }
    class Cat extends Animal {}
    class Dog extends Animal {
      override id = 2
    }
    await new Cat().cacheSet()
    expect(await new Dog().cacheSet()).toBe(true)
    expect((await cache.keys()).keys).toEqual(['animal::1', 'animal::2'])
  })
})

describe('A class of a name of one or two letters', () => {
  test.each(['o', 'ab'])('such as %s is warned of once, in each cache', async (name) => {
    const { User } = minified(name)
    const told = await warningsDuring('KEYEDCACHE_CLASS_NAME', async () => {
      await new User().cacheSet()
      await new User().cacheGet()
    })
    expect(told).toEqual([
      expect.stringMatching(/called "\w\w?", as minifiers.*bundler.*`--keep-names`.*static cacheName/),
    ])
  })

  test('is not warned of where the name is assigned, nor is one of three letters', async () => {
    const { User } = minified('o')
    User.cacheName = 'U'
    const { User: Three } = minified('Car')
    const told = await warningsDuring('KEYEDCACHE_CLASS_NAME', async () => {
      await new User().cacheSet()
      await new Three().cacheSet()
    })
    expect(told).toEqual([])
  })
})
