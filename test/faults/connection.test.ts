import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { commandsDuring } from '../support/monitor.js'
import { BUDGET_MS, mixedCall, ms, opening, SLACK_MS } from '../support/fault-cache.js'
import { atMostMs, expectNoLeakWarnings, lasting, row } from '../support/fault-row.js'
import { makeGate } from '../support/gate.js'
import { type CabledServer, startCabledServer, whyNoNamespaces } from '../support/namespace.js'
import { startProxy } from '../support/proxy.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { Traffic } from '../support/traffic.js'
import { until } from '../support/until.js'

const RTT_MS = 200

let server: RedisServer
beforeEach(async () => {
  server = await startRedis()
})
expectNoLeakWarnings()
const { open, opened } = opening(() => server)
afterEach(() => server.close())

describe('The connection', () => {
  test('is slow: a hit is one round trip, a miss three at most', { timeout: 60_000 }, async () => {
    const proxy = await startProxy(server.port, RTT_MS)
    try {
      const { cache, errors } = open({ redis: proxy.url, redisTimeout: '1s' })
      await until(() => cache.set('ready', 1), 'the cache answers')
      // its own upkeep has settled
      await until(async () => (await cache.keys()).total > 0, 'the index is whole')
      /** Of three, since a busy machine adds what is no round trip. */
      const trips = async (call: (i: number) => Promise<unknown>): Promise<number> => {
        const counts: number[] = []
        for (let i = 0; i < 3; i++) {
          const begunMs = performance.now()
          await call(i) // eslint-disable-line no-await-in-loop
          counts.push((performance.now() - begunMs) / RTT_MS)
        }
        return Math.min(...counts)
      }
      const each: Record<string, number> = {}
      // the server knows the scripts from now on
      const before = errors.length
      await cache.getOrSet('known', () => 1)
      await cache.delete('known')
      await cache.delete('known', { children: true })
      each['hit'] = await trips(() => cache.get('ready'))
      each['miss'] = await trips((i) => cache.getOrSet(['miss', i], () => 1))
      each['set'] = await trips((i) => cache.set(['set', i], 1))
      each['delete'] = await trips((i) => cache.delete(['set', i]))
      await cache.setMany(Array.from({ length: 15 }, (_, i) => [['p', i % 3, i], i] as const))
      each['delete with children'] = await trips((i) => cache.delete(['p', i], { children: true }))
      const calls = Array.from({ length: 100 }, (_, i) => cache.getOrSet(['many', i], () => i))
      expect(await Promise.all(calls)).toEqual(calls.map((_, i) => i))
      row(
        4,
        `${RTT_MS} ms of round trip`,
        `round trips: ${Object.entries(each)
          .map(([what, count]) => `${what} ${count.toFixed(1)}`)
          .join(', ')}; ${errors.length - before} errors`,
      )
      expect(each['hit']).toBeLessThan(1.9)
      expect(each['miss']).toBeLessThan(3.9)
      expect(each['delete with children']).toBeLessThan(3.9)
      expect(errors.slice(before)).toEqual([])
    } finally {
      await proxy.close()
    }
  })

  test('is half open: the cable is pulled, and nothing says so', { timeout: 90_000 }, async (context) => {
    const why = whyNoNamespaces()
    if (why !== undefined) {
      row(5, 'half-open connection', `left out: ${why}`)
      return context.skip(why)
    }
    const cabled: CabledServer = await startCabledServer()
    try {
      const { cache, states } = await opened({ redis: cabled.url })
      const traffic = new Traffic(200, 'before', (i) => mixedCall(cache, i, 100))
      await delay(500)
      const pulledMs = performance.now()
      cabled.pull()
      const during = await traffic.during('pulled', lasting(25_000, 2500))
      cabled.plug()
      const pluggedMs = performance.now()
      await until(() => cache.get('ready', { default: false }), 'the cache is back')
      const backMs = performance.now() - pluggedMs
      await traffic.stop()
      const down = states.find(({ up, atMs }) => !up && atMs > pulledMs)
      row(
        5,
        `half-open connection ${lasting(25_000, 2500) / 1000} s`,
        `${during.failed} of ${during.calls} calls failed, the slowest ${ms(during.max)}; ` +
          `noticed in ${down ? ms(down.atMs - pulledMs) : 'never'}; normal again in ${ms(backMs)}`,
      )
      expect(traffic.errors).toEqual([])
      expect(during.max).toBeLessThan(BUDGET_MS + 50 + SLACK_MS)
      expect(down?.atMs).toBeLessThan(pulledMs + 1100 + SLACK_MS)
      expect(backMs).toBeLessThan(atMostMs(3000))
    } finally {
      cabled.close()
    }
  })

  test('for messages is dropped while callers wait for the computation of another process', async () => {
    const { cache, keyPrefix } = await opened()
    const { cache: other } = await opened({ keyPrefix })
    const waits: number[] = []
    for (let round = 0; round < lasting(10, 3); round++) {
      let endedMs = 0
      /* eslint-disable no-await-in-loop -- one round after the other */
      const leading = cache.getOrSet(['p', round], async () => {
        await delay(300)
        endedMs = performance.now()
        return round
      })
      await until(async () => (await cache.computing()).length === 1, 'it is computed')
      const following = Promise.all(Array.from({ length: 20 }, () => other.getOrSet(['p', round], () => 'own')))
      await delay(50)
      for (let i = 0; i < 5; i++) {
        await server.client().call('CLIENT', 'KILL', 'TYPE', 'pubsub')
        await delay(50)
      }
      expect(await following).toEqual(Array(20).fill(round))
      waits.push(performance.now() - endedMs)
      await leading
      /* eslint-enable no-await-in-loop */
    }
    row(
      21,
      'Pub/Sub connection dropped',
      `all waiters had the value, the last ${ms(Math.max(...waits))} after the factory`,
    )
    // who hears nothing looks again after a fourth of what was waited
    expect(Math.max(...waits)).toBeLessThan(100 + SLACK_MS)
  })

  test(
    'carries values of 50 MB: they are refused before they are sent, and nobody else waits',
    { timeout: 60_000 },
    async () => {
      const { cache, keyPrefix, errors } = await opened({ redisTimeout: '5s' })
      const giant = Buffer.alloc(50 * 2 ** 20, 1)
      const traffic = new Traffic(200, 'before', (i) => mixedCall(cache, i, 100))
      const before = await traffic.during('before', lasting(2000, 700))
      traffic.enter('giant')
      let slowest = 0
      const commands = await commandsDuring(server, async () => {
        for (const megabytes of [1.1, 5, 10, 50]) {
          const value = giant.subarray(0, megabytes * 2 ** 20)
          const begunMs = performance.now()
          /* eslint-disable no-await-in-loop -- one after the other */
          expect(await cache.set(['giant', megabytes], value)).toBe(false)
          const got = await cache.getOrSet(['giant', megabytes], () => value)
          /* eslint-enable no-await-in-loop */
          slowest = Math.max(slowest, performance.now() - begunMs)
          expect(got.length).toBe(value.length)
        }
      })
      await traffic.during('giant', 200)
      await traffic.stop()
      const during = traffic.latencies('giant')
      expect(await server.client().exists(`${keyPrefix}:v:giant::50`)).toBe(0)
      // Somebody else has put one there
      await server.client().set(`${keyPrefix}:v:giant::50`, giant)
      expect(await cache.get('giant::50', { default: 'miss' })).toBe('miss')
      expect(await cache.getOrSet('giant::50', () => 'small')).toBe('small')
      row(
        29,
        'values of 1.1 to 50 MB',
        `refused (${errors.filter(({ error }) => error instanceof RangeError).length} errors told), the slowest call ${ms(slowest)}; ` +
          `others p99 ${ms(before.p99)} before, ${ms(during.p99)} meanwhile`,
      )
      expect(traffic.errors).toEqual([])
      expect(errors.filter(({ error }) => error instanceof RangeError)).toHaveLength(8)
      expect(commands.length).toBeGreaterThan(0)
    },
  )

  test('is closed while Redis hangs, with calls and a computation under way', async () => {
    const { cache } = await opened()
    const gate = makeGate()
    const computing = cache.getOrSet('computing', () => gate.opened.then(() => 'computed'))
    await until(async () => (await cache.computing()).length === 1, 'it is computed')
    server.stop()
    const calls = Array.from({ length: 100 }, (_, i) => cache.getOrSet(['p', i], () => i))
    const begunMs = performance.now()
    await cache.close()
    const closedMs = performance.now() - begunMs
    gate.open()
    expect(await computing).toBe('computed')
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => i))
    row(35, 'close() while Redis hangs', `closed in ${ms(closedMs)}, with 101 calls under way`)
    expect(closedMs).toBeLessThan(500 + SLACK_MS)
  })

  test(
    'is there, but the event loop is blocked for 3 s: nothing fails, nothing is noticed',
    { timeout: 60_000 },
    async () => {
      const { cache, states, errors } = await opened()
      const traffic = new Traffic(500, 'before', (i) => mixedCall(cache, i, 200, true))
      await delay(500)
      const clientsBefore = await clientIds()
      const before = [states.length, errors.length]
      for (let i = 0; i < lasting(3, 1); i++) {
        const untilMs = performance.now() + 3000
        while (performance.now() < untilMs);
        await delay(300) // eslint-disable-line no-await-in-loop
      }
      await traffic.during('after', 500)
      await traffic.stop()
      const clientsAfter = await clientIds()
      const { calls, failed } = traffic.latencies('before')
      const noticed = states.length - (before[0] as number)
      const told = errors.length - (before[1] as number)
      row(
        24,
        'event loop blocked 3 s, Redis healthy',
        `${failed} of ${calls} calls failed, ${told} errors, ${noticed} changes of state, ` +
          `${clientsBefore.filter((id) => !clientsAfter.includes(id)).length} connections closed`,
      )
      expect(traffic.errors).toEqual([])
      expect(noticed).toBe(0)
      expect(errors.slice(before[1])).toEqual([])
      expect(clientsAfter).toEqual(clientsBefore)
    },
  )
})

async function clientIds(): Promise<string[]> {
  const list = String(await server.client().call('CLIENT', 'LIST'))
  return Array.from(list.matchAll(/^id=(\d+) .*name=keyedcache/gm), ([, id = '']) => id).toSorted()
}
