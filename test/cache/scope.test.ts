import { expect, test } from 'vitest'
import { NotCachedError } from '../../src/index.js'
import { describeOnBothStores } from '../support/both-stores.js'

describeOnBothStores('A scope', (open) => {
  test('stores under the key that its parts make', async () => {
    const cache = open()
    const shop = cache.scope('shop', { country: 'CZ' })
    await shop.set('price', 1)
    await shop.set(['product', 7], 2)
    await shop.set({ product: 8 }, 3)
    expect((await cache.keys()).keys).toEqual([
      'shop::country::CZ::price',
      'shop::country::CZ::product::7',
      'shop::country::CZ::product::8',
    ])
    expect(await shop.getMany(['price', 'product::7', ['product', '8'], 'none'])).toEqual([1, 2, 3, undefined])
    expect(await cache.get('price', { default: null })).toBeNull()
  })

  test('takes strings for whole keys relative to it, and gives full keys back', async () => {
    const cache = open()
    const shop = cache.scope('shop')
    expect(shop.key('product', 7)).toBe('shop::product::7')
    expect(shop.key('a::b')).toBe('shop::a%3A%3Ab')
    expect(shop.keyUnder('product::7', 'price')).toBe('shop::product::7::price')
    await shop.set('product::7', 1)
    await shop.set('product::7::price', 2)
    expect(await shop.has('product::7')).toBe(true)
    // its own full key is not relative
    expect(await shop.has(shop.key('product', 7))).toBe(false)
    await expect(shop.get('product::9')).rejects.toThrow(NotCachedError)
    await expect(shop.get('product::9')).rejects.toMatchObject({ key: 'shop::product::9' })
    expect(await shop.delete('product::7', { children: true })).toEqual(['shop::product::7', 'shop::product::7::price'])
  })

  test('in a scope is below both', async () => {
    const cache = open()
    const inner = cache.scope('a').scope('b', 1).scope({ c: 2 })
    expect(inner.key('x')).toBe('a::b::1::c::2::x')
    await inner.set('x', 1)
    expect(await cache.scope('a', 'b').get('1::c::2::x')).toBe(1)
    expect(await cache.get('a::b::1::c::2::x')).toBe(1)
  })

  test('reaches nothing outside, whatever text it is given', async () => {
    const cache = open()
    await cache.set('secret', 1)
    await cache.set('shop2::x', 1)
    const shop = cache.scope('shop')
    for (const key of ['::secret', '..::secret', '%', ' ::secret', '#::secret']) {
      expect(await shop.has(key)).toBe(false)
      expect(shop.keyUnder(key, 'x').startsWith('shop::')).toBe(true)
    }
    await shop.delete('::', { children: true })
    expect((await cache.keys()).keys).toEqual(['secret', 'shop2::x'])
  })

  test('computes what is missing; the context says the full key', async () => {
    const cache = open()
    const shop = cache.scope('shop')
    const computed: string[] = []
    const compute = (): Promise<string> =>
      shop.getOrSet('x', ({ key }) => {
        computed.push(key)
        return key
      })
    expect([await compute(), await compute()]).toEqual(['shop::x', 'shop::x'])
    expect(computed).toEqual(['shop::x'])
  })

  test('computes many keys, and asks for them as they were given', async () => {
    const cache = open()
    const shop = cache.scope('shop')
    await shop.setMany(new Map([['a', 1]]))
    const asked: unknown[] = []
    const values = await shop.getOrSetMany(['a', ['b', 1], 'c', ['b', 1]], (missing) => {
      asked.push(...missing)
      return missing.map((key) => (Array.isArray(key) ? 'array' : 'text'))
    })
    expect(values).toEqual([1, 'array', 'text', 'array'])
    expect(asked).toEqual([['b', 1], 'c'])
    expect(await cache.getMany(['shop::a', 'shop::b::1', 'shop::c'])).toEqual([1, 'array', 'text'])
  })

  test('takes the options of the cache', async () => {
    const cache = open()
    const shop = cache.scope('shop')
    await shop.set('x', 1, { ttl: '1h' })
    expect((await cache.entry('shop::x'))?.ttl).toBeCloseTo(3600, -2)
    expect(await shop.set('x', 1, { ttl: 0 })).toBe(true)
    expect(await shop.get('x', { default: 'none' })).toBe('none')
    expect(await shop.getMany(['x'], { default: 'none' })).toEqual(['none'])
  })

  test('rejects wrong use with a TypeError', async () => {
    const cache = open()
    const shop = cache.scope('shop')
    expect(() => cache.scope()).toThrow(TypeError)
    expect(() => shop.scope(undefined as never)).toThrow(TypeError)
    expect(() => shop.key()).toThrow(TypeError)
    for (const call of [
      () => shop.get(''),
      () => shop.set([], 1),
      () => shop.delete(undefined as never),
      () => shop.getMany('x' as never),
      () => shop.getOrSetMany('x' as never, () => []),
      () => shop.getOrSet('x', 5 as never),
      () => shop.set('x', 1, { ttl: -1 }),
    ]) {
      await expect(call()).rejects.toThrow(TypeError)
    }
    await expect(shop.getMany(5 as never)).rejects.toThrow(/array, got 5/)
  })

  test('counts its own parts among the 32 of a key', async () => {
    let scope = open().scope('0')
    for (let i = 1; i < 31; i++) scope = scope.scope(i)
    await scope.set('x', 1)
    expect(scope.key('x').split('::')).toHaveLength(32)
    expect(() => scope.key('x', 'y')).toThrow(/32 parts/)
    await expect(scope.set('x::y', 1)).rejects.toThrow(/32 parts/)
  })
})
