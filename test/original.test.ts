import { expect, test } from 'vitest'
import { cacheKey } from '../src/keys/key.js'
import { describeOnBothStores } from './support/both-stores.js'
import { until } from './support/until.js'

/** What the tests of django-keyedcache check, line by line. */
describeOnBothStores('As the original did, keyedcache', (open) => {
  test('computes the result of a function once until its ttl has passed, and then once more', async () => {
    const cache = open()
    let runs = 0
    const slow = cache.wrap(async (from: number) => ({ from, run: ++runs }), { name: 'slow', ttl: '1500ms' })
    const began = performance.now()
    expect(await slow(1)).toEqual({ from: 1, run: 1 })
    expect(await slow(1)).toEqual({ from: 1, run: 1 })
    await until(async () => !(await cache.has(slow.key(1))), 'the result has expired')
    expect(performance.now() - began).toBeGreaterThanOrEqual(1495)
    expect(await slow(1)).toEqual({ from: 1, run: 2 })
  })

  test('computes again what a deleted function had cached', async () => {
    const cache = open()
    let runs = 0
    const slow = cache.wrap(async (x: number) => x + 100 * ++runs, { name: 'slow' })
    expect([await slow(1), await slow(2), await slow(1)]).toEqual([101, 202, 101])
    expect(await slow.clear()).toBe(2)
    expect([await slow(1), await slow(2)]).toEqual([301, 402])
    expect(await slow.delete(1)).toEqual(['func::slow::1'])
    expect([await slow(1), await slow(2)]).toEqual([501, 402])
  })

  test('fails to get nothing, and names the key', async () => {
    const cache = open()
    await expect(cache.get(['not', 'there'])).rejects.toMatchObject({
      name: 'NotCachedError',
      code: 'ERR_NOT_CACHED',
      key: 'not::there',
      message: expect.stringContaining('"not::there"'),
    })
  })

  test('gives the default instead of nothing', async () => {
    const cache = open()
    expect(await cache.get('nothing', { default: null })).toBeNull()
    expect(await cache.get('nothing', { default: 5 })).toBe(5)
    await cache.set('something', 6)
    expect(await cache.get('something', { default: 5 })).toBe(6)
  })

  test('no longer has a value whose ttl has passed', async () => {
    const cache = open()
    await cache.set('short', 1, { ttl: '1500ms' })
    await cache.set('long', 2, { ttl: 60 })
    expect(await cache.get('short')).toBe(1)
    await until(async () => (await cache.get('short', { default: 'gone' })) === 'gone', 'the ttl has passed')
    await expect(cache.get('short')).rejects.toThrow('short')
    expect(await cache.get('long')).toBe(2)
    expect((await cache.keys()).keys).toEqual(['long'])
  })

  test('deletes exactly the key it is given, and leaves siblings and children', async () => {
    const cache = open()
    await cache.set('product', 1)
    await cache.set(['product', 123], 2)
    await cache.set(['product', 1234], 3)
    await cache.set(['product', 123, 'x'], 4)
    expect(await cache.delete(['product', 123])).toEqual(['product::123'])
    expect(await cache.getMany(['product', ['product', 123], ['product', 1234], ['product', 123, 'x']])).toEqual([
      1,
      undefined,
      3,
      4,
    ])
    expect(await cache.delete(['product', 123])).toEqual([])
  })

  test('deletes a key of 61 with its children, and nothing else', async () => {
    const cache = open()
    const five = ['1', '2', '3', '4', '5']
    const tree = five.flatMap((a) => [['test', a], ...five.map((b) => ['test', a, b])])
    const below = five.flatMap((a) => five.map((b) => ['test', a, b, 'deep']))
    const keys = [['test'], ...tree, ...below.slice(0, 25), ...five.map((a) => ['other', a])].map((parts) =>
      cacheKey(...parts),
    )
    expect(keys).toHaveLength(61)
    await cache.setMany(keys.map((key) => [key, key]))
    const removed = await cache.delete(['test', 2], { children: true })
    const subtree = keys.filter((key) => key === 'test::2' || key.startsWith('test::2::'))
    expect(subtree).toHaveLength(11)
    expect(removed.toSorted()).toEqual(subtree.toSorted())
    expect(await cache.getMany(keys)).toEqual(keys.map((key) => (subtree.includes(key) ? undefined : key)))
    expect(await cache.count()).toBe(50)
    expect(await cache.delete('test', { children: true })).toHaveLength(45)
    expect((await cache.keys()).keys).toEqual(five.map((a) => `other::${a}`))
  })

  test('neither stores nor answers while disabled, and has what it had when enabled again', async () => {
    const cache = open()
    await cache.set('kept', 1)
    cache.enable(false)
    expect(cache.enabled).toBe(false)
    expect(await cache.set('new', 2)).toBe(false)
    expect(await cache.set('kept', 3)).toBe(false)
    await expect(cache.get('kept')).rejects.toMatchObject({ key: 'kept' })
    expect(await cache.get('kept', { default: 4 })).toBe(4)
    expect(await cache.has('kept')).toBe(false)
    cache.enable()
    expect(cache.enabled).toBe(true)
    expect(await cache.get('kept')).toBe(1)
    expect(await cache.has('new')).toBe(false)
  })

  test('forms its keys of parts and pairs', () => {
    const cache = open()
    expect(cache.key('test')).toBe('test')
    expect(cache.key('test', 2)).toBe('test::2')
    expect(cache.key('test', { more: 'yes' })).toBe('test::more::yes')
    expect(cache.key('test', 3, { more: 'yes' })).toBe('test::3::more::yes')
    expect(cache.keyUnder('test', 3, { more: 'yes' })).toBe('test::3::more::yes')
  })
})
