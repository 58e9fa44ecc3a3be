import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, test } from 'vitest'
import { limits } from '../../support/limits.js'
import { countedDuring } from '../../support/commands-counted.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { type SlowLink, startSlowLink } from '../../support/slow-link.js'
import { sharedMs, SteadyCallers } from '../../support/steady-callers.js'

const PROCESSES = 8
const KEYS = 200
const PER_SECOND = 50
const AWAY_MS = 3000
/** What opens a connection or asks whether the server is there, and belongs to no key. */
const OF_NO_KEY = new Set([
  'hello',
  'auth',
  'select',
  'client',
  'info',
  'ping',
  'time',
  'subscribe',
  'unsubscribe',
  'script',
  'hgetall',
  'command',
  'cluster',
])

let server: RedisServer
let link: SlowLink
let callers: SteadyCallers | undefined
beforeEach(async () => {
  server = await startRedis()
  link = await startSlowLink([server.port])
})
afterEach(async () => {
  await callers?.close()
  await Promise.all([link.close(), server.close()])
})

test('8 processes come back to an empty Redis', { timeout: 90_000 }, async () => {
  const pace = { keys: KEYS, perSecond: PER_SECOND }
  callers = await SteadyCallers.start(`redis://127.0.0.1:${link.ports[0]}`, PROCESSES, pace)
  const { workers } = callers
  await link.refuse(true)
  await server.restart()
  await callers.mark()
  await delay(AWAY_MS)
  await callers.take()
  let backMs = 0
  const commands = await countedDuring(server, async () => {
    await link.refuse(false)
    backMs = Math.min(...(await (callers as SteadyCallers).firstAnswersMs()))
    await delay(Math.max(0, backMs + 6000 - sharedMs()))
  })
  const answersMs = await callers.firstAnswersMs()
  const called = await callers.take()
  // what a process computes before Redis has answered it, it computes for itself
  const runs = called.flatMap((each, i) => each.runs.filter(({ begunMs }) => begunMs > (answersMs[i] ?? 0)))
  const perKey = new Map<string, number>()
  for (const { key } of runs) perKey.set(key, (perKey.get(key) ?? 0) + 1)
  // each process's own first second: hits cost one command, so what is left belongs to the misses
  const inFirst = (atMs: number): boolean => atMs >= backMs && atMs < backMs + 1000
  const misses = called.flatMap((each) => each.misses.filter(({ atMs }) => inFirst(atMs)))
  const calls = called.reduce((sum, each) => sum + each.begunMs.filter(inFirst).length, 0)
  const ofKeys = commands.filter(({ name, atMs }) => inFirst(atMs) && !OF_NO_KEY.has(name))
  limits(
    'reconnection',
    `${workers.length} processes back to an empty Redis, ${KEYS} keys, ${PROCESSES * PER_SECOND} calls/s`,
    [
      { what: 'keys computed', figure: perKey.size, least: 0.95 * KEYS, most: KEYS },
      {
        what: 'keys computed more than once',
        figure: [...perKey.values()].filter((count) => count > 1).length,
        most: 0,
      },
      { what: 'commands in the first second', figure: ofKeys.length },
      { what: 'of calls', figure: calls },
      { what: 'misses', figure: misses.length, least: 1 },
      {
        what: 'commands for each key missed',
        figure: (ofKeys.length - Math.max(0, calls - misses.length)) / misses.length,
        most: 3,
      },
      {
        what: 'ms from the first process back to the last',
        figure: Math.max(...answersMs) - backMs,
        least: 100,
        most: 2000,
      },
      { what: 'failed calls', figure: called.reduce((sum, each) => sum + each.failed, 0), most: 0 },
    ],
  )
})
