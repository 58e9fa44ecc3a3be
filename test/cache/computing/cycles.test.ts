import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Cache, KeyedCache } from '../../../src/contract/cache.js'
import { describeOnBothStores } from '../../support/both-stores.js'
import { makeGate } from '../../support/gate.js'
import { describeOnOnePrefix } from '../../support/one-prefix.js'
import { until } from '../../support/until.js'

const IN_A_CYCLE = /inside its own factory, by way of another/

type Ask = (cache: Cache, key: string, factory: () => Promise<string>) => Promise<unknown>

/** Calls that each begin a factory, which asks for the next key when all of them run. The last one asks for the first. */
function ring(
  caches: readonly Cache[],
  ask: Ask = (cache, key, factory) => cache.getOrSet(key, factory),
): Promise<string>[] {
  const started = caches.map(() => makeGate())
  const compute = async (cache: Cache, i: number): Promise<string> => {
    started[i]!.open()
    await Promise.all(started.map(({ opened }) => opened))
    const next = (i + 1) % caches.length
    return `k${i} with ${String(await ask(cache, `k${next}`, () => compute(cache, next)))}`
  }
  return caches.map((cache, i) => cache.getOrSet(`k${i}`, () => compute(cache, i)))
}

/** All have ended with the error, some of them since they found the circle. */
function expectErrors(outcomes: readonly PromiseSettledResult<unknown>[]): void {
  for (const reason of reasonsOf(outcomes)) expect(reason).toMatch(/inside its own factory/)
  expect(reasonsOf(outcomes)).toContainEqual(expect.stringMatching(IN_A_CYCLE))
}

function reasonsOf(outcomes: readonly PromiseSettledResult<unknown>[]): string[] {
  return outcomes.map((outcome) => (outcome.status === 'rejected' ? String(outcome.reason) : 'a value'))
}

describeOnBothStores('Factories of one process that wait for each other', (open) => {
  test.each([2, 5])('in a circle of %i get an error at once', async (length) => {
    const cache = open()
    const outcomes = await Promise.allSettled(ring(Array.from({ length }, () => cache)))
    expectErrors(outcomes)
    await until(async () => (await cache.computing()).length === 0, 'nothing is computed any more')
    expect(await cache.getOrSet('k0', () => 1)).toBe(1)
  })

  test('in a circle through a batch get one too', async () => {
    const cache = open()
    const outcomes = await Promise.allSettled(
      ring([cache, cache], (own, key, factory) =>
        own.getOrSetMany([key, `other of ${key}`], async () => [await factory(), 'other']),
      ),
    )
    expectErrors(outcomes)
  })

  const LEAVING: [how: string, leave: (cache: Cache, compute: () => Promise<string>) => Promise<unknown>][] = [
    ['a timeout', (cache, compute) => cache.getOrSet('b', compute, { timeout: '20ms' })],
    ['its signal', (cache, compute) => cache.getOrSet('b', compute, { signal: AbortSignal.timeout(20) })],
    [
      'a timeout of a batch',
      (cache, compute) => cache.getOrSetMany(['b'], async () => [await compute()], { timeout: '20ms' }),
    ],
    [
      'a stale value',
      async (cache, compute) => {
        await cache.set('b', 'stale', { ttl: '1ms', grace: '1m' })
        await until(async () => !(await cache.has('b')), 'it is stale')
        return cache.getOrSet('b', compute, { grace: '1m' })
      },
    ],
  ]

  test.each(LEAVING)('no longer, since one has left by %s, are in no circle', async (_how, leave) => {
    const cache = open()
    const [runs, left, asked] = [makeGate(), makeGate(), makeGate()]
    let inner: Promise<string> | undefined
    const outer = cache.getOrSet('a', async () => {
      await leave(cache, async () => {
        runs.open()
        await left.opened
        inner = cache.getOrSet('a', () => 'another')
        asked.open()
        return inner
      }).catch(() => 'left')
      left.open()
      await asked.opened
      return 'a'
    })
    // Somebody else who wants it is not told of a circle either
    const joined = runs.opened.then(() => cache.getOrSet('b', () => 'another'))
    expect(await outer).toBe('a')
    expect(await inner).toBe('a')
    expect(await joined).toMatch(/^(a|stale|another)$/)
  })

  test('in no circle get values', async () => {
    const cache = open()
    const [first, second] = [makeGate(), makeGate()]
    const a = cache.getOrSet('a', async () => (first.open(), second.opened.then(() => 'a')))
    await first.opened
    // Many ways lead to one that runs
    const all = Array.from({ length: 20 }, (_, i) =>
      cache.getOrSet(['b', i], async () =>
        Promise.all([cache.getOrSet('a', () => 'x'), i === 0 ? '' : cache.getOrSet(['b', i - 1], () => 'y')]),
      ),
    )
    await until(async () => (await cache.computing()).length === 21, 'all run')
    second.open()
    expect(await a).toBe('a')
    expect((await Promise.all(all)).at(-1)![0]).toBe('a')
  })
})

describeOnOnePrefix('factories of several processes', (open, masters) => {
  test.each([2, 3, 6])(
    'that wait for each other in a circle of %i get an error long before maxCompute',
    async (count) => {
      const caches = await open(count)
      const outcomes = await Promise.allSettled(ring(caches))
      expectErrors(outcomes)
      await until(async () => (await caches[0]!.computing()).length === 0, 'nothing is computed any more')
      expect(await caches[0]!.getOrSet('k0', () => 1)).toBe(1)
    },
  )

  test('do so also where near copies are kept, and each hears a message more than once', async () => {
    const outcomes = await Promise.allSettled(ring(await open(2, { near: true })))
    expectErrors(outcomes)
  })

  test('do so also over other factories of the same process, over batches and scopes', async () => {
    const [one, two] = (await open(2)) as [KeyedCache, KeyedCache]
    const outcomes = await Promise.allSettled(
      ring([one.scope('s'), two.scope('s')], async (cache, key, factory) => {
        // Two calls wait for one computation, which waits for a batch
        const both = [1, 2].map(() =>
          cache.getOrSet(`between ${key}`, async () =>
            cache.getOrSetMany([key, `${key} b`], async () => [await factory(), 'other']),
          ),
        )
        return Promise.all(both)
      }),
    )
    expectErrors(outcomes)
  })

  test('that wait for one outside of the circle get its value, and those in the circle the error', async () => {
    const caches = await open(3)
    const gate = makeGate()
    const slow = caches[2]!.getOrSet('slow', async () => gate.opened.then(() => 'slow'))
    await until(async () => (await caches[0]!.computing()).length === 1, 'it is computed')
    const chained = caches[0]!.getOrSet('chained', async () => caches[0]!.getOrSet('slow', () => 'x'))
    const outcomes = await Promise.allSettled(ring(caches.slice(0, 2)))
    expectErrors(outcomes)
    gate.open()
    expect(await Promise.all([slow, chained])).toEqual(['slow', 'slow'])
  })

  test('that wait for a long time in no circle get their values', async () => {
    const caches = await open(3)
    const gate = makeGate()
    const last = caches[2]!.getOrSet('k2', async () => gate.opened.then(() => 'k2'))
    await until(async () => (await caches[0]!.computing()).length === 1, 'k2 is computed')
    const middle = caches[1]!.getOrSet('k1', async () => caches[1]!.getOrSet('k2', () => 'x'))
    await until(async () => (await caches[0]!.computing()).length === 2, 'k1 is computed')
    const first = caches[0]!.getOrSet('k0', async () =>
      Promise.all(['k1', 'k2'].map((key) => caches[0]!.getOrSet(key, () => 'x'))),
    )
    const probes = await probesWhile(() => delay(400))
    gate.open()
    expect(await Promise.all([last, middle, first])).toEqual(['k2', 'k2', ['k2', 'k2']])
    expect(probes).toBeGreaterThan(0)
  })

  test('that have waited for each other, but not at once, get their values', async () => {
    const [one, two] = (await open(2)) as [KeyedCache, KeyedCache]
    const outcomes = await Promise.allSettled(
      // Each has what it waits for in vain, now and then
      ring([one, two], async (cache, key) => {
        for (let tries = 0; tries < 20; tries++) {
          const left = await cache.getOrSet(key, () => 'x', { timeout: '20ms' }).catch(String) // eslint-disable-line no-await-in-loop
          expect(left).not.toMatch(IN_A_CYCLE)
        }
        return 'nothing'
      }),
    )
    expect(reasonsOf(outcomes)).toEqual(['a value', 'a value'])
  })

  test('outside of each other send nothing for it', async () => {
    const [one, two] = (await open(2)) as [KeyedCache, KeyedCache]
    const gate = makeGate()
    const leading = one.getOrSet('k', async () => gate.opened.then(() => 'k'))
    await until(async () => (await two.computing()).length === 1, 'it is computed')
    const following = Array.from({ length: 20 }, () => two.getOrSet('k', () => 'x'))
    const probes = await probesWhile(() => delay(150))
    gate.open()
    await Promise.all([leading, ...following])
    expect(probes).toBe(0)
  })

  /** How many probes are sent meanwhile. */
  async function probesWhile(work: () => Promise<unknown>): Promise<number> {
    const listener = masters()[0]!.client().duplicate()
    let probes = 0
    listener.on('pmessage', (_pattern: string, _channel: string, message: string) => {
      if (message.startsWith('cycle ')) probes++
    })
    await listener.psubscribe('*')
    await work()
    listener.disconnect()
    return probes
  }
})
