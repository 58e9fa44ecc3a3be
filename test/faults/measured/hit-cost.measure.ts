import { afterEach, beforeEach, test } from 'vitest'
import { lasting } from '../../support/fault-row.js'
import { median } from '../../support/figures.js'
import { limits } from '../../support/limits.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { whereKnown } from '../../support/where-known.js'
import { startWorker } from '../../support/worker.js'

const LAUNCHES = 5
const HITS = lasting(300_000, 50_000)

let server: RedisServer
beforeEach(async () => {
  server = await startRedis()
})
afterEach(() => server.close())

/** Needs a machine that does nothing else. */
test('What a hit costs more with the fallback than without', { timeout: 300_000 }, async () => {
  const costs = { with: [] as number[], without: [] as number[] }
  for (let i = 0; i < LAUNCHES; i++) {
    /* eslint-disable no-await-in-loop -- one after the other */
    const order = i % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)
    for (const how of order) {
      const worker = await startWorker(new URL('../../workers/hit-cost.mjs', import.meta.url))
      await worker.call('open', {
        redis: server.url,
        keyPrefix: 'measured',
        ...whereKnown({ fallback: how === 'with' }),
      })
      costs[how].push(await worker.call<number>('microsecondsPerHit', HITS))
      await worker.close()
    }
    /* eslint-enable no-await-in-loop */
  }
  const [withIt, without] = [median(costs.with), median(costs.without)]
  limits('hit-cost', `A hit while Redis answers, median of ${LAUNCHES} interleaved launches`, [
    { what: 'us of CPU without the fallback', figure: without },
    { what: '% more with it', figure: 100 * (withIt / without - 1), most: 3 },
  ])
})
