import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { cacheConnections } from '../../../support/cache-connections.js'
import { opening } from '../../../support/fault-cache.js'
import { startCluster } from '../../../support/redis-cluster.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'

const BLOCK_MS = 3000

let server: RedisServer
beforeEach(async () => {
  server = await startRedis()
})
const { open, opened } = opening(() => server)
afterEach(() => server.close())

function block(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

describe(`A process whose event loop is blocked for ${BLOCK_MS} ms`, () => {
  test('loses no call and no connection', async () => {
    const { cache, states, errors } = await opened()
    await cache.set('a', 'stored')
    states.length = 0
    const before = await cacheConnections(server)
    const calls = callsOfAllKinds(cache)
    block(BLOCK_MS)
    const more = callsOfAllKinds(cache)
    expect(await Promise.all(calls)).toEqual(calls.map((_, i) => ANSWERS[i % ANSWERS.length]))
    expect(await Promise.all(more)).toEqual(more.map((_, i) => ANSWERS[i % ANSWERS.length]))
    // Long enough for timers that were late
    const endedMs = performance.now()
    await until(() => performance.now() - endedMs > 1200, 'late timers have fired')
    expect({ states, errors }).toEqual({ states: [], errors: [] })
    expect(await cacheConnections(server)).toEqual(before)
  })

  test('loses nothing on a Cluster either', async () => {
    const cluster = await startCluster()
    try {
      const { cache, states, errors } = open({ redis: cluster.urls })
      const keys = Array.from({ length: 100 }, (_, i) => `key::${i}`)
      await until(() => cache.setMany(keys.map((key) => [key, key])), 'all masters answer')
      states.length = 0
      errors.length = 0
      const before = await Promise.all(cluster.masters.map(cacheConnections))
      const read = keys.map((key) => cache.get(key))
      block(BLOCK_MS)
      expect(await Promise.all(read)).toEqual(keys)
      expect(await cache.getMany(keys)).toEqual(keys)
      const endedMs = performance.now()
      await until(() => performance.now() - endedMs > 1200, 'late timers have fired')
      expect({ states, errors }).toEqual({ states: [], errors: [] })
      const after = await Promise.all(cluster.masters.map(cacheConnections))
      expect(after.map(lasting)).toEqual(before.map(lasting))
      await cache.close()
    } finally {
      await cluster.close()
    }
  }, 60_000)
})

const ANSWERS = ['stored', true, 'computed', ['stored', undefined]] as const

function callsOfAllKinds(cache: KeyedCache): Promise<unknown>[] {
  return Array.from({ length: 25 }, () => [
    cache.get('a'),
    cache.set('b', 1),
    cache.getOrSet('c', () => 'computed'),
    cache.getMany(['a', 'd']),
  ]).flat()
}

/** ioredis asks a Cluster for its slots on connections that last for one question. */
function lasting(all: readonly string[]): string[] {
  return all.filter((each) => !each.includes('refresher') && !each.includes('ioredis-cluster'))
}
