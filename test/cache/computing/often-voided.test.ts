import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freshPrefix } from '../../support/both-stores.js'
import { isMeasured } from '../../support/fault-row.js'
import { report } from '../../support/figures.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { isFull } from '../../support/size.js'
import { startWorker, type Worker } from '../../support/worker.js'

const FACTORY_MS = 300
const DELETE_EVERY_MS = 100
const READS_A_SECOND = 40
const LASTS_MS = isFull ? 8000 : 1500
/** How many times the factory's time: the middle call, 99 of 100, and every call. A test run shares its machine, also with itself. */
const [MIDDLE, MOST, WORST] = isFull || isMeasured ? [1.3, 2.1, 3] : [1.6, 2.6, 4]

let server: RedisServer
let workers: Worker[] = []
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
afterEach(async () => {
  const all = workers
  workers = []
  await Promise.all(all.map((worker) => worker.call('close')))
  await Promise.all(all.map((worker) => worker.close()))
})

const CASES = [
  ['the embedded store', 1, 'delete'],
  ['the embedded store', 1, 'tag'],
  ['Redis', 1, 'delete'],
  ['Redis', 6, 'delete'],
  ['Redis', 6, 'children'],
  ['Redis', 6, 'tag'],
  ['Redis', 6, 'clear'],
] as const

test.each(CASES)(
  'On %s, of %d processes, nobody waits much longer than the factory for a key that is voided often by: %s',
  { timeout: 60_000 },
  async (where, count, way) => {
    const options = where === 'Redis' ? { redis: server.url, keyPrefix: freshPrefix() } : {}
    workers = await Promise.all(
      Array.from({ length: count }, () => startWorker(new URL('../../workers/often-voided.mjs', import.meta.url))),
    )
    await Promise.all(workers.map((worker) => worker.call('open', options)))
    const untilMs = Number(process.hrtime.bigint()) / 1e6 + LASTS_MS
    const deleting = workers[0]!.call<number>('remove', {
      way,
      everyMs: DELETE_EVERY_MS,
      untilMs: untilMs + 3 * FACTORY_MS,
    })
    const reading = { perSecond: READS_A_SECOND, factoryMs: FACTORY_MS, untilMs }
    const read = await Promise.all(
      workers.map((worker) => worker.call<{ waits: number[]; runs: number }>('read', reading)),
    )
    const deletes = await deleting
    const waits = read.flatMap((each) => each.waits).toSorted((a, b) => a - b)
    const at = (share: number): number =>
      waits[Math.min(waits.length - 1, Math.floor(share * waits.length))]! / FACTORY_MS
    const runs = read.map((each) => each.runs)
    report(
      `${where}, ${count} processes, ${way}: ${waits.length} reads, ${deletes} deletes, at most ${Math.max(...runs)} runs in a process; ` +
        `times the factory: median ${at(0.5).toFixed(2)}, 99 of 100 ${at(0.99).toFixed(2)}, worst ${at(1).toFixed(2)}`,
    )
    expect(at(0.5)).toBeLessThan(MIDDLE)
    expect(at(0.99)).toBeLessThan(MOST)
    expect(at(1)).toBeLessThan(WORST)
    // One more: the first run comes before the first delete that concerns it.
    expect(Math.max(...runs)).toBeLessThanOrEqual(deletes + 1)
  },
)
