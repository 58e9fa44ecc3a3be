import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { allAnswer } from '../../support/all-answer.js'
import { describeOnBothStores, freshPrefix } from '../../support/both-stores.js'
import { makeGate } from '../../support/gate.js'
import { describeOnOnePrefix } from '../../support/one-prefix.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'

const TAGS = { tags: ['t'] }

/** What voids the computation of `p::a`, and what the next call of `getOrSet` gives then. */
const ENDS: [what: string, end: (cache: KeyedCache) => Promise<unknown>, next: string][] = [
  ['a delete', (cache) => cache.delete('p::a'), 'computed anew'],
  ['a delete with children', (cache) => cache.delete('p', { children: true }), 'computed anew'],
  ['the deletion of a tag', (cache) => cache.deleteTag('t'), 'computed anew'],
  ['clearing', (cache) => cache.clear(), 'computed anew'],
  ['a set', (cache) => cache.set('p::a', 'set'), 'set'],
]

/** Begins a computation that ends when the gate is opened. */
async function begin(cache: KeyedCache): Promise<{ value: Promise<string>; open: () => void }> {
  const [started, gate] = [makeGate(), makeGate()]
  const value = cache.getOrSet(
    'p::a',
    async () => {
      started.open()
      await gate.opened
      return 'void'
    },
    TAGS,
  )
  await started.opened
  return { value, open: gate.open }
}

function ask(cache: KeyedCache): Promise<string> {
  return cache.getOrSet('p::a', () => 'computed anew', TAGS)
}

describeOnBothStores('A computation that is voided while it runs', (openCache) => {
  test.each(ENDS)('by %s keeps nobody waiting but the call that began it', async (_what, end, next) => {
    const cache = openCache()
    await allAnswer(cache)
    const old = await begin(cache)
    const joined = ask(cache)
    await end(cache)
    expect(await Promise.all([joined, ask(cache)])).toEqual([next, next])
    old.open()
    expect(await old.value).toBe('void')
    expect(await cache.get('p::a')).toBe(next)
  })

  test('keeps nobody waiting who asks for many keys', async () => {
    const cache = openCache()
    await allAnswer(cache)
    const old = await begin(cache)
    const many = cache.getOrSetMany(['p::b', 'p::a'], (keys) => keys.map((key) => `${key} anew`))
    await until(() => cache.has('p::b').then((has) => has || true), 'it is asked')
    await cache.delete('p::a')
    expect(await many).toEqual(['p::b anew', 'p::a anew'])
    old.open()
    expect(await old.value).toBe('void')
  })

  test('serves all calls that began before its factory, also where the factory itself deletes the key', async () => {
    const cache = openCache()
    await allAnswer(cache)
    let runs = 0
    const values = await Promise.all(
      Array.from({ length: 100 }, () =>
        cache.getOrSet('p::a', async () => {
          runs++
          await cache.delete('p::a')
          return runs
        }),
      ),
    )
    expect(new Set(values)).toEqual(new Set([1]))
    expect(runs).toBe(1)
    expect(await cache.has('p::a')).toBe(false)
  })

  test('does not serve a call that began after its factory, however often that happens', async () => {
    const cache = openCache()
    await allAnswer(cache)
    const gate = makeGate()
    let runs = 0
    const call = (): Promise<number> =>
      cache.getOrSet('p::a', async () => {
        const run = ++runs
        await gate.opened
        return run
      })
    const all = [call()]
    for (let round = 1; round <= 5; round++) {
      // eslint-disable-next-line no-await-in-loop -- each round begins when the factory of the last one runs
      await until(() => runs === round, 'it is computed')
      all.push(call(), call())
      // eslint-disable-next-line no-await-in-loop
      await cache.has('p::a')
      // eslint-disable-next-line no-await-in-loop
      await cache.delete('p::a')
    }
    await until(() => runs === 6, 'the last calls have left')
    gate.open()
    expect(await Promise.all(all)).toEqual([1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
  })

  test('has its signal aborted when the call that began it leaves, since nobody wants the result', async () => {
    const cache = openCache()
    await allAnswer(cache)
    const [started, leave] = [makeGate(), new AbortController()]
    let signal: AbortSignal | undefined
    const own = cache.getOrSet(
      'p::a',
      (context) => {
        signal = context.signal
        started.open()
        return new Promise(() => {})
      },
      { signal: leave.signal },
    )
    await started.opened
    const joined = ask(cache)
    await cache.delete('p::a')
    expect(await joined).toBe('computed anew')
    leave.abort(new Error('left'))
    await expect(own).rejects.toThrow('left')
    expect(signal?.aborted).toBe(true)
  })
})

describeOnOnePrefix('a computation that another cache voids', (open) => {
  test('again and again is computed at most once in each process for the calls that wait', async () => {
    const caches = (await open(3)) as [KeyedCache, KeyedCache, KeyedCache]
    const runs = [0, 0, 0]
    const values = await Promise.all(
      caches.flatMap((cache, i) =>
        Array.from({ length: 20 }, () =>
          cache.getOrSet('p::a', async () => {
            runs[i]!++
            await caches[(i + 1) % 3]!.delete('p::a')
            return 'void'
          }),
        ),
      ),
    )
    expect(new Set(values)).toEqual(new Set(['void']))
    expect(Math.max(...runs)).toBe(1)
  })

  test.each(ENDS)('by %s keeps nobody waiting, in no process', { timeout: 20_000 }, async (_what, end, next) => {
    const [leader, follower, other] = (await open(3)) as [KeyedCache, KeyedCache, KeyedCache]
    const old = await begin(leader)
    const waiting = [ask(leader), ask(follower)]
    await until(async () => (await other.computing()).length === 1, 'it is computed')
    await end(other)
    expect(await Promise.all([...waiting, ask(leader), ask(follower)])).toEqual(Array(4).fill(next))
    old.open()
    expect(await old.value).toBe('void')
    expect(await other.get('p::a')).toBe(next)
  })

  test('is not one that began after a tag of it was deleted', async () => {
    const [leader, , other] = (await open(3)) as [KeyedCache, KeyedCache, KeyedCache]
    const busy = await begin(leader)
    for (let round = 0; round < 30; round++) {
      /* eslint-disable no-await-in-loop -- one after the other */
      await other.deleteTag(`t${round}`)
      await other.getOrSet(['x', round], () => 1, { tags: [`t${round}`] })
      expect(await other.has(['x', round])).toBe(true)
      /* eslint-enable no-await-in-loop */
    }
    busy.open()
    await busy.value
  })
})

describe('A key that is deleted and computed elsewhere again and again', () => {
  let server: RedisServer
  const opened: KeyedCache[] = []
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.close())
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
  })

  async function open(keyPrefix: string): Promise<KeyedCache> {
    const cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s', lease: '1m' })
    opened.push(cache)
    await allAnswer(cache)
    return cache
  }

  /** As one step: the key is deleted, and a third process computes it. */
  async function deletedAndLedElsewhere(keyPrefix: string, token: string): Promise<void> {
    const now = Date.now()
    await server
      .client()
      .multi()
      .hset(`${keyPrefix}:leases:`, 'p::a', `${now + 60_000} ${now} ${token} 0 elsewhere:1`)
      .publish(`${keyPrefix}:wake`, 'voided p::a')
      .exec()
  }

  const isFollowed = (keyPrefix: string) => async (): Promise<boolean> =>
    (await server.client().hget(`${keyPrefix}:leases:`, 'p::a'))?.split(' ')[3] === '1'

  test('keeps nobody waiting who followed one that was voided', async () => {
    const keyPrefix = freshPrefix()
    const [leader, follower] = [await open(keyPrefix), await open(keyPrefix)]
    const old = await begin(leader)
    const following = ask(follower)
    await until(isFollowed(keyPrefix), 'it is followed')
    await deletedAndLedElsewhere(keyPrefix, 'second')
    expect(await following).toBe('computed anew')
    old.open()
    expect(await old.value).toBe('void')
  })

  test('keeps nobody waiting for one beside another, if a tag of it is deleted', async () => {
    const keyPrefix = freshPrefix()
    const [leader, follower] = [await open(keyPrefix), await open(keyPrefix)]
    const old = await begin(leader)
    const [started, gate] = [makeGate(), makeGate()]
    const beside = async (): Promise<string> => {
      started.open()
      return gate.opened.then(() => 'computed beside')
    }
    const following = follower.getOrSet('p::a', beside, TAGS)
    await until(isFollowed(keyPrefix), 'it is followed')
    await deletedAndLedElsewhere(keyPrefix, 'second')
    await started.opened
    const late = ask(follower)
    await follower.has('p::a')
    await leader.deleteTag('t')
    expect(await late).toBe('computed anew')
    gate.open()
    old.open()
    expect(await Promise.all([following, old.value])).toEqual(['computed beside', 'void'])
  })

  test('keeps nobody waiting who had to leave one that was voided', async () => {
    const keyPrefix = freshPrefix()
    const cache = await open(keyPrefix)
    const old = await begin(cache)
    const joined = ask(cache)
    await cache.has('p::a')
    await deletedAndLedElsewhere(keyPrefix, 'second')
    expect(await joined).toBe('computed anew')
    old.open()
    expect(await old.value).toBe('void')
  })
})
