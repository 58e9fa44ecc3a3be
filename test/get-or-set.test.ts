import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { FactoryContext } from '../src/cache/cache.js'
import { describeOnBothStores } from './support/both-stores.js'
import { until } from './support/until.js'
import { warningsDuring } from './support/warnings.js'

describeOnBothStores('getOrSet', (open) => {
  test('computes what is not there, stores it, and answers from there', async () => {
    const cache = open()
    let runs = 0
    const compute = async (): Promise<{ run: number }> => ({ run: ++runs })
    expect(await cache.getOrSet(['p', 1], compute, { ttl: 100 })).toEqual({ run: 1 })
    expect(await cache.getOrSet('p::1', compute)).toEqual({ run: 1 })
    expect(await cache.get('p::1')).toEqual({ run: 1 })
    expect((await cache.entry('p::1'))?.ttl).toBeGreaterThan(90)
    expect((await cache.entry('p::1'))?.ttl).toBeLessThanOrEqual(100)
    expect(runs).toBe(1)
  })

  test('takes a synchronous factory', async () => {
    const cache = open()
    expect(await cache.getOrSet('a', () => 5)).toBe(5)
    expect(await cache.get('a')).toBe(5)
  })

  test.each([undefined, null, 0, '', false, NaN])('stores a computed %j and answers with it', async (value) => {
    const cache = open()
    expect(await cache.getOrSet('a', () => value)).toBe(value)
    expect(await cache.getOrSet<unknown>('a', () => 'again')).toBe(value)
  })

  test('rejects with what the factory throws, and stores nothing', async () => {
    const cache = open()
    const error = new Error('of the factory')
    await expect(cache.getOrSet('a', () => Promise.reject(error))).rejects.toBe(error)
    const thrower = (): never => {
      throw error
    }
    await expect(cache.getOrSet('a', thrower)).rejects.toBe(error)
    expect(await cache.has('a')).toBe(false)
    expect(await cache.getOrSet('a', () => 1)).toBe(1)
  })

  test('computes once for all who ask at the same time, and each may change what it got', async () => {
    const cache = open()
    let runs = 0
    const compute = async (): Promise<number[]> => delay(50, [++runs])
    const all = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('a', compute)))
    expect(all).toEqual(all.map(() => [1]))
    all[0]?.push(2)
    expect(all[1]).toEqual([1])
    expect(await cache.get('a')).toEqual([1])
    expect(runs).toBe(1)
  })

  test('tells the factory its key, and lets it say how its result is stored', async () => {
    const cache = open({ ttl: 300 })
    let told: FactoryContext | undefined
    await cache.getOrSet(['a', { b: 1 }], (context) => {
      told = context
      context.setTtl('10m')
      context.setTags(['t'])
      return 1
    })
    expect(told?.key).toBe('a::b::1')
    expect(told?.signal.aborted).toBe(false)
    expect(told?.stale).toBeUndefined()
    const entry = await cache.entry('a::b::1')
    expect(entry?.tags).toEqual(['t'])
    expect(entry?.ttl).toBeGreaterThan(590)
  })

  test('does not store what the factory skips, or gives a ttl of 0', async () => {
    const cache = open()
    const skipping = (context: FactoryContext): number => {
      context.skip()
      return 1
    }
    expect(await cache.getOrSet('a', skipping)).toBe(1)
    expect(await cache.getOrSet('b', (context) => (context.setTtl(0), 2))).toBe(2)
    expect(await cache.getOrSet('c', () => 3, { ttl: 0 })).toBe(3)
    expect(await cache.count()).toBe(0)
  })

  test('rejects when the factory sets a wrong ttl or wrong tags', async () => {
    const cache = open()
    await expect(cache.getOrSet('a', ({ setTtl }) => setTtl(-1))).rejects.toThrow(/`ttl`.*-1/)
    await expect(cache.getOrSet('a', ({ setTags }) => setTags(['']))).rejects.toThrow(/tag.*''/)
    expect(await cache.has('a')).toBe(false)
  })

  test('computes now with `refresh`, and stores the result', async () => {
    const cache = open()
    await cache.set('a', 'old')
    expect(await cache.getOrSet('a', () => 'new', { refresh: true })).toBe('new')
    expect(await cache.get('a')).toBe('new')
  })

  test('returns what cannot be stored, with one warning for the first part of its key', async () => {
    const cache = open()
    const fn = (): number => 1
    const warnings = await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      expect(await cache.getOrSet<unknown>('p::1', () => fn)).toBe(fn)
      expect(await cache.getOrSet<unknown>('p::2', () => ({ fn }))).toEqual({ fn })
      expect(await cache.getOrSet<unknown>('q::1', () => fn)).toBe(fn)
    })
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toContain('p::1')
    expect(warnings[1]).toContain('q::1')
    expect(await cache.count()).toBe(0)
  })

  test('returns what is too large, and does not store it', async () => {
    const cache = open({ maxValueBytes: 1000 })
    const large = 'x'.repeat(2000)
    expect(await cache.getOrSet('a', () => large)).toBe(large)
    expect(await cache.has('a')).toBe(false)
  })

  test('refuses a key inside its own factory at once, however deep, but lets it be read', async () => {
    const cache = open()
    await expect(cache.getOrSet('a', () => cache.getOrSet('a', () => 1))).rejects.toThrow(/"a".*own factory/)
    await expect(
      cache.getOrSet('a', () =>
        cache.getOrSet('b', async () => {
          await delay(5)
          return cache.getOrSet('a', () => 1)
        }),
      ),
    ).rejects.toThrow(/"a".*own factory/)
    expect(await cache.getOrSet('c', () => cache.get('c', { default: 'nothing' }))).toBe('nothing')
    expect(await cache.getOrSet('d', () => cache.getOrSet('e', () => 5))).toBe(5)
    expect(await open().getOrSet('a', () => 1)).toBe(1)
  })

  test('refuses a cached function that calls itself with the same arguments', async () => {
    const cache = open()
    const endless: (n: number) => Promise<number> = cache.wrap(async (n: number): Promise<number> => endless(n), {
      name: 'endless',
    })
    await expect(endless(1)).rejects.toThrow(/own factory/)
    const factorial: (n: number) => Promise<number> = cache.wrap(
      async (n: number) => (n < 2 ? 1 : n * (await factorial(n - 1))),
      {
        name: 'factorial',
      },
    )
    expect(await factorial(5)).toBe(120)
    expect(await cache.get(['func', 'factorial', 4])).toBe(24)
  })

  test.each<[string, (cache: ReturnType<typeof open>) => Promise<unknown>]>([
    ['delete', (cache) => cache.delete('p::1')],
    ['delete of what is above', (cache) => cache.delete('p', { children: true })],
    ['clear', (cache) => cache.clear()],
  ])('gives a result that a %s has overtaken to its own call only, and does not store it', async (_what, remove) => {
    const cache = open()
    let runs = 0
    let finish: (value: string) => void = () => {}
    const first = cache.getOrSet('p::1', () => {
      runs++
      return new Promise<string>((resolve) => {
        finish = resolve
      })
    })
    await until(() => runs === 1, 'the first computation runs')
    await remove(cache)
    const second = cache.getOrSet('p::1', () => {
      runs++
      return 'fresh'
    })
    finish('overtaken')
    expect(await first).toBe('overtaken')
    expect(await second).toBe('fresh')
    expect(await cache.get('p::1')).toBe('fresh')
    expect(runs).toBe(2)
  })

  test('does not overwrite what was set while it computed', async () => {
    const cache = open()
    let finish: (value: string) => void = () => {}
    const computing = cache.getOrSet('a', () => new Promise<string>((resolve) => (finish = resolve)))
    await until(async () => (await cache.computing()).length === 1, 'the computation runs')
    await cache.set('a', 'set')
    finish('computed')
    expect(await computing).toBe('computed')
    expect(await cache.get('a')).toBe('set')
    expect(await cache.computing()).toEqual([])
  })

  test('shows what is being computed', async () => {
    const cache = open()
    let finish: (value: number) => void = () => {}
    const computing = cache.getOrSet('p::1', () => new Promise<number>((resolve) => (finish = resolve)))
    const under = await until(async () => {
      const all = await cache.computing()
      return all.length > 0 && all
    }, 'the computation is shown')
    expect(under).toEqual([
      { key: 'p::1', process: expect.stringMatching(`:${process.pid}$`), since: expect.any(Date) },
    ])
    finish(1)
    await computing
    expect(await cache.computing()).toEqual([])
  })

  test('serves a stale value within its grace while it is computed anew, and nothing past its ttl without grace', async () => {
    const cache = open()
    await cache.set('grace', 'old', { ttl: '100ms', grace: 60 })
    await cache.set('none', 'old', { ttl: '100ms' })
    await until(async () => !(await cache.has('grace')) && !(await cache.has('none')), 'both are past their ttl')
    expect(await cache.getOrSet('none', () => 'new')).toBe('new')
    expect(await cache.getOrSet('grace', () => 'new', { ttl: 60 })).toBe('old')
    await until(async () => (await cache.get<string>('grace', { default: '' })) === 'new', 'the new value is there')
  })
})

describeOnBothStores('getOrSetMany', (open) => {
  test('computes what is missing with one call, in the order and form of the keys asked for', async () => {
    const cache = open()
    await cache.set(['p', 2], 'stored')
    const asked: unknown[] = []
    const keys = [['p', 1], { p: 2 }, 'p::3', ['p', '1']] as const
    const values = await cache.getOrSetMany(keys, (missing, { signal }) => {
      asked.push(missing, signal)
      return missing.map((key) => JSON.stringify(key))
    })
    expect(values).toEqual([expect.stringMatching(/^\["p","?1"?\]$/), 'stored', '"p::3"', values[0]])
    expect(asked).toHaveLength(2)
    expect(asked[0]).toHaveLength(2)
    expect(asked[1]).toBeInstanceOf(AbortSignal)
    expect(await cache.getMany(['p::1', 'p::3'])).toEqual([values[0], '"p::3"'])
    expect(await cache.getOrSetMany(keys, () => Promise.reject(new Error('not called')))).toEqual(values)
    expect(await cache.getOrSetMany([], () => Promise.reject(new Error('not called')))).toEqual([])
  })

  test('rejects with a TypeError when the factory gives another number of results', async () => {
    const cache = open()
    await expect(cache.getOrSetMany(['a', 'b'], () => [1])).rejects.toThrow(TypeError)
    await expect(cache.getOrSetMany(['a', 'b'], () => [1, 2, 3])).rejects.toThrow(/2/)
    await expect(cache.getOrSetMany(['a'], () => 1 as unknown as number[])).rejects.toThrow(TypeError)
    expect(await cache.count()).toBe(0)
  })

  test('rejects with an Error in a place, after the others are stored', async () => {
    const cache = open()
    const error = new Error('of b')
    await expect(cache.getOrSetMany<number | string>(['a', 'b', 'c'], () => [1, error, 3])).rejects.toBe(error)
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual([1, undefined, 3])
  })

  test('waits for a key that is being computed instead of computing it', async () => {
    const cache = open()
    let finish: (value: string) => void = () => {}
    let runs = 0
    const one = cache.getOrSet('a', () => {
      runs++
      return new Promise<string>((resolve) => (finish = resolve))
    })
    await until(() => runs === 1, 'the first computation runs')
    const asked: string[] = []
    const many = cache.getOrSetMany(['a', 'b'], (missing) => {
      asked.push(...missing)
      return missing.map((key) => `many ${key}`)
    })
    finish('one')
    expect(await many).toEqual(['one', 'many b'])
    expect(await one).toBe('one')
    expect(asked).toEqual(['b'])
  })
})
