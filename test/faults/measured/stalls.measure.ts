import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lasting } from '../../support/fault-row.js'
import { type Limited, limits } from '../../support/limits.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { type Called, freeze, SteadyCallers } from '../../support/steady-callers.js'

const KEYS = 200
const STALLS = lasting(5, 2)
const BETWEEN_MS = 1500

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
  ['without near', {}, { 150: 0, 300: KEYS, 1000: KEYS }],
  ['with near', { near: true }, { 150: 0, 300: 5, 1000: 5 }],
])('Redis stands still for a moment, %s', { timeout: 120_000 }, async (how, options, most) => {
  callers = await SteadyCallers.start(server.url, 1, { keys: KEYS, perSecond: 1000 }, options)
  const figures: Limited[] = []
  let failed = 0
  for (const [stallMs, mostRuns] of Object.entries(most)) {
    let runs = 0
    for (let i = 0; i < STALLS; i++) {
      /* eslint-disable no-await-in-loop -- one after the other */
      await freeze(server, Number(stallMs))
      await delay(BETWEEN_MS)
      const [called] = (await callers.take()) as [Called]
      /* eslint-enable no-await-in-loop */
      runs = Math.max(runs, called.runs.length)
      failed += called.failed
      expect(called.begunMs.length).toBeGreaterThan(1000)
    }
    figures.push({ what: `runs in a stall of ${stallMs} ms`, figure: runs, most: mostRuns })
  }
  limits('stalls', `${STALLS} stalls of each, the worst counts; 200 keys, 1,000 reads/s, ${how}`, [
    ...figures,
    { what: 'failed calls', figure: failed, most: 0 },
  ])
})
