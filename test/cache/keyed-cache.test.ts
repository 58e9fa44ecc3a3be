import { expect, test } from 'vitest'
import type { CacheEvents } from '../../src/contract/cache-events.js'
import { defaultSerializer } from '../../src/values/serializer.js'
import { allAnswer } from '../support/all-answer.js'
import { describeOnBothStores } from '../support/both-stores.js'
import { until } from '../support/until.js'
import { warningsDuring } from '../support/warnings.js'

describeOnBothStores('Reading and writing', (open) => {
  test('gives what was set, and rejects with the key when there is nothing', async () => {
    const cache = open()
    expect(await cache.set(['product', 1], { name: 'x' })).toBe(true)
    expect(await cache.get('product::1')).toEqual({ name: 'x' })
    await expect(cache.get(['product', 2])).rejects.toMatchObject({ code: 'ERR_NOT_CACHED', key: 'product::2' })
    await expect(cache.get('product::2', {} as { default: undefined })).rejects.toMatchObject({ key: 'product::2' })
  })

  test('gives a default that is present, also undefined, and not in place of a stored null or undefined', async () => {
    const cache = open()
    expect(await cache.get('nothing', { default: undefined })).toBeUndefined()
    expect(await cache.get('nothing', { default: null })).toBeNull()
    await cache.setMany([
      ['null', null],
      ['undefined', undefined],
    ])
    expect(await cache.get('null', { default: 1 })).toBeNull()
    expect(await cache.get('undefined', { default: 1 })).toBeUndefined()
    expect(await cache.get('undefined')).toBeUndefined()
    expect(await cache.has('undefined')).toBe(true)
    expect(await cache.getMany(['null', 'undefined', 'nothing'], { default: 1 })).toEqual([null, undefined, 1])
  })

  test('reads and writes many keys at once, in their order', async () => {
    const cache = open()
    expect(await cache.setMany(new Map([['a', 1], ['b', 2]]))).toBe(true) // prettier-ignore
    expect(await cache.setMany([])).toBe(true)
    expect(await cache.getMany([['b'], 'nothing', 'a', 'b'])).toEqual([2, undefined, 1, 2])
    expect(await cache.getMany(['nothing', 'a'], { default: 'd' })).toEqual(['d', 1])
    expect(await cache.getMany([])).toEqual([])
  })

  test('knows what it has', async () => {
    const cache = open()
    await cache.set('a', 1)
    expect(await cache.has('a')).toBe(true)
    expect(await cache.has('a::b')).toBe(false)
  })

  test('finds one value under every form of its key', async () => {
    const cache = open()
    await cache.set({ product: 123 }, 'x')
    expect(await cache.getMany([['product', '123'], 'product::123', { product: 123n }])).toEqual(['x', 'x', 'x'])
    expect((await cache.keys()).keys).toEqual(['product::123'])
  })

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['booleans', [true, false]],
    ['numbers', [0, 1.5, NaN, Infinity, -Infinity, 2 ** 53]],
    ['big integers', [0n, -(2n ** 100n)]],
    ['text', ['', 'a', '🔑 \u0000 ::']],
    ['plain objects', { a: { b: [1, { c: null }] }, constructor: 1 }],
    ['objects without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['dates', [new Date(0), new Date(NaN)]],
    ['regular expressions', /a+b/giu],
    ['errors', new RangeError('message', { cause: 'cause' })],
    ['maps and sets', new Map<unknown, unknown>([['a', new Set([1, [2]])], [{ b: 1 }, 2]])], // prettier-ignore
    ['buffers', Buffer.from([0, 255, 193])],
    ['array buffers', Uint8Array.from([1, 2]).buffer],
    ['typed arrays', [Uint8Array.from([1]), Float64Array.from([0.5, NaN]), BigInt64Array.from([-1n])]],
  ])('gives %s back as they went in', async (_kind, value) => {
    const cache = open()
    expect(await cache.set('a', value)).toBe(true)
    const back = await cache.get('a')
    expect(back).toEqual(value)
    expect(Object.prototype.toString.call(back)).toBe(Object.prototype.toString.call(value))
    if (value !== null && typeof value === 'object') {
      expect(Object.getPrototypeOf(back)).toBe(Object.getPrototypeOf(value))
      expect(back).not.toBe(value)
    }
  })

  class Point {
    x = 1
  }

  test.each<[string, unknown, string]>([
    ['a function', { a: [() => 1] }, 'a[0]'],
    ['a class instance', { a: { b: new Point() } }, 'a.b'],
    ['a symbol', [Symbol('s')], '[0]'],
    ['an own __proto__', { a: JSON.parse('{ "__proto__": 1 }') as unknown }, 'a'],
  ])('refuses to set %s, naming the path, and leaves what was there', async (_kind, value, path) => {
    const cache = open()
    await cache.set('a', 'old')
    const setting = cache.set('a', value)
    await expect(setting).rejects.toThrow(TypeError)
    await expect(setting).rejects.toThrow(path)
    expect(await cache.get('a')).toBe('old')
    await expect(cache.setMany([['b', 1], ['c', value]])).rejects.toThrow(TypeError) // prettier-ignore
    expect(await cache.has('b')).toBe(false)
  })

  test('never lets one caller change what another one gets', async () => {
    const cache = open()
    const value = { list: [1], map: new Map([['a', 1]]), bytes: Buffer.from('abc') }
    await cache.set('a', value)
    value.list.push(2)
    const first = await cache.get<typeof value>('a')
    first.list.push(3)
    first.map.set('b', 2)
    first.bytes.fill(0)
    const [second] = await cache.getMany<typeof value>(['a'])
    expect(second).toEqual({ list: [1], map: new Map([['a', 1]]), bytes: Buffer.from('abc') })
  })

  test('keeps a value for its ttl, in seconds or as text, and for that of the cache without one', async () => {
    const cache = open({ ttl: '10m' })
    await cache.set('default', 1)
    await cache.set('seconds', 1, { ttl: 20.5 })
    await cache.set('text', 1, { ttl: '2h' })
    await cache.set('ever', 1, { ttl: Infinity })
    const ttls = await Promise.all(
      ['default', 'seconds', 'text', 'ever'].map(async (key) => (await cache.entry(key))?.ttl),
    )
    for (const [i, expected] of [600, 20.5, 7200].entries()) {
      expect(ttls[i]).toBeLessThanOrEqual(expected)
      expect(ttls[i]).toBeGreaterThan(expected - 10)
    }
    expect(ttls[3]).toBe(Infinity)
  })

  test('is said to live no longer than it was given to, however often that is asked', async () => {
    const cache = open()
    for (let i = 0; i < 100; i++) {
      await cache.set('a', i, { ttl: 3 }) // eslint-disable-line no-await-in-loop
      expect((await cache.entry('a'))?.ttl).toBeLessThanOrEqual(3) // eslint-disable-line no-await-in-loop
    }
  })

  test('of more text than a text can have is not stored, and leaves no older one', async () => {
    const cache = open()
    const operations: string[] = []
    cache.on('error', ({ operation, key }) => operations.push(`${operation} ${key}`))
    await cache.setMany([['a', 'old'], ['b', 'old']]) // prettier-ignore
    const half = 'x'.repeat(2 ** 28)
    expect(await cache.setMany([['a', [half, half, half]], ['b', 'new']])).toBe(false) // prettier-ignore
    expect(await cache.getMany(['a', 'b'])).toEqual([undefined, 'new'])
    expect(operations).toEqual(['set a'])
  })

  test('is kept however long its ttl is, and takes no other with it', async () => {
    const cache = open()
    const long = [1e15, 1e17, 1e300, Number.MAX_VALUE, '999999999999999y']
    const sets = long.flatMap((ttl, i) => [
      cache.set(['long', i], i, { ttl }),
      cache.set(['grace', i], i, { ttl: 60, grace: ttl }),
      cache.set(['other', i], i),
      cache.getOrSet(['computed', i], () => i, { ttl, grace: ttl }),
    ])
    expect(await Promise.all(sets)).toEqual(long.flatMap((_, i) => [true, true, true, i]))
    for (const [i] of long.entries()) {
      // eslint-disable-next-line no-await-in-loop
      expect(await cache.getMany([['long', i], ['grace', i], ['other', i], ['computed', i]])).toEqual([i, i, i, i]) // prettier-ignore
    }
  })

  test('with a ttl of 0 removes what was there', async () => {
    const cache = open()
    await cache.set('a', 1)
    const stored: boolean[] = []
    cache.on('set', (event) => stored.push(event.stored))
    expect(await cache.set('a', 2, { ttl: 0 })).toBe(true)
    expect(stored).toEqual([false])
    expect(await cache.has('a')).toBe(false)
    expect(await cache.count()).toBe(0)
  })

  test('answers false for a value that is too large, tells why, and leaves no older value either', async () => {
    const cache = open({ maxValueBytes: 1000 })
    const errors: CacheEvents['error'][] = []
    cache.on('error', (event) => errors.push(event))
    await cache.set('a', 'old')
    expect(await cache.set('a', 'x'.repeat(2000))).toBe(false)
    expect(await cache.has('a')).toBe(false)
    expect(errors).toEqual([{ operation: 'set', key: 'a', error: expect.any(RangeError) }])
    expect(String(errors[0]?.error)).toContain('maxValueBytes')
    expect(await cache.setMany([['b', 1], ['c', 'x'.repeat(2000)], ['d', 2]])).toBe(false) // prettier-ignore
    expect(await cache.getMany(['b', 'c', 'd'])).toEqual([1, undefined, 2])
  })

  test('neither lists nor counts what it no longer finds, however long it took to encode', async () => {
    const slow = {
      ...defaultSerializer,
      encode(value: unknown): Buffer {
        const endMs = performance.now() + 100
        while (performance.now() < endMs);
        return defaultSerializer.encode(value)
      },
    }
    const cache = open({ serializer: slow })
    await cache.set('a', 1, { ttl: '300ms' })
    await until(async () => (await cache.get('a', { default: 'gone' })) === 'gone', 'its ttl has passed')
    expect(await cache.keys()).toMatchObject({ keys: [] })
    expect(await cache.count()).toBe(0)
  })

  test('takes an entry past its ttl for a miss, although it is kept for its grace', async () => {
    const cache = open()
    await cache.set('a', 1, { ttl: '500ms', grace: 60 })
    expect(await cache.entry('a')).toMatchObject({ stale: false })
    await until(async () => (await cache.entry('a'))?.stale, 'the ttl has passed')
    expect(await cache.has('a')).toBe(false)
    await expect(cache.get('a')).rejects.toMatchObject({ key: 'a' })
    expect(await cache.getMany(['a'], { default: 'd' })).toEqual(['d'])
    expect(await cache.entry('a', { value: true })).toMatchObject({ ttl: 0, stale: true, value: 1 })
  })

  test('deletes a key, or with children the keys below it too, and names them', async () => {
    const cache = open()
    await cache.setMany(['p', 'p::1', 'p::1::x', 'p::2'].map((key) => [key, key]))
    expect(await cache.delete(['p', 1])).toEqual(['p::1'])
    expect(await cache.delete(['p', 1], { children: false })).toEqual([])
    expect((await cache.delete({ p: 1 }, { children: true })).toSorted()).toEqual(['p::1::x'])
    expect((await cache.delete('p', { children: true })).toSorted()).toEqual(['p', 'p::2'])
    expect(await cache.delete('p', { children: true })).toEqual([])
  })

  test('clears everything and says how much that was', async () => {
    const cache = open()
    await cache.setMany([['a', 1], ['a::b', 2], ['c', 3]]) // prettier-ignore
    expect(await cache.clear()).toBe(3)
    expect(await cache.clear()).toBe(0)
    expect(await cache.keys()).toEqual({ keys: [], next: undefined, total: 0 })
  })
})

describeOnBothStores('Looking into a cache', (open) => {
  test('lists keys, 100 on a page without a limit', async () => {
    const cache = open()
    await cache.setMany(Array.from({ length: 120 }, (_, i) => [['p', 1000 + i], i] as const))
    const first = await cache.keys('p')
    expect(first.keys).toHaveLength(100)
    expect(first).toMatchObject({ next: 'p::1099', total: 120 })
    expect(await cache.keys(['p'], { after: 'p::1099' })).toMatchObject({ next: undefined, total: 120 })
    expect((await cache.keys(undefined, { limit: 1000 })).keys).toHaveLength(120)
    expect((await cache.children('p')).children).toHaveLength(100)
    expect((await cache.children()).children).toEqual([{ segment: 'p', key: 'p', isKey: false, count: 120 }])
    expect([
      await cache.count(),
      await cache.count('p'),
      await cache.count(['p', 1000]),
      await cache.count('q'),
    ]).toEqual([120, 120, 1, 0])
  })

  test('says what is known of an entry, its value only when asked', async () => {
    const cache = open()
    const before = Date.now()
    await cache.set('a', [1], { ttl: 100, tags: ['t', 'u', 't'] })
    const entry = await cache.entry('a')
    expect(entry).toEqual({
      key: 'a',
      ttl: expect.any(Number),
      stale: false,
      size: expect.any(Number),
      createdAt: expect.any(Date),
      computeMs: undefined,
      tags: ['t', 'u'],
    })
    expect(entry).not.toHaveProperty('value')
    expect(entry?.ttl).toBeGreaterThan(90)
    expect(entry?.size).toBeGreaterThan(22)
    expect(Math.abs((entry?.createdAt.getTime() ?? 0) - before)).toBeLessThan(5000)
    expect((await cache.entry('a', { value: true }))?.value).toEqual([1])
    expect(await cache.entry('nothing')).toBeUndefined()
  })

  test('gives a copy of the bytes that are stored', async () => {
    const cache = open()
    await cache.set('a', [1])
    const bytes = await cache.bytes('a')
    expect(bytes).toHaveLength((await cache.entry('a'))?.size ?? 0)
    bytes?.fill(0)
    expect(await cache.get('a')).toEqual([1])
    expect(await cache.bytes('nothing')).toBeUndefined()
    expect(await cache.stats()).toMatchObject({ calls: 1 })
  })

  test('takes a probe that leaves nothing behind', async () => {
    const cache = open()
    await allAnswer(cache)
    expect(await cache.count()).toBe(0)
    expect((await cache.children()).children).toEqual([])
  })
})

describeOnBothStores('Switching and closing a cache', (open) => {
  test('has the name it was given, and its ttl', () => {
    expect(open({ name: 'mine', ttl: '2m' })).toMatchObject({ name: 'mine', ttl: 120, enabled: true })
    expect(open()).toMatchObject({ name: 'default', ttl: 300 })
  })

  test('deletes and clears while disabled, and calls through', async () => {
    const cache = open()
    await cache.setMany([['a', 1], ['a::b', 2], ['c', 3], ['d', 4]]) // prettier-ignore
    cache.enable(false)
    expect(await cache.getMany(['a', 'c'], { default: 0 })).toEqual([0, 0])
    expect(await cache.setMany([['e', 1]])).toBe(false)
    expect(await cache.getOrSet('a', () => 'computed')).toBe('computed')
    expect(await cache.getOrSetMany(['a', 'c'], (missing) => missing)).toEqual(['a', 'c'])
    expect((await cache.delete('a', { children: true })).toSorted()).toEqual(['a', 'a::b'])
    cache.enable(true)
    expect(await cache.getMany(['a', 'c', 'd', 'e'])).toEqual([undefined, 3, 4, undefined])
    cache.enable(false)
    expect(await cache.clear()).toBe(2)
  })

  test('closes more than once, and by `await using`', async () => {
    const cache = open()
    await cache.set('a', 1)
    await cache.close()
    await cache.close()
    await open()[Symbol.asyncDispose]()
  })
})

describeOnBothStores('The events of a cache', (open) => {
  test('tell what happens', async () => {
    const cache = open()
    const told: unknown[] = []
    for (const name of ['hit', 'miss', 'set', 'delete', 'compute'] as const) {
      expect(cache.on(name, (event) => told.push([name, event]))).toBe(cache)
    }
    await cache.get('a', { default: 0 })
    await cache.set('a', 1)
    await cache.get('a')
    await cache.getOrSet('b', () => 2)
    await cache.delete('a', { children: true })
    await cache.clear()
    expect(told).toEqual([
      ['miss', { key: 'a' }],
      ['set', { key: 'a', stored: true }],
      ['hit', { key: 'a', by: 'store', stale: false, savedMs: 0 }],
      ['compute', { key: 'b', computeMs: expect.any(Number), stored: true }],
      ['miss', { key: 'b' }],
      ['delete', { key: 'a', children: true, count: 1 }],
      ['delete', { key: undefined, children: true, count: 1 }],
    ])
  })

  test('are told no more to a listener that was taken off', async () => {
    const cache = open()
    const told: string[] = []
    const listener = ({ key }: { key: string }): void => void told.push(key)
    cache.on('miss', listener)
    await cache.get('a', { default: 0 })
    expect(cache.off('miss', listener)).toBe(cache)
    await cache.get('b', { default: 0 })
    expect(told).toEqual(['a'])
  })

  test('fail neither the call nor each other when a listener throws: that is a warning', async () => {
    const cache = open()
    const told: string[] = []
    cache.on('set', () => {
      throw new Error('of the listener')
    })
    cache.on('set', ({ key }) => void told.push(key))
    const warnings = await warningsDuring('KEYEDCACHE_LISTENER', async () => {
      expect(await cache.set('a', 1)).toBe(true)
    })
    expect(warnings).toEqual([expect.stringContaining('of the listener')])
    expect(told).toEqual(['a'])
  })
})
