import { getEventListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import type { FactoryContext } from '../../../src/contract/factory.js'
import { CachedObject } from '../../../src/default-cache/cached-object.js'
import { allAnswer } from '../../support/all-answer.js'
import { describeOnBothStores, freshPrefix } from '../../support/both-stores.js'
import { expectNoLeakWarnings } from '../../support/fault-row.js'
import { makeGate } from '../../support/gate.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'

expectNoLeakWarnings()

/** A factory that waits for a gate, and throws when its signal aborts first. */
interface Obedient {
  (context: { readonly signal: AbortSignal }): Promise<string>
  runs: number
  aborted: number
  readonly started: Promise<void>
  readonly open: () => void
}

function obedient(value = 'v'): Obedient {
  const [start, gate] = [makeGate(), makeGate()]
  const run = async ({ signal }: { readonly signal: AbortSignal }): Promise<string> => {
    factory.runs++
    start.open()
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => {
        factory.aborted++
        reject(signal.reason as Error)
      })
      void gate.opened.then(resolve)
    })
    return value
  }
  const factory = Object.assign(run, { runs: 0, aborted: 0, started: start.opened, open: gate.open })
  return factory
}

const TIMED_OUT = { code: 'ERR_CACHE_TIMEOUT' }

describeOnBothStores('The `timeout` of a caller', (open) => {
  type Ask = (cache: KeyedCache, key: string, factory: Obedient, timeout: string | undefined) => Promise<unknown>
  const optionsOf = (timeout: string | undefined) => (timeout === undefined ? {} : { timeout })
  const WAYS: [way: string, ask: Ask, given: unknown][] = [
    ['getOrSet', (cache, key, factory, timeout) => cache.getOrSet(key, factory, optionsOf(timeout)), 'v'],
    [
      'getOrSetMany',
      (cache, key, factory, timeout) =>
        cache.getOrSetMany(
          [key, `${key}::2`],
          async (missing, context) => {
            const value = await factory(context)
            return missing.map(() => value)
          },
          optionsOf(timeout),
        ),
      ['v', 'v'],
    ],
    [
      'a cached object',
      async (cache, key, factory, timeout) => {
        class Thing extends CachedObject(undefined, { cache }) {
          static override cacheName = key
          id = 7
          text = ''
        }
        const load = async (): Promise<Thing> => {
          const text = await factory({ signal: new AbortController().signal })
          return Object.assign(new Thing(), { text })
        }
        return (await Thing.findCached(7, load, optionsOf(timeout)))?.text
      },
      'v',
    ],
  ]

  test.each(WAYS)('never spoils the value: the next call of %s has what was computed', async (_way, ask, given) => {
    const cache = open()
    const factory = obedient()
    for (let round = 0; round < 3; round++) {
      await expect(ask(cache, 'k', factory, '20ms')).rejects.toMatchObject(TIMED_OUT) // eslint-disable-line no-await-in-loop
    }
    factory.open()
    await until(() => cache.computing().then((all) => all.length === 0), 'it is computed')
    expect(await ask(cache, 'k', factory, undefined)).toEqual(given)
    expect([factory.runs, factory.aborted]).toEqual([1, 0])
  })

  test('never spoils the value of a cached function, though it is an option of all its calls', async () => {
    const cache = open()
    const factory = obedient()
    const { signal } = new AbortController()
    const fn = cache.wrap(() => factory({ signal }), { name: 'slow function', timeout: '20ms' })
    await expect(fn()).rejects.toMatchObject(TIMED_OUT)
    factory.open()
    expect(await until(() => fn().catch(() => undefined), 'it is computed')).toBe('v')
    expect(factory.runs).toBe(1)
  })

  test.each(['timeout', 'softTimeout'])(
    'that is over before it is known who computes leaves one call of the factory for all keys: %s',
    async (limit) => {
      const cache = open()
      const keys = ['a', 'b', 'c']
      if (limit === 'softTimeout') {
        await cache.setMany(
          keys.map((key) => [key, 'old']),
          { ttl: '1ms', grace: '1m' },
        )
        await until(async () => (await cache.entry('c'))?.stale, 'it is stale')
      }
      const calls: string[][] = []
      const factory = async (missing: readonly string[]): Promise<string[]> => {
        calls.push([...missing])
        return missing.map(() => 'new')
      }
      await cache.getOrSetMany(keys, factory, { [limit]: 0, ttl: '1m' }).catch(() => undefined)
      await until(() => cache.has('c'), 'it is computed')
      expect(calls).toEqual([keys])
    },
  )

  test('may be shorter than what the store takes to answer: the value is computed for the next call all the same', async () => {
    const cache = open()
    await cache
      .getOrSet('k', () => 'v', { timeout: 0 })
      .catch((error: unknown) => expect(error).toMatchObject(TIMED_OUT))
    expect(await until(() => cache.get('k', { default: undefined }), 'it is computed')).toBe('v')
  })

  test('outweighs those who leave by their signal, whoever leaves first', async () => {
    const cache = open()
    for (const first of ['timeout', 'signal']) {
      /* eslint-disable no-await-in-loop */
      const factory = obedient()
      const leave = new AbortController()
      const leaving = cache.getOrSet(['k', first], factory, { signal: leave.signal })
      leaving.catch(() => undefined)
      await factory.started
      const late = cache.getOrSet(['k', first], factory, { timeout: first === 'timeout' ? '1ms' : '200ms' })
      if (first === 'timeout') await expect(late).rejects.toMatchObject(TIMED_OUT)
      // Both wait now.
      await cache.computing()
      leave.abort(new Error('left'))
      await expect(leaving).rejects.toThrow('left')
      if (first === 'signal') await expect(late).rejects.toMatchObject(TIMED_OUT)
      await cache.computing()
      factory.open()
      expect(await until(() => cache.get(['k', first], { default: undefined }), 'it is computed')).toBe('v')
      expect([factory.runs, factory.aborted]).toEqual([1, 0])
      /* eslint-enable no-await-in-loop */
    }
  })

  test('rejects once, and the computation counts as one miss for each call', async () => {
    const cache = open()
    const events: string[] = []
    cache.on('miss', () => events.push('miss'))
    cache.on('error', ({ operation }) => events.push(operation))
    const factory = obedient()
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => cache.getOrSet('k', factory, { timeout: '20ms' })))
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    await until(() => events.length >= 3, 'they are counted')
    factory.open()
    await until(() => cache.has('k'), 'it is computed')
    expect(events).toEqual(['miss', 'miss', 'miss'])
  })
})

describeOnBothStores('A computation is abandoned', (open) => {
  test('when all its callers have left by their signals: by many, then by the last', async () => {
    const cache = open()
    const factory = obedient()
    const aborts = Array.from({ length: 10 }, () => new AbortController())
    const calls = aborts.map(({ signal }) => cache.getOrSet('k', factory, { signal }))
    const outcomes = Promise.allSettled(calls)
    await factory.started
    for (const abort of aborts.slice(1)) abort.abort()
    await cache.computing()
    expect(factory.aborted).toBe(0)
    aborts[0]?.abort()
    await outcomes
    await until(() => factory.aborted === 1, 'its signal aborts')
    await until(async () => (await cache.computing()).length === 0, 'nothing is computed any more')
    expect(await cache.has('k')).toBe(false)
  })

  test('not when another call joins as the last one leaves', async () => {
    const cache = open()
    const factory = obedient()
    const leave = new AbortController()
    const leaving = cache.getOrSet('k', factory, { signal: leave.signal })
    await factory.started
    leave.abort(new Error('left'))
    // It joins at once, since it reads nothing, and waits for the one that runs to end.
    const joining = cache.getOrSet('k', () => 'anew', { refresh: true })
    await expect(leaving).rejects.toThrow('left')
    await cache.computing()
    factory.open()
    expect(await joining).toBe('anew')
    expect([factory.runs, factory.aborted]).toEqual([1, 0])
  })

  test('without anything computed for a caller that leaves while the store is asked', async () => {
    const cache = open()
    const factory = obedient()
    const leave = new AbortController()
    const leaving = cache.getOrSet('k', factory, { signal: leave.signal })
    leave.abort(new Error('left'))
    await expect(leaving).rejects.toThrow('left')
    expect(await cache.getOrSet('other', () => 1)).toBe(1)
    expect(await cache.computing()).toEqual([])
    expect(factory.runs).toBe(0)
  })
})

describeOnBothStores('The signal of a caller', (open) => {
  const count = ({ signal }: AbortController): number => getEventListeners(signal, 'abort').length

  test('has one listener, however many calls and keys share it, and none when they have ended', async () => {
    const cache = open()
    const abort = new AbortController()
    const { signal } = abort
    const gate = makeGate()
    const started = makeGate()
    const wait = async <T>(value: T): Promise<T> => gate.opened.then(() => value)
    const fn = cache.wrap((n: number) => wait(n), { name: 'waits', signal })
    const calls = [
      ...Array.from({ length: 30 }, (_, i) => cache.getOrSet(['one', i], () => wait(i), { signal, timeout: '1m' })),
      ...Array.from({ length: 30 }, () => cache.getOrSet('same', () => wait(1), { signal, softTimeout: '1m' })),
      ...Array.from({ length: 5 }, (_, i) => fn(i)),
      cache.getOrSetMany(
        Array.from({ length: 40 }, (_, i) => ['many', i]),
        async (missing) => {
          started.open()
          return wait(missing.map(() => 1))
        },
        { signal },
      ),
    ]
    expect(count(abort)).toBe(1)
    await started.opened
    expect(count(abort)).toBe(1)
    gate.open()
    await Promise.all(calls)
    expect(count(abort)).toBe(0)
    await cache.getOrSet('same', () => 1, { signal })
    expect(count(abort)).toBe(0)
  })

  test('has none left after it aborted or the call failed, and all calls that shared it have left', async () => {
    const cache = open()
    const abort = new AbortController()
    const failing = cache.getOrSet('fails', async () => Promise.reject(new Error('failed')), { signal: abort.signal })
    await expect(failing).rejects.toThrow('failed')
    expect(count(abort)).toBe(0)
    const calls = [1, 2, 3].map((i) =>
      cache.getOrSet(['k', i], async ({ signal }: FactoryContext) => delay(60_000, 1, { signal }), {
        signal: abort.signal,
      }),
    )
    const outcomes = Promise.allSettled(calls)
    await until(async () => (await cache.computing()).length === 3, 'they are computed')
    abort.abort(new Error('left'))
    expect((await outcomes).map((outcome) => outcome.status === 'rejected' && String(outcome.reason))).toEqual(
      Array(3).fill('Error: left'),
    )
    expect(count(abort)).toBe(0)
    await until(async () => (await cache.computing()).length === 0, 'nothing is computed any more')
  })
})

describe('While another process follows', () => {
  let server: RedisServer
  const opened: KeyedCache[] = []
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.close())
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
  })

  /** Two caches that share nothing but their Redis, as in two processes. */
  async function openTwo(): Promise<[KeyedCache, KeyedCache, () => Promise<boolean>]> {
    const keyPrefix = freshPrefix()
    const two = [1, 2].map(() => createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s', lease: '1m' }))
    opened.push(...two)
    await allAnswer(...two)
    const isFollowed = async (): Promise<boolean> =>
      (await server.client().hget(`${keyPrefix}:leases:`, 'k'))?.split(' ')[3] === '1'
    return [...(two as [KeyedCache, KeyedCache]), isFollowed]
  }

  test.each(['timeout', 'signal'] as const)('a computation goes on when its callers leave by their %s', async (by) => {
    const [leader, follower, isFollowed] = await openTwo()
    const factory = obedient()
    const leave = new AbortController()
    const leaving = leader.getOrSet('k', factory, by === 'signal' ? { signal: leave.signal } : { timeout: '200ms' })
    leaving.catch(() => undefined)
    await factory.started
    const second = obedient('computed again')
    second.open()
    const following = follower.getOrSet('k', second)
    await until(isFollowed, 'it is followed')
    leave.abort(new Error('left'))
    await expect(leaving).rejects.toThrow(by === 'signal' ? 'left' : /not computed|timeout/i)
    await leader.computing()
    factory.open()
    expect(await following).toBe('v')
    expect([factory.runs, factory.aborted, second.runs]).toEqual([1, 0, 0])
  })

  test('its own callers may all leave: they are not waited for, and the leader keeps its value', async () => {
    const [leader, follower, isFollowed] = await openTwo()
    const factory = obedient()
    const leading = leader.getOrSet('k', factory)
    await factory.started
    const leave = new AbortController()
    const second = obedient('computed again')
    const following = follower.getOrSet('k', second, { signal: leave.signal })
    await until(isFollowed, 'it is followed')
    leave.abort(new Error('left'))
    await expect(following).rejects.toThrow('left')
    factory.open()
    expect(await leading).toBe('v')
    expect(await follower.getOrSet('k', second)).toBe('v')
    expect([factory.runs, factory.aborted, second.runs]).toEqual([1, 0, 0])
  })

  test('of a batch only those keys go on that are followed', async () => {
    const [leader, follower, isFollowed] = await openTwo()
    const leave = new AbortController()
    const gate = makeGate()
    const started = makeGate()
    let isAborted = false
    const many = leader.getOrSetMany(
      ['k', 'unwanted'],
      async (missing, { signal }) => {
        signal.addEventListener('abort', () => (isAborted = true))
        started.open()
        await gate.opened
        return missing.map((key) => `${key} of the batch`)
      },
      { signal: leave.signal },
    )
    many.catch(() => undefined)
    await started.opened
    const following = follower.getOrSet('k', () => 'computed again')
    await until(isFollowed, 'it is followed')
    leave.abort(new Error('left'))
    await expect(many).rejects.toThrow('left')
    await leader.computing()
    gate.open()
    expect(await following).toBe('k of the batch')
    expect(isAborted).toBe(false)
  })
})
