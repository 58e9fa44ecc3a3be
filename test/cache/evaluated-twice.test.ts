import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  cacheFunction,
  type CachedInstance,
  closeCaches,
  configure,
  createKeyedCache,
  type KeyedCache,
} from '../../src/index.js'
import { warningsDuring } from '../support/warnings.js'

interface Module {
  priceOf(product: string): Promise<string>
  readonly Product: new () => CachedInstance
}

const PACKAGE = new URL('../../dist/index.js', import.meta.url).href
const PRICES = `
  import { cacheFunction } from '${PACKAGE}'
  export const priceOf = cacheFunction({ ttl: 60 })(async function priceOf(product) {
    return product + ' costs 1'
  })
`
const PRODUCT = `
  import { CachedObject } from '${PACKAGE}'
  class Base {
    id = 1
  }
  export class Product extends CachedObject(Base) {
    name = 'shoe'
  }
`

let folder: string
let cache: KeyedCache
let evaluations = 0

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyedcache-evaluated-'))
})

afterAll(async () => rm(folder, { recursive: true, force: true }))

beforeEach(() => {
  cache = configure({ caches: { default: {} } })
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await closeCaches()
})

/** Evaluates a module, as a dev server does again when a file has changed. */
async function evaluate(source: string): Promise<Module> {
  const file = join(folder, 'prices.mjs')
  await writeFile(file, source)
  const { href } = pathToFileURL(file)
  return (await import(/* @vite-ignore */ `${href}?${evaluations++}`)) as Module
}

describe('A module that is evaluated again', () => {
  test('has its functions take the place of those before, with one warning', async () => {
    const before = await evaluate(PRICES)
    await before.priceOf('shoe')
    const told = await warningsDuring('KEYEDCACHE_TAKEN_OVER', async () => {
      for (const product of ['shoe', 'sandal']) {
        // eslint-disable-next-line no-await-in-loop -- one evaluation after the other
        const { priceOf } = await evaluate(PRICES)
        // eslint-disable-next-line no-await-in-loop
        expect(await priceOf(product)).toBe(`${product} costs 1`)
      }
      expect(await before.priceOf('boot')).toBe('boot costs 1')
    })
    expect(told).toEqual([expect.stringMatching(/"priceOf" takes the place.*evaluates a module again.*In production/)])
    expect((await cache.keys()).keys).toEqual(['boot', 'sandal', 'shoe'].map((each) => `func::priceOf::"${each}"`))
  })

  test('after an edit of the function is an error that says so', async () => {
    await (await evaluate(PRICES)).priceOf('shoe')
    const { priceOf } = await evaluate(PRICES.replace('costs 1', 'costs 2'))
    await expect(priceOf('shoe')).rejects.toThrow(
      /called "priceOf".*evaluated a module again after an edit, restart it/,
    )
  })

  test('is an error in production', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    await (await evaluate(PRICES)).priceOf('shoe')
    const { priceOf } = await evaluate(PRICES)
    await expect(priceOf('shoe')).rejects.toThrow(/Two cached functions are called "priceOf"/)
  })
})

describe('A module with a cached class that is evaluated again', () => {
  test('has its class take the place of the one before, with one warning', async () => {
    const before = await evaluate(PRODUCT)
    await new before.Product().cacheSet()
    const told = await warningsDuring('KEYEDCACHE_TAKEN_OVER', async () => {
      const { Product } = await evaluate(PRODUCT)
      expect(await new Product().cacheGet()).toBeInstanceOf(Product)
      expect(await new before.Product().cacheGet()).toBeInstanceOf(before.Product)
    })
    expect(told).toEqual([expect.stringMatching(/cached class called "Product" takes the place/)])
  })

  test.each([
    ['the class', "name = 'boot'"],
    ['its base', 'id = 2'],
  ])('after an edit of %s is an error that says so', async (_what, edited) => {
    await new (await evaluate(PRODUCT)).Product().cacheSet()
    const { Product } = await evaluate(PRODUCT.replace(edited.startsWith('id') ? 'id = 1' : "name = 'shoe'", edited))
    await expect(new Product().cacheGet()).rejects.toThrow(
      /called "Product".*`static cacheName.*after an edit, restart/,
    )
  })

  test('is an error in production', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    await new (await evaluate(PRODUCT)).Product().cacheSet()
    const { Product } = await evaluate(PRODUCT)
    await expect(new Product().cacheGet()).rejects.toThrow(/Two cached classes are called "Product"/)
  })
})

describe('Two functions of one name are an error, though their source reads the same,', () => {
  test('where it is no source, as of bound functions', () => {
    cache.wrap(cache.get.bind(cache), { name: 'priceOf' })
    expect(() => cache.wrap(cache.has.bind(cache), { name: 'priceOf' })).toThrow(/called "priceOf"/)
  })

  test('where it is that of cached functions, of different ones', () => {
    const local = createKeyedCache()
    local.wrap(
      cache.wrap(async () => 1, { name: 'first' }),
      { name: 'priceOf' },
    )
    const second = cacheFunction({ name: 'second' })(async () => 2)
    expect(() => local.wrap(second, { name: 'priceOf' })).toThrow(/called "priceOf"/)
  })
})
