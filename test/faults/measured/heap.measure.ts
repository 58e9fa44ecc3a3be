import { afterEach, beforeEach, test } from 'vitest'
import { lasting } from '../../support/fault-row.js'
import { limits } from '../../support/limits.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { whereKnown } from '../../support/where-known.js'
import { startWorker, type Worker } from '../../support/worker.js'

const MIB = 2 ** 20
const MAX_MIB = 16
const KEYS = lasting(1_000_000, 100_000)
/** So many of those asked for last are asked for once more. */
const AGAIN = 2000

let server: RedisServer
let worker: Worker
beforeEach(async () => {
  server = await startRedis()
  worker = await startWorker(new URL('../../workers/fallback-heap.mjs', import.meta.url))
})
afterEach(async () => {
  await worker.close()
  await server.close()
})

test.each([
  ['maxEntries as by default', {}],
  ['maxEntries 1,000,000', { maxEntries: 1_000_000 }],
])('1,000,000 distinct keys while Redis is away, %s', { timeout: 400_000 }, async (how, bounds) => {
  const options = whereKnown({ fallback: { maxBytes: MAX_MIB * MIB, ...bounds } })
  await worker.call('open', { redis: server.url, keyPrefix: 'measured', ...options })
  const used = async (): Promise<number> => (await worker.call<number>('bytesUsed')) / MIB
  const gone = async (): Promise<void> => {
    await server.kill()
    await until(async () => !(await worker.call<boolean>('isUp')), 'it has noticed')
  }
  const back = async (): Promise<void> => {
    await server.restart()
    await until(() => worker.call<boolean>('isUp'), 'it is back')
    await worker.call('ask', -10, 0)
  }
  // an outage that costs what the first one does
  await gone()
  await worker.call('ask', -20_000, 0)
  await back()
  const before = await used()
  await gone()
  const runs = await worker.call<number>('ask', 0, KEYS)
  const grown = (await used()) - before
  const again = await worker.call<number>('ask', KEYS - AGAIN, KEYS)
  await back()
  const left = (await used()) - before
  limits('heap', `${KEYS} distinct keys while Redis is away, ${how}`, [
    { what: 'MiB grown', figure: grown, most: 1.1 * MAX_MIB },
    { what: 'MiB left after the return', figure: left, most: 1 },
    { what: `answered without a run of the last ${AGAIN}`, figure: AGAIN - again, least: AGAIN },
    { what: 'runs', figure: runs },
  ])
})
