import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { backAgain, expectQuietTrouble, mixedCall, ms, opening, SLACK_MS } from '../support/fault-cache.js'
import { expectNoLeakWarnings, lasting, row } from '../support/fault-row.js'
import { makeGate } from '../support/gate.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { Traffic } from '../support/traffic.js'
import { until } from '../support/until.js'

let server: RedisServer
beforeEach(async () => {
  server = await startRedis({ args: ['--enable-debug-command', 'yes'] })
})
expectNoLeakWarnings()
const { opened } = opening(() => server)
afterEach(() => server.close())

const FACTORY_MS = 50

describe('Redis refuses', () => {
  test('writes, since its memory is full: values are computed and given, nothing old is left, deletes work', async () => {
    const { cache } = await opened()
    for (let i = 0; i < 20; i++) await cache.set(['p', i], 'old') // eslint-disable-line no-await-in-loop
    await server.client().config('SET', 'maxmemory-policy', 'noeviction')
    await server.client().config('SET', 'maxmemory', 1)
    let runs = 0
    const slow = async (): Promise<string> => {
      runs += 1
      await delay(FACTORY_MS)
      return 'computed'
    }
    const addedMs: number[] = []
    for (let round = 0; round < lasting(40, 10); round++) {
      const calls = Array.from({ length: 20 }, async () => {
        const begunMs = performance.now()
        expect(await cache.getOrSet(['new', round], slow)).toBe('computed')
        addedMs.push(performance.now() - begunMs - FACTORY_MS)
      })
      await Promise.all(calls) // eslint-disable-line no-await-in-loop
    }
    expect(await cache.set('p::0', 'new')).toBe(false)
    expect(await cache.get('p::0', { default: undefined })).toBeUndefined()
    expect(await cache.delete('p::1')).toEqual(['p::1'])
    expect(await cache.get('p::2')).toBe('old')
    const gone = await cache.delete('p', { children: true })
    expect(gone.length).toBeGreaterThanOrEqual(18)
    expect(await cache.count('p')).toBe(0)
    const { calls, slowestMs } = await expectQuietTrouble(cache, lasting(3000, 500))
    await server.client().config('SET', 'maxmemory', 0)
    const backMs = await backAgain(cache, 'the cache stores again')
    const added = addedMs.toSorted((a, b) => a - b)
    row(
      7,
      'memory full, noeviction',
      `callers waited for the factory + ${ms(added[added.length >> 1] ?? 0)} (most ${ms(added.at(-1) ?? 0)}), ` +
        `${runs} runs for ${lasting(40, 10)} keys; deletes work; ${calls} other calls, the slowest ${ms(slowestMs)}; stores again in ${ms(backMs)}`,
    )
    expect(added[added.length >> 1]).toBeLessThan(10 + SLACK_MS)
    expect(runs).toBe(lasting(40, 10))
  })

  test('writes, since it has become a replica: reads go on, and it reconnects no more than once a second', async () => {
    const { cache } = await opened()
    const forMs = lasting(10_000, 4000)
    for (let i = 0; i < 50; i++) await cache.set(['p', i], i) // eslint-disable-line no-await-in-loop
    const connectionsBefore = await connections()
    await server.client().call('REPLICAOF', '127.0.0.1', '1')
    let found = 0
    const traffic = new Traffic(200, 'replica', async (i) => {
      if (i % 4 === 0) expect(await cache.set(['q', i], i)).toBe(false)
      else if ((await cache.get(['p', i % 50], { default: undefined })) === i % 50) found += 1
    })
    await delay(forMs)
    await traffic.stop()
    const { calls } = traffic.latencies('replica')
    const perSecond = ((await connections()) - connectionsBefore) / (forMs / 1000)
    await server.client().call('REPLICAOF', 'NO', 'ONE')
    const backMs = await backAgain(cache, 'the cache stores again')
    const share = found / (calls * 0.75)
    row(
      8,
      'READONLY replica',
      `${(100 * share).toFixed(1)} % of the reads found their value; ${perSecond.toFixed(1)} reconnects/s; stores again in ${ms(backMs)}`,
    )
    expect(traffic.errors).toEqual([])
    expect(share).toBeGreaterThanOrEqual(0.8)
    expect(perSecond).toBeLessThanOrEqual(1)
  })

  test.each(['allkeys-lru', 'allkeys-random', 'volatile-lru'])(
    'to keep what it has (%s): what is gone is computed again, what was deleted stays deleted',
    { timeout: 60_000 },
    async (policy) => {
      const { cache } = await opened({ redisTimeout: '5s' })
      const gate = makeGate()
      let runs = 0
      const gated = async (): Promise<string> => {
        runs += 1
        await gate.opened
        return 'computed'
      }
      await cache.setMany(Array.from({ length: 50 }, (_, i) => [['p', i], 'old'] as const))
      const computing = Array.from({ length: 20 }, (_, i) => cache.getOrSet(['computing', i], gated))
      await until(() => runs === 20, 'all are computed')
      await server.client().config('SET', 'maxmemory-policy', policy)
      await server.client().config('SET', 'maxmemory', '4mb')
      await flood(cache, lasting(3000, 800))
      gate.open()
      expect(new Set(await Promise.all(computing))).toEqual(new Set(['computed']))
      const again = Array.from({ length: 20 }, (_, i) => cache.getOrSet(['computing', i], gated))
      expect(new Set(await Promise.all(again))).toEqual(new Set(['computed']))
      await cache.delete('p', { children: true })
      const resurrected = (await cache.getMany(Array.from({ length: 50 }, (_, i) => ['p', i]))).filter(
        (value) => value !== undefined,
      )
      await flood(cache, 100)
      const { evicted } = await memory()
      row(
        10,
        `eviction, ${policy}`,
        `${evicted} names evicted; ${runs - 20} extra computations of 20; ${resurrected.length} deleted children came back`,
      )
      expect(evicted).toBeGreaterThan(0)
      expect(resurrected).toEqual([])
      expect(runs).toBeLessThanOrEqual(40)
    },
  )

  test('nothing, but was emptied by FLUSHALL underneath', async () => {
    const { cache, keyPrefix } = await opened()
    const { cache: other } = await opened({ keyPrefix })
    await cache.set('a', 'old')
    expect(await other.get('a')).toBe('old')
    await server.client().flushall()
    const stale = await Promise.all([cache, other].map((each) => each.get('a', { default: undefined })))
    expect(await other.getOrSet('a', () => 'new')).toBe('new')
    expect(await cache.get('a')).toBe('new')
    expect((await cache.keys()).keys).toEqual(['a'])
    expect((await cache.stats()).keys).toBe(1)
    row(
      11,
      'FLUSHALL underneath',
      `${stale.filter((each) => each !== undefined).length} of 2 reads stale at once after it`,
    )
    expect(stale).toEqual([undefined, undefined])
  })

  test('scripts that it has forgotten, every 10 ms under load', async () => {
    const { cache, errors } = await opened()
    const flushing = setInterval(() => void server.client().script('FLUSH'), 10)
    const traffic = new Traffic(500, 'flushed', (i) => mixedCall(cache, i, 100, true))
    try {
      await delay(lasting(10_000, 1500))
      await traffic.stop()
    } finally {
      clearInterval(flushing)
    }
    const { calls, failed } = traffic.latencies('flushed')
    const unknown = errors.filter(({ error }) => /NOSCRIPT/.test(String(error)))
    row(12, 'SCRIPT FLUSH every 10 ms', `${failed} of ${calls} calls failed; ${unknown.length} NOSCRIPT errors`)
    expect(traffic.errors).toEqual([])
    expect(unknown).toEqual([])
  })
})

async function flood(cache: KeyedCache, count: number): Promise<void> {
  const value = 'x'.repeat(10_000)
  for (let i = 0; i < count; i += 50) {
    // eslint-disable-next-line no-await-in-loop -- some at a time
    await cache.setMany(Array.from({ length: 50 }, (_, j) => [['flood', i + j], value] as const))
  }
}

async function connections(): Promise<number> {
  return Number(/total_connections_received:(\d+)/.exec(await server.client().info('stats'))?.[1])
}

async function memory(): Promise<{ evicted: number }> {
  return { evicted: Number(/evicted_keys:(\d+)/.exec(await server.client().info('stats'))?.[1]) }
}
