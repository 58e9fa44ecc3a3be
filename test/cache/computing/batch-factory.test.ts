import { expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import type { ManyFactoryContext } from '../../../src/contract/factory.js'
import { allAnswer } from '../../support/all-answer.js'
import { describeOnBothStores } from '../../support/both-stores.js'
import { makeGate } from '../../support/gate.js'
import { inRequest } from '../../support/in-request.js'
import { describeOnOnePrefix } from '../../support/one-prefix.js'
import { until } from '../../support/until.js'

const KEYS = Array.from({ length: 100 }, (_, i) => `p::${i}`)

/** A factory of many keys that notes how many it was called with each time. */
function counting(value: string) {
  const factory = async (missing: readonly string[]): Promise<string[]> => {
    factory.calls.push(missing.length)
    return missing.map((key) => `${value} ${key}`)
  }
  factory.calls = [] as number[]
  return factory
}

/** A computation of all keys that ends, by an error or with values, when it is opened. */
async function begin(cache: KeyedCache, fails = false) {
  const [started, gate] = [makeGate(), makeGate()]
  const values = cache.getOrSetMany(KEYS, async (missing) => {
    started.open()
    await gate.opened
    if (fails) throw new Error('no database')
    return missing.map(() => 'void')
  })
  const outcome = values.catch(String)
  await started.opened
  return { outcome, open: gate.open }
}

describeOnBothStores('A factory of many keys', (openCache) => {
  test('is called once more, with all that is left, when the keys that others computed are deleted', async () => {
    const cache = openCache()
    await allAnswer(cache)
    const old = await begin(cache)
    const factory = counting('new')
    const waiting = cache.getOrSetMany([...KEYS, 'own'], factory)
    await until(() => factory.calls.length === 1, 'it is called for its own key')
    await cache.delete('p', { children: true })
    expect(await waiting).toEqual([...KEYS, 'own'].map((key) => `new ${key}`))
    expect(factory.calls).toEqual([1, 100])
    old.open()
    await old.outcome
  })

  test('says of each result by its place how it is stored', async () => {
    const cache = openCache()
    await cache.set('b', 'stored')
    const keys = ['a', 'b', 'c', 'd', 'e']
    const values = await cache.getOrSetMany(
      keys,
      (missing, { skip, setTtl, setGrace, setTags }) => {
        skip(missing.indexOf('a'))
        setTtl(missing.indexOf('c'), '1h')
        setTags(missing.indexOf('d'), ['t'])
        setGrace(missing.indexOf('d'), '1h')
        setTtl(missing.indexOf('e'), 0)
        return missing.map((key) => `of ${key}`)
      },
      { ttl: '1m' },
    )
    expect(values).toEqual(['of a', 'stored', 'of c', 'of d', 'of e'])
    expect((await cache.keys()).keys).toEqual(['b', 'c', 'd'])
    const [c, d] = [await cache.entry('c'), await cache.entry('d')]
    expect([Math.round(c!.ttl), Math.round(d!.ttl)]).toEqual([3600, 60])
    expect([c!.tags, d!.tags]).toEqual([[], ['t']])
    expect(await cache.deleteTag('t')).toEqual(['d'])
  })

  test.each<[string, (cache: KeyedCache) => Promise<number[]>]>([
    ['a scope', (cache) => ofPlaces(cache.scope('city', 7))],
    ['req.cache', (cache) => inRequest((req) => ofPlaces(req.cache), { cache })],
    ['a disabled cache', (cache) => (cache.enable(false), ofPlaces(cache))],
  ])('says so through %s too', async (what, run) => {
    const cache = openCache()
    expect(await run(cache)).toEqual([1, 2, 3])
    cache.enable(true)
    const { keys } = await cache.keys()
    expect(keys.map((key) => key.at(-1))).toEqual(what === 'a disabled cache' ? [] : ['a', 'c'])
  })

  test.each<[string, (context: ManyFactoryContext) => void]>([
    ['-1', ({ skip }) => skip(-1)],
    ['2', ({ setTtl }) => setTtl(2, 1)],
    ['0\\.5', ({ setTags }) => setTags(0.5, [])],
    ['\'0\'|"0"', ({ setGrace }) => setGrace('0' as never, 1)],
    ['undefined', ({ skip }) => skip(undefined as never)],
    ['NaN', ({ skip }) => skip(Number.NaN)],
  ])('is told at once of a place that is not there: %s', async (shown, change) => {
    const cache = openCache()
    let thrown: unknown
    await cache.getOrSetMany(['a', 'b'], (missing, context) => {
      try {
        change(context)
      } catch (error) {
        thrown = error
      }
      return missing
    })
    expect(thrown).toBeInstanceOf(TypeError)
    expect(String(thrown)).toMatch(/from 0 to 1/)
    expect(String(thrown)).toMatch(new RegExp(shown))
  })

  test('is told at once of a ttl or tags that are wrong', async () => {
    const cache = openCache()
    await expect(cache.getOrSetMany(['a'], (_, { setTtl }) => [setTtl(0, -1)])).rejects.toThrow(/`ttl`.*-1/)
    await expect(cache.getOrSetMany(['a'], (_, { setTags }) => [setTags(0, [''])])).rejects.toThrow(/tags/)
  })
})

/** A batch that skips `b`. */
function ofPlaces(cache: Pick<KeyedCache, 'getOrSetMany'>): Promise<number[]> {
  return cache.getOrSetMany(['a', 'b', 'c'], (missing, { skip }) => {
    skip(missing.indexOf('b'))
    return [1, 2, 3]
  })
}

describeOnOnePrefix('a factory of many keys that another process', (open) => {
  test('computes is called once with all that is left, when their parent is deleted', async () => {
    const [leader, follower] = (await open(2)) as [KeyedCache, KeyedCache]
    const old = await begin(leader)
    const factory = counting('new')
    const waiting = follower.getOrSetMany([...KEYS, 'own'], factory)
    await until(() => factory.calls.length === 1, 'it is called for its own key')
    await leader.delete('p', { children: true })
    expect((await waiting).slice(0, 2)).toEqual(['new p::0', 'new p::1'])
    expect(factory.calls).toEqual([1, 100])
    old.open()
    await old.outcome
  })

  test('fails to compute is called with all that is left, not one by one', async () => {
    const [leader, follower] = (await open(2)) as [KeyedCache, KeyedCache]
    const failing = await begin(leader, true)
    const factory = counting('new')
    const waiting = follower.getOrSetMany([...KEYS, 'own'], factory)
    await until(() => factory.calls.length === 1, 'it is called for its own key')
    failing.open()
    expect(await failing.outcome).toMatch('no database')
    expect((await waiting).slice(0, 2)).toEqual(['new p::0', 'new p::1'])
    // What has come within 10 ms is called together, and a busy machine hears of some later.
    expect(factory.calls.reduce((sum, keys) => sum + keys, 0)).toBe(101)
    expect(factory.calls.length).toBeLessThanOrEqual(5)
  })
})
