import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Computation } from '../../../src/contract/inspected.js'
import { atMostMs, promised, row } from '../../support/fault-row.js'
import { median, report } from '../../support/figures.js'
import { type Answer, type FactoryPlan, Processes, type Run } from '../../support/processes.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import type { Worker } from '../../support/worker.js'

const ROUNDS = 5

let server: RedisServer
let processes: Processes
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

async function end(): Promise<void> {
  const tookMs = await processes.end()
  report(`the processes ended by themselves ${tookMs.toFixed(0)} ms after close()`)
}

describe('Of 8 processes together', () => {
  beforeAll(async () => {
    processes = await Processes.start(server, 8)
  })
  afterAll(end)

  test('one runs the factory of a cold key, and all have its value at once', async () => {
    const waits: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const key = `cold::${round}`
      const answers = await processes.burst({ keys: [key], calls: 25, factory: { ms: 400 } })
      const [run] = await onlyRun(key)
      expect(answers.map(({ value }) => value)).toEqual(Array(200).fill(run.name))
      waits.push(lastMs(answers) - ended(run))
    }
    promised(
      '8 processes x 25 calls for one missing key, factory 400 ms',
      `1 run; the slowest call ends ${median(waits).toFixed(0)} ms after it`,
    )
    expect(median(waits)).toBeLessThanOrEqual(atMostMs(50))
  })

  test.each([
    ['null', null],
    ['undefined', undefined],
  ] as const)('one runs a factory that gives %s, and all have it at once', async (ends, value) => {
    const waits: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const key = `${ends}::${round}`
      const answers = await processes.burst({ keys: [key], calls: 5, factory: { ms: 200, ends } })
      const [run] = await onlyRun(key)
      expect(answers.map((answer) => ('value' in answer ? answer.value : answer))).toEqual(Array(40).fill(value))
      waits.push(lastMs(answers) - ended(run))
    }
    report(`factory gives ${ends}: 1 run; all settled ${figures(waits)} ms after it`)
    expect(median(waits)).toBeLessThanOrEqual(atMostMs(50))
  })

  test.concurrent.each(['throw', 'skip', 'unstorable'] as const)(
    'each runs a factory at most once that ends by: %s, and all side by side',
    async (ends) => {
      const waits: number[] = []
      const counts: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const key = `${ends}::${round}`
        const answers = await processes.burst({ keys: [key], calls: 5, factory: { ms: 300, ends } })
        const runs = await processes.runs(key)
        expect(new Set(runs.map(({ pid }) => pid)).size, 'at most one run a process').toBe(runs.length)
        expect(answers.filter(({ error }) => error !== undefined)).toHaveLength(ends === 'throw' ? 40 : 0)
        expect(new Set(answers.map(outcome)).size, 'each process has its own outcome').toBe(runs.length)
        const [, ...others] = runs
        const firstEndedMs = Math.min(...others.map(ended))
        expect(
          others.filter(({ startedMs }) => startedMs >= firstEndedMs),
          'nobody waits for another',
        ).toEqual([])
        counts.push(runs.length)
        waits.push(lastMs(answers) - ended(runs[0]))
      }
      row(
        32,
        `8 processes want a value whose factory of 300 ms ends by: ${ends}`,
        `at most ${Math.max(...counts)} runs, side by side; all settled ${median(waits).toFixed(0)} ms after the first one (median)`,
      )
      expect(median(waits)).toBeLessThanOrEqual(atMostMs(350))
    },
  )
})

describe('Of 6 processes that refresh a key at once', () => {
  beforeAll(async () => {
    processes = await Processes.start(server, 6)
  })
  afterAll(end)

  test('two run the factory at most, and nobody has a value from before the call', async () => {
    const counts: number[] = []
    for (let round = 0; round < 3; round++) {
      const key = `refreshed::${round}`
      if (round > 0) await (processes.workers[0] as Worker).call('set', key, 'old')
      const options = { refresh: true }
      const answers = await processes.burst({ keys: [key], calls: 5, factory: { ms: 300 }, options })
      const runs = await processes.runs(key)
      for (const { value, beganMs } of answers) {
        const run = runs.find(({ name }) => name === value)
        expect(run, `a run gave ${String(value)}`).toBeDefined()
        expect(run!.startedMs).toBeGreaterThanOrEqual(beganMs)
      }
      expect(await (processes.workers[0] as Worker).call('get', key)).toBe(runs.at(-1)!.name)
      counts.push(runs.length)
    }
    report(`6 processes x 5 calls with refresh: ${counts.join(', ')} runs`)
    expect(Math.max(...counts)).toBeLessThanOrEqual(2)
  })

  test('nobody has a value from before the call, whenever the calls come', async () => {
    const key = 'refreshed at any time'
    const bursts = processes.workers.flatMap((worker, place) =>
      Array.from({ length: 8 }, async (_, i) => {
        await delay((i * 37 + place * 23) % 300)
        const burst = { keys: [key], calls: 2, factory: { ms: 40 }, options: { refresh: true } }
        return worker.call<Answer[]>('burst', burst)
      }),
    )
    const answers = (await Promise.all(bursts)).flat()
    const runs = new Map((await processes.runs(key)).map((run) => [run.name, run]))
    for (const { value, beganMs, error } of answers) {
      expect(error).toBeUndefined()
      expect(runs.get(String(value))!.startedMs).toBeGreaterThanOrEqual(beganMs)
    }
    report(`96 calls with refresh in 6 processes within 300 ms, factory 40 ms: ${runs.size} runs`)
    expect(runs.size).toBeLessThan(40)
  })

  test('each has its own outcome where the factory fails, and none waits for ever', async () => {
    const burst = {
      keys: ['fails'],
      calls: 3,
      factory: { ms: 100, ends: 'throw' as const },
      options: { refresh: true },
    }
    const answers = await processes.burst(burst)
    expect(answers.every(({ error }) => error !== undefined)).toBe(true)
    const runs = await processes.runs('fails')
    expect(new Set(runs.map(({ pid }) => pid)).size).toBe(runs.length)
  })
})

describe('Of all processes together', () => {
  afterEach(end)

  test('one runs the factory of each of 20 keys', async () => {
    processes = await Processes.start(server, 16)
    const keys = Array.from({ length: 20 }, (_, i) => `many::${i}`)
    const answers = await Promise.all(
      // Each process asks for all keys, beginning with another one, 50 calls in all
      processes.workers.map((worker, i) =>
        worker.call<Answer[]>('burst', {
          keys: Array.from({ length: 50 }, (_, call) => keys[(i + call) % 20] as string),
          factory: { ms: 200 },
        }),
      ),
    )
    const runs = await Promise.all(keys.map((key) => processes.countRuns(key)))
    promised('16 processes x 50 calls on 20 missing keys', `${sum(runs)} runs`)
    expect(runs).toEqual(Array(20).fill(1))
    expect(new Set(answers.flat().map(({ key, value }) => `${key} ${String(value)}`)).size).toBe(20)
  })

  test('one takes over when the holder of the lease is killed, as soon as the lease ends', async () => {
    processes = await Processes.start(server, 4, { lease: '1s' })
    const waits: number[] = []
    for (let round = 0; round < 3; round++) {
      const key = `killed::${round}`
      const calls = processes.workers.map((worker) => ({
        worker,
        answers: worker.call<Answer[]>('burst', { keys: [key], calls: 5, factory: { ms: 700 } }).catch(() => []),
      }))
      const holder = await holderOf(key)
      const killedMs = Number(process.hrtime.bigint()) / 1e6
      await processes.kill(holder)
      const answers = (await Promise.all(calls.map((call) => call.answers))).flat()
      const [run] = await processes.runs(key)
      expect(await processes.countRuns(key)).toBe(2)
      expect(answers.map(({ value }) => value)).toEqual(Array((3 - round) * 5).fill(run?.name))
      waits.push((run?.startedMs ?? Infinity) - killedMs)
    }
    row(
      23,
      'the process that computes is killed, lease 1 s',
      `2 runs; the other began ${median(waits).toFixed(0)} ms later (median)`,
    )
    expect(median(waits)).toBeLessThanOrEqual(atMostMs(1100))
  })

  test('one runs a factory that takes three times as long as the lease', async () => {
    processes = await Processes.start(server, 4, { lease: '500ms' })
    const answers = await processes.burst({ keys: ['long'], calls: 5, factory: { ms: 1500 } })
    const [run] = await onlyRun('long')
    report(
      `factory of 1500 ms under a lease of 500 ms: 1 run; the slowest call ended ${(lastMs(answers) - ended(run)).toFixed(1)} ms after it`,
    )
    expect(answers.map(({ value }) => value)).toEqual(Array(20).fill(run.name))
  })
})

describe('A factory that never settles', () => {
  beforeAll(async () => {
    processes = await Processes.start(server, 2, { maxCompute: '500ms' })
  })
  afterAll(end)

  test('is given up after maxCompute with its signal aborted, and another process takes over', async () => {
    const [first, second] = processes.workers as [Worker, Worker]
    const hanging = first.call<Answer[]>('burst', { keys: ['hangs'], factory: { ends: 'never' } satisfies FactoryPlan })
    await holderOf('hangs')
    const waiting = second.call<Answer[]>('burst', { keys: ['hangs'], calls: 5, factory: { ms: 50 } })
    const [[given], answers] = await Promise.all([hanging, waiting])
    const [hung, next] = (await processes.runs('hangs')) as [Run, Run]
    const afterMs = (given?.settledMs ?? Infinity) - hung.startedMs
    report(
      `given up after ${afterMs.toFixed(0)} ms (maxCompute 500 ms); taken over ${(next.startedMs - hung.startedMs - 500).toFixed(1)} ms later`,
    )
    expect(given?.error?.code).toBe('ERR_CACHE_TIMEOUT')
    expect(afterMs).toBeGreaterThanOrEqual(499)
    expect(hung.abortedMs).toBeGreaterThanOrEqual(hung.startedMs + 499)
    expect(next.pid).toBe(second.pid)
    // Told at once, not only found out when the lease of 5 s ends
    expect(next.startedMs - hung.startedMs).toBeLessThan(1500)
    expect(answers.map(({ value }) => value)).toEqual(Array(5).fill(next.name))
    expect(await first.call('get', 'hangs')).toBe(next.name)
  })

  test('is not kept in memory', async () => {
    const [worker] = processes.workers as [Worker]
    const keys = Array.from({ length: 500 }, (_, i) => `forgotten::${i}`)
    const { outcomes, remembered } = await worker.call<{ outcomes: string[]; remembered: number }>(
      'neverSettling',
      keys,
      {},
    )
    row(33, '500 factories that never settle', `all were given up; ${remembered} are still in memory`)
    expect(outcomes).toEqual(Array(500).fill('ERR_CACHE_TIMEOUT'))
    expect(remembered).toBe(0)
    expect(await worker.call('computing')).toEqual([])
  })
})

test('A holder that was paused for longer than its lease overwrites nothing when it goes on', async () => {
  onTestFinished(end)
  processes = await Processes.start(server, 2, { lease: '250ms' })
  const [holder, other] = processes.workers as [Worker, Worker]
  let overwritten = 0
  for (let round = 0; round < 10; round++) {
    const keys = Array.from({ length: 10 }, (_, i) => `paused::${round}::${i}`)
    const deleted = keys.filter((_, i) => i % 2 === 1)
    const own = holder.call<Answer[]>('burst', { keys, factory: { ms: 60 } })
    await until(async () => (await computing()).length === 10, 'all ten are being computed')
    // At another point of the computation in each round, also when it is about to end
    await delay(round * 6)
    holder.stop()
    const stopped = new Set((await computing()).map(({ key }) => key))
    const taken = await other.call<Answer[]>('burst', { keys, factory: { ms: 20 } })
    await Promise.all(deleted.map((key) => other.call('remove', key)))
    holder.resume()
    const late = await own
    expect(late.every(({ error }) => error === undefined)).toBe(true)
    const found = await Promise.all(keys.map((key) => other.call<string | undefined>('get', key)))
    for (const [i, key] of keys.entries()) {
      // What the holder had stored before it was stopped is what the other one got
      if (stopped.has(key)) expect(taken[i]?.value).not.toBe(late[i]?.value)
      if (found[i] !== (deleted.includes(key) ? undefined : taken[i]?.value)) overwritten++
    }
  }
  row(
    24,
    'the process that computes is paused for longer than its lease',
    `${overwritten} of 100 newer values overwritten`,
  )
  expect(overwritten).toBe(0)
})

async function computing(): Promise<Computation[]> {
  return (processes.workers.at(-1) as Worker).call<Computation[]>('computing')
}

/** The process whose factory runs now. */
async function holderOf(key: string): Promise<Worker> {
  const holder = await until(async () => {
    const found = (await computing()).find((each) => each.key === key)
    if (found === undefined || (await processes.countRuns(key)) === 0) return undefined
    return processes.workers.find(({ pid }) => found.process.endsWith(`:${pid}`))
  }, 'somebody computes')
  return holder as Worker
}

async function onlyRun(key: string): Promise<[Run]> {
  const runs = await processes.runs(key)
  expect(runs).toHaveLength(1)
  expect(await processes.countRuns(key)).toBe(1)
  return runs as [Run]
}

function outcome({ value, error }: Answer): string {
  return error?.message ?? JSON.stringify(value)
}

function lastMs(answers: readonly Answer[]): number {
  return Math.max(...answers.map(({ settledMs }) => settledMs))
}

function ended(run: Run | undefined): number {
  return run?.endedMs ?? Number.NaN
}

function figures(values: readonly number[]): string {
  return `${median(values).toFixed(1)} (${values.map((value) => value.toFixed(1)).join(', ')})`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
