import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { check, type Fault, type Violation } from '../../cache/history-checker.js'
import { lasting } from '../../support/fault-row.js'
import { limits } from '../../support/limits.js'
import { BOUNDS, Observed } from '../../support/observed.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { sharedMs } from '../../support/steady-callers.js'

const FOR_MS = 60_000
const AWAY_MS = 1500
const BACK_MS = 2000
/** What old values break. */
const OF_OLD_VALUES = new Set(['V1', 'V2', 'V5', 'V8'])

let server: RedisServer
let source: RedisServer
let observed: Observed | undefined
beforeEach(async () => {
  ;[server, source] = await Promise.all([startRedis(), startRedis()])
})
afterEach(async () => {
  await observed?.close()
  await Promise.all([server.close(), source.close()])
})

/** Lets Redis be away again and again, killed and stopped in turn, until there is a violation or the time is up. */
async function judged(bug: string, forMs: number): Promise<{ tookMs: number; found: Violation[]; operations: number }> {
  const watched = (observed = new Observed(server, source, bug))
  await watched.startAll()
  const faults: Fault[] = []
  const begunMs = sharedMs()
  let judgedMs = 0
  for (let n = 0; ; n++) {
    /* eslint-disable no-await-in-loop -- one after the other */
    await delay(BACK_MS)
    await watched.take()
    const tookMs = sharedMs() - begunMs
    // The whole history is judged each time, so the longer it is, the less often.
    if (tookMs > Math.min(1.5 * judgedMs, forMs)) {
      judgedMs = tookMs
      const found = check(await watched.history(faults), BOUNDS).filter(({ rule }) => OF_OLD_VALUES.has(rule))
      if (found.length > 0 || tookMs > forMs) return { tookMs, found, operations: watched.operations.length }
    }
    const fromMs = sharedMs()
    if (n % 2 === 0) server.stop()
    else await server.kill()
    await delay(AWAY_MS)
    if (n % 2 === 0) server.resume()
    else await server.restart()
    faults.push({ kind: 'Redis away', fromMs, toMs: sharedMs() })
    /* eslint-enable no-await-in-loop */
  }
}

test.each(['fallback that is not emptied', 'fallback that ignores own deletes'])(
  'The checker finds a planted %s',
  { timeout: 120_000 },
  async (bug) => {
    const { tookMs, found } = await judged(bug, FOR_MS)
    limits('history', `planted: ${bug}`, [
      { what: 'violations', figure: found.length, least: 1 },
      { what: 's until they were found', figure: tookMs / 1000, most: FOR_MS / 1000 },
    ])
    expect(found.map(({ rule }) => rule)).toContain('V2')
  },
)

test.each([
  ['right fallback', FOR_MS],
  ['nothing planted', 10 * FOR_MS],
])('The checker finds nothing where nothing is wrong: %s', { timeout: 900_000 }, async (bug, forMs) => {
  const { found, tookMs, operations } = await judged(bug, lasting(forMs, 45_000))
  limits('history', `${bug}, ${Math.round(tookMs / 60_000)} min`, [
    { what: 'violations', figure: found.length, most: 0 },
    { what: 'operations', figure: operations, least: 1000 },
  ])
  expect(found.slice(0, 10)).toEqual([])
})
