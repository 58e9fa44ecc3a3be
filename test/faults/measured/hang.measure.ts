import { afterEach, beforeEach, test } from 'vitest'
import { BUDGET_MS } from '../../support/fault-cache.js'
import { lasting } from '../../support/fault-row.js'
import { limits } from '../../support/limits.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { type Called, freeze, SteadyCallers } from '../../support/steady-callers.js'

const HANG_MS = lasting(10_000, 5000)
const PAID_MS = 10

let server: RedisServer
let callers: SteadyCallers | undefined
beforeEach(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await callers?.close()
  await server.close()
})

/** The times leave out what the event loop was late, which is told beside. Needs a machine that does nothing else. */
test.each([
  ['without near', {}, 3.5],
  ['with near', { near: true }, 0.1],
])('Redis hangs 10 s, %s', { timeout: 60_000 }, async (how, options, mostPaid) => {
  callers = await SteadyCallers.start(server.url, 1, { keys: 200, perSecond: 1000 }, options)
  await freeze(server, HANG_MS)
  const [{ tookMs, runs, failed, latestMs }] = (await callers.take()) as [Called]
  const paid = (100 * tookMs.filter((each) => each > PAID_MS).length) / tookMs.length
  limits('hang', `Redis hangs ${HANG_MS / 1000} s, 1,000 calls/s, 200 keys, ${how}`, [
    { what: `% of calls that pay more than ${PAID_MS} ms`, figure: paid, most: mostPaid },
    { what: 'ms of the longest call', figure: Math.max(...tookMs), most: BUDGET_MS + 50 },
    { what: 'ms that the loop was late at most', figure: latestMs },
    { what: 'runs', figure: runs.length },
    { what: 'failed calls', figure: failed, most: 0 },
  ])
})
