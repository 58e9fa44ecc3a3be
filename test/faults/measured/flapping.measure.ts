import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, test } from 'vitest'
import { BUDGET_MS } from '../../support/fault-cache.js'
import { lasting } from '../../support/fault-row.js'
import { limits } from '../../support/limits.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { type Called, freeze, SteadyCallers } from '../../support/steady-callers.js'

const KEYS = 200
const SECONDS = lasting(30, 5)
/** Of each second: what is sent in its first 50 ms gets no answer within `BUDGET_MS`, which is 5 %. */
const STALL_MS = BUDGET_MS + 50

let server: RedisServer
let callers: SteadyCallers | undefined
beforeEach(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await callers?.close()
  await server.close()
})

test.each([
  ['without near', {}, KEYS],
  ['with near', { near: true }, 5],
])('Redis answers 5 % of reads late, %s', { timeout: 90_000 }, async (how, options, mostOfEach) => {
  callers = await SteadyCallers.start(server.url, 1, { keys: KEYS, perSecond: 1000 }, options)
  for (let i = 0; i < SECONDS; i++) {
    /* eslint-disable no-await-in-loop -- one after the other */
    await freeze(server, STALL_MS)
    await delay(1000 - STALL_MS)
    /* eslint-enable no-await-in-loop */
  }
  await delay(1000)
  const [{ runs, failed, states, tookMs }] = (await callers.take()) as [Called]
  limits('flapping', `5 % of reads late for ${SECONDS} s, 200 keys, 1,000 reads/s, ${how}`, [
    { what: 'runs for each time that Redis was late', figure: runs.length / SECONDS, most: mostOfEach },
    { what: 'times down', figure: states.filter(({ up }) => !up).length },
    { what: 'ms of the longest call', figure: Math.max(...tookMs) },
    { what: 'failed calls', figure: failed, most: 0 },
  ])
})
