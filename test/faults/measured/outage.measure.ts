import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lasting } from '../../support/fault-row.js'
import { limits } from '../../support/limits.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { type Called, sharedMs, SteadyCallers } from '../../support/steady-callers.js'

const AWAY_MS = 8000
const FALLBACK_TTL_MS = 10_000
const FLEET = { processes: 4, keys: 200, perSecond: 500 }
const FLEET_AWAY_MS = lasting(60_000, 20_000)

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
  ['killed', () => server.kill(), () => server.restart()],
  ['stopped', () => server.stop(), () => server.resume()],
] as const)('Redis %s 8 s', { timeout: 60_000 }, async (how, take, giveBack) => {
  callers = await SteadyCallers.start(server.url, 1, { keys: 50, perSecond: 200 })
  await take()
  await callers.mark()
  await delay(AWAY_MS)
  await giveBack()
  const [answeredMs = 0] = await callers.firstAnswersMs()
  await delay(3000)
  const [called] = (await callers.take()) as [Called]
  const whileAway = called.runs.filter(({ begunMs }) => begunMs < answeredMs).length
  limits('outage', `Redis ${how} ${AWAY_MS / 1000} s, 50 keys, 200 calls/s`, [
    { what: "runs until Redis's first answer", figure: whileAway, most: 55 },
    {
      what: `runs once it is back${how === 'killed' ? ' and empty' : ''}`,
      figure: called.runs.length - whileAway,
      most: 60,
    },
    { what: 'failed calls', figure: called.failed, most: 0 },
  ])
  expect(called.begunMs.length).toBeGreaterThan(1000)
})

test.each([
  ['without near', {}],
  ['with near', { near: true }],
])('4 processes, Redis killed 60 s, %s', { timeout: 150_000 }, async (how, options) => {
  const { processes, keys, perSecond } = FLEET
  callers = await SteadyCallers.start(server.url, processes, { keys, perSecond: perSecond / processes }, options)
  const killedMs = sharedMs()
  await server.kill()
  await callers.mark()
  await delay(FLEET_AWAY_MS)
  const called = await callers.take()
  await server.restart()
  await callers.firstAnswersMs()
  await delay(2000)
  const after = await callers.take()
  const most = (keys * processes * FLEET_AWAY_MS) / FALLBACK_TTL_MS
  const runs = called.flatMap((each) => each.runs)
  const early = runs.filter(({ begunMs }) => begunMs < killedMs + FALLBACK_TTL_MS).length
  const failed = [...called, ...after].reduce((sum, each) => sum + each.failed, 0)
  limits('outage', `Redis killed ${FLEET_AWAY_MS / 1000} s, 4 processes, 500 requests/s, 200 keys, ${how}`, [
    { what: 'runs', figure: runs.length, most: 1.05 * most },
    {
      what: 'in the first 10 s',
      figure: early,
      ...('near' in options ? { most: 0.05 * keys * processes } : {}),
    },
    { what: 'once it is back', figure: after.reduce((sum, each) => sum + each.runs.length, 0) },
    { what: 'failed calls', figure: failed, most: 0 },
  ])
})
