import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { isMeasured, promised } from '../../support/fault-row.js'
import { report } from '../../support/figures.js'
import { type Answer, Processes, type Run } from '../../support/processes.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import type { Worker } from '../../support/worker.js'
import { sized } from '../../support/size.js'

let server: RedisServer
let processes: Processes
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
afterEach(() => processes.end())

const isStale = (worker: Worker, key: string): Promise<boolean> =>
  until(
    async () => (await worker.call<{ stale: boolean } | undefined>('entry', key))?.stale,
    `${key} is stale`,
  ) as Promise<boolean>

test('200 concurrent readers in 4 processes have the stale value at once, and one refreshes it', async () => {
  processes = await Processes.start(server, 4)
  const [worker] = processes.workers as [Worker]
  await worker.call('set', 'stale', 'old', { ttl: '300ms', grace: '30s' })
  await isStale(worker, 'stale')
  const options = { ttl: '30s', grace: '30s' }
  const answers = await processes.burst({ keys: ['stale'], calls: 50, factory: { ms: 500 }, options })
  const fresh = await until(async () => worker.call<string | undefined>('get', 'stale'), 'it is fresh again')
  const runs = await processes.runs('stale')
  const waited = answers.filter(({ value, settledMs }) => value !== 'old' || settledMs >= (runs[0]?.endedMs ?? 0))
  const slowestMs = Math.max(...answers.map(({ beganMs, settledMs }) => settledMs - beganMs))
  promised(
    '200 readers of a stale value at once, in 4 processes',
    `${runs.length} refresh; ${waited.length} waited for its 500 ms, the slowest read took ${slowestMs.toFixed(0)} ms`,
  )
  expect(waited).toEqual([])
  expect(runs.map(({ name }) => name)).toEqual([fresh])
})

test('A factory that fails is tried again no more often than the pause, and the stale value serves until its grace ends', async () => {
  processes = await Processes.start(server, 4)
  const [worker] = processes.workers as [Worker]
  await worker.call('set', 'failing', 'old', { ttl: '500ms', grace: '5s' })
  const { staleMs, goneMs, answers } = await readUntilGone('failing')
  const runs = (await processes.runs('failing')).filter(({ startedMs }) => startedMs < goneMs)
  const gaps = runs.slice(1).map((run, i) => run.startedMs - ended(runs[i] as Run))
  report(
    `factory fails for 5 s of grace: ${runs.length} attempts in 4 processes, ${gaps.map((gap) => gap.toFixed(0)).join(', ')} ms apart ` +
      `(pause 1000 ms); ${answers.length} readers had the stale value`,
  )
  expect(answers.filter(({ value }) => value !== 'old')).toEqual([])
  expect(answers.length).toBeGreaterThan(100)
  // A tenth of a ttl of 500 ms is less than the shortest pause
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(999)
  expect(runs.length).toBeGreaterThanOrEqual(3)
  expect(goneMs - staleMs).toBeGreaterThan(4500)
})

/** Reads a key again and again in all processes with a factory that fails, until the first of them is told so. */
async function readUntilGone(key: string): Promise<{ staleMs: number; goneMs: number; answers: Answer[] }> {
  const answers: Answer[] = []
  let staleMs: number | undefined
  for (;;) {
    const some = await processes.burst({
      keys: [key],
      factory: { ms: 20, ends: 'throw' },
      options: { ttl: '500ms', grace: '5s' },
    })
    if ((await processes.runs(key)).length > 0) staleMs ??= some[0]?.beganMs
    answers.push(...some.filter(({ error }) => error === undefined))
    const failed = some.filter(({ error }) => error !== undefined)
    // Processes begin one after the other: the first to find nothing computes, whatever the pause.
    const goneMs = Math.min(...failed.map(({ beganMs }) => beganMs))
    if (failed.length > 0) return { staleMs: staleMs ?? Number.NaN, goneMs, answers }
    await delay(20)
  }
}

test('Early refresh spares readers the wait at expiry, and never computes twice at once', async () => {
  processes = await Processes.start(server, 2)
  const SECONDS = sized(60)
  // Many keys, so that the share that waits is no matter of luck
  const early = Array.from({ length: 20 }, (_, i) => `early::${i}`)
  const late = Array.from({ length: 3 }, (_, i) => `late::${i}`)
  const untilMs = Number(process.hrtime.bigint()) / 1e6 + SECONDS * 1000
  const read = (keys: string[], options: object): Promise<Map<string, Map<string, number>>[]> =>
    // 50 readers a second for each key, in two processes
    processes.each('readSteadily', {
      keys,
      perSecond: 25,
      untilMs,
      factory: { ms: 100 },
      options: { ttl: '2s', ...options },
    })
  const [earlyCalls, lateCalls] = await Promise.all([read(early, { early: 1 }), read(late, {})])
  const ofEarly = await expiries(early, earlyCalls)
  const ofLate = await expiries(late, lateCalls)
  promised(
    `\`early: true\`, 50 reads of each key a second for ${SECONDS} s`,
    `a reader waited for the new value at ${((100 * ofEarly.waited) / ofEarly.all).toFixed(0)} % of ${ofEarly.all} expiries; ` +
      `without \`early\` at ${((100 * ofLate.waited) / ofLate.all).toFixed(0)} % of ${ofLate.all}`,
  )
  expect(ofEarly.all).toBeGreaterThanOrEqual((early.length * SECONDS) / 2 / 1.5)
  // Where processes get no turn for as long as a value is fresh, nobody refreshes it before
  expect(ofEarly.waited).toBeLessThanOrEqual(ofEarly.all / (isMeasured ? 4 : 2))
  expect(ofLate.waited).toBe(ofLate.all)
}, 90_000)

/** How often the keys were computed anew, and how often a reader got the new value by a call that began before it was there. */
async function expiries(
  keys: readonly string[],
  firstCalls: readonly Map<string, Map<string, number>>[],
): Promise<{ all: number; waited: number }> {
  let all = 0
  let waited = 0
  for (const key of keys) {
    const runs = (await processes.runs(key)).filter((run) => run.endedMs !== undefined)
    for (const [i, run] of runs.entries()) {
      if (i === 0) continue
      expect(run.startedMs, `${key} is computed twice at once`).toBeGreaterThanOrEqual(ended(runs[i - 1] as Run))
      const began = Math.min(...firstCalls.map((calls) => calls.get(key)?.get(run.name) ?? Infinity))
      all++
      if (began < ended(run)) waited++
    }
  }
  return { all, waited }
}

function ended({ endedMs }: Run): number {
  return endedMs ?? Number.NaN
}
