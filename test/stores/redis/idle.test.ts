import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, type TestContext, test } from 'vitest'
import { createKeyedCache, type KeyedCacheOptions } from '../../../src/cache/create-keyed-cache.js'
import { allAnswer } from '../../support/all-answer.js'
import { atMostMs } from '../../support/fault-row.js'
import { countedDuring, type Sent } from '../../support/commands-counted.js'
import { startCluster } from '../../support/redis-cluster.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'

const KEY_PREFIX = 'idle'
const SETTLE_MS = 2500
const COUNTED_MS = 4000
/** What the nodes of a Cluster send each other. */
const OF_NODES = new Set(['replconf', 'psync'])

/** Opens a cache that has the upkeep, and tags to look after. Gives what each of some servers is sent while nobody calls. */
async function sentBy(
  options: KeyedCacheOptions,
  servers: readonly RedisServer[],
  { onTestFinished }: TestContext,
): Promise<Sent[][]> {
  const cache = createKeyedCache({ ...options, keyPrefix: KEY_PREFIX, redisTimeout: '5s', near: true })
  onTestFinished(() => cache.close())
  await allAnswer(cache)
  for (const key of ['a', 'b', 'c', 'd', 'e']) await cache.set(key, 1, { tags: ['t', key] }) // eslint-disable-line no-await-in-loop
  await delay(SETTLE_MS)
  const all = await Promise.all(servers.map((server) => countedDuring(server, () => delay(COUNTED_MS))))
  return all.map((sent) => sent.filter(({ name }) => !OF_NODES.has(name)))
}

/** What comes once a second may come at the beginning of that time and at its end. */
function atMost(perSecond: number): number {
  return perSecond * (COUNTED_MS / 1000 + 1)
}

describe.concurrent('A process that does nothing sends', () => {
  test('a server at most 5 commands a second', async (context) => {
    const server = await startRedis()
    context.onTestFinished(() => server.close())
    const [sent = []] = await sentBy({ redis: server.url }, [server], context)
    expect(sent.length).toBeLessThanOrEqual(atMost(5))
    // It is probed each second, and kept up.
    expect(sent.filter(({ name }) => name === 'evalsha').length).toBeGreaterThanOrEqual(2 * (COUNTED_MS / 1000 - 1))
  })

  test.for([
    ['shared', 4, 12, COUNTED_MS / 1000 - 1],
    ['low', 1, 1, 0],
  ] as const)(
    'each of three masters (`upkeep: %s`) at most %i commands a second, and all together %i',
    async ([upkeep, most, ofAll, least], context) => {
      const cluster = await startCluster()
      context.onTestFinished(() => cluster.close())
      const counts = (await sentBy({ redis: cluster.urls, upkeep }, cluster.masters, context)).map(
        ({ length }) => length,
      )
      expect(Math.max(...counts)).toBeLessThanOrEqual(atMost(most))
      expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(atMost(ofAll))
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(least)
    },
  )

  test.for([
    ['shared', 1500],
    ['low', 5000],
  ] as const)(
    'too little to miss that a server hangs (`upkeep: %s`): it is noticed within %i ms',
    async ([upkeep, withinMs], { onTestFinished }) => {
      const server = await startRedis()
      onTestFinished(() => server.close())
      const cache = createKeyedCache({ redis: server.url, keyPrefix: KEY_PREFIX, upkeep })
      onTestFinished(() => cache.close())
      await until(async () => (await cache.stats()).backend.up, 'it is connected')
      let isDown = false
      cache.on('state', ({ up }) => (isDown = !up))
      server.stop()
      await until(() => isDown, 'it is noticed', atMostMs(withinMs))
      server.resume()
    },
  )
})
