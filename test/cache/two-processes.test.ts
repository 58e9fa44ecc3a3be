import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { CacheStats } from '../../src/index.js'
import { freshPrefix } from '../support/both-stores.js'
import { startRedis } from '../support/redis-server.js'
import { startWorker, type Worker } from '../support/worker.js'

type Server = Awaited<ReturnType<typeof startRedis>>

const CACHE = new URL('../workers/cache.mjs', import.meta.url)

let redis: Server
let one: Worker
let two: Worker

beforeAll(async () => {
  redis = await startRedis()
})

afterAll(async () => redis.close())

beforeEach(async () => {
  ;[one, two] = await Promise.all([startWorker(CACHE), startWorker(CACHE)])
  const options = { redis: redis.url, keyPrefix: freshPrefix(), redisTimeout: '5s' }
  await Promise.all([one.call('open', options), two.call('open', options)])
})

afterEach(async () => {
  await Promise.all([one.close(), two.close()])
})

test('each sees the values of the other at once', async () => {
  for (let i = 0; i < 50; i++) {
    const [writer, reader] = i % 2 === 0 ? [one, two] : [two, one]
    const value = { i, at: new Date(i), bytes: new Uint8Array([i]) }
    expect(await writer.call('call', 'set', 'x', value)).toBe(true)
    expect(await reader.call('call', 'get', 'x')).toEqual(value)
  }
  expect(await one.call('call', 'delete', 'x')).toEqual(['x'])
  expect(await two.call('call', 'has', 'x')).toBe(false)
})

test('what one computed is not computed by the other', async () => {
  expect(await one.call('compute', 'x', 'by one')).toEqual({ found: 'by one', computed: true })
  expect(await two.call('compute', 'x', 'by two')).toEqual({ found: 'by one', computed: false })
})

test('children deleted in one are gone in the other, and nothing else is', async () => {
  const keys = ['product', 'product::1', 'product::1::x', 'product::2', 'products', 'produce::1']
  for (const [i, key] of keys.entries()) await (i % 2 === 0 ? one : two).call('call', 'set', key, i)
  expect(await two.call('call', 'getMany', keys)).toEqual([0, 1, 2, 3, 4, 5])
  expect(await one.call('call', 'delete', 'product', { children: true })).toEqual(keys.slice(0, 4))
  expect(await two.call('call', 'getMany', keys)).toEqual([undefined, undefined, undefined, undefined, 4, 5])
  expect(await two.call('call', 'keys')).toEqual({ keys: ['produce::1', 'products'], next: undefined, total: 2 })
  expect(await two.call('call', 'clear')).toBe(2)
  expect(await one.call('call', 'count')).toBe(0)
})

test('the statistics of either are the sum of both', async () => {
  await one.call('call', 'set', 'x', 1)
  for (let i = 0; i < 3; i++) await one.call('call', 'get', 'x')
  for (let i = 0; i < 4; i++) await two.call('call', 'get', 'x')
  await one.call('call', 'get', 'none', { default: null })
  await two.call('compute', 'y', 1)
  // each sends what it counted when it is asked
  await Promise.all([one.call('call', 'stats'), two.call('call', 'stats')])
  for (const worker of [one, two]) {
    const stats = await worker.call<CacheStats>('call', 'stats')
    expect(stats).toMatchObject({ calls: 9, hits: 7, misses: 2, computations: 1, keys: 2, scope: 'fleet' })
    expect(stats.hitsBy).toEqual({ request: 0, near: 0, store: 7, fallback: 0 })
    expect(stats.hitRate).toBeCloseTo(7 / 9)
    const pids = stats.processes.map(({ id }) => Number(id.slice(id.lastIndexOf(':') + 1)))
    expect(new Set(pids)).toEqual(new Set([one.pid, two.pid]))
    expect(stats.groups.find(({ group }) => group === 'x')).toMatchObject({ calls: 7, hits: 7 })
    expect(stats.minutes.reduce((sum, { calls }) => sum + calls, 0)).toBe(9)
  }
})

test('what a process counted stays when it has gone', async () => {
  await one.call('call', 'set', 'x', 1)
  await one.call('call', 'get', 'x')
  await one.call('call', 'close')
  await one.close()
  expect(await two.call('call', 'stats')).toMatchObject({ calls: 1, hits: 1 })
  expect(await two.call('call', 'get', 'x')).toBe(1)
})
