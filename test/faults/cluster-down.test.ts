import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUDGET_MS, mixedCall, ms, opening, SLACK_MS } from '../support/fault-cache.js'
import { expectNoLeakWarnings, lasting, row } from '../support/fault-row.js'
import { type RedisCluster, startCluster } from '../support/redis-cluster.js'
import type { RedisServer } from '../support/redis-server.js'
import { Traffic } from '../support/traffic.js'
import { until } from '../support/until.js'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster()
}, 60_000)
afterAll(() => cluster.close())
expectNoLeakWarnings()
const { open } = opening(() => {
  throw new Error('these caches are on a Cluster')
})

test('On a Cluster all children are found, listed and deleted, wherever they are', async () => {
  const { cache } = open({ redis: cluster.urls, redisTimeout: '5s' })
  const count = lasting(10_000, 2000)
  await until(() => cache.set(['p', 0], 0), 'the cache answers')
  for (let i = 1; i < count; i += 200) {
    // eslint-disable-next-line no-await-in-loop -- some at a time
    await cache.setMany(Array.from({ length: Math.min(200, count - i) }, (_, j) => [['p', i + j], i + j] as const))
  }
  const found = await cache.getMany(Array.from({ length: count }, (_, i) => ['p', i]))
  expect(found.filter((value, i) => value === i)).toHaveLength(count)
  expect(await cache.count('p')).toBe(count)
  const deleted = await cache.delete('p', { children: true })
  row(19, 'keys in many slots', `${deleted.length} of ${count} children deleted, ${await cache.count('p')} left`)
  expect(new Set(deleted).size).toBe(count)
  expect(await cache.count('p')).toBe(0)
})

test('A Cluster that has lost a shard is no trouble of the caller', { timeout: 90_000 }, async () => {
  const { cache } = open({ redis: cluster.urls })
  await until(() => cache.set('ready', true), 'the cache answers')
  const lost = await lostShard()
  const traffic = new Traffic(200, 'warm', (i) => mixedCall(cache, i, 200, true))
  await delay(500)
  for (const node of lost) await node.kill() // eslint-disable-line no-await-in-loop
  const during = await traffic.during('down', lasting(10_000, 3000))
  const begunMs = performance.now()
  traffic.enter('after')
  await Promise.all(lost.map((node) => node.restart()))
  const startedMs = performance.now()
  await until(async () => (await cache.stats()).backend.up, 'all shards answer', 40_000)
  const backMs = performance.now() - startedMs
  await traffic.stop()
  row(
    18,
    'CLUSTERDOWN: a master and its replica killed',
    `${during.failed} of ${during.calls} calls failed, the slowest ${ms(during.max)}; back ${ms(backMs)} after both ran again`,
  )
  expect(performance.now() - begunMs).toBeGreaterThan(0)
  expect(traffic.errors).toEqual([])
  // each step of a delete, of which a failed shard takes the time limit
  expect(during.max).toBeLessThan(2 * BUDGET_MS + 50 + 2 * SLACK_MS)
})

/** A master and its replica. */
async function lostShard(): Promise<RedisServer[]> {
  const master = cluster.masters[0] as RedisServer
  const info = await master.client().info('replication')
  const port = Number(/slave0:ip=[^,]*,port=(\d+)/.exec(info)?.[1])
  const replica = cluster.nodes.find((node) => node.port === port) as RedisServer
  return [replica, master]
}
