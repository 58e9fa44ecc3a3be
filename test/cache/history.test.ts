import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { check, type History, type Operation, type Produced, type Violation } from './history-checker.js'
import type { ProcessState } from './process-states.js'
import { atMostMs, lasting, row } from '../support/fault-row.js'
import { Nemesis } from '../support/nemesis.js'
import { BOUNDS, Observed, PROCESSES } from '../support/observed.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'
import type { Worker } from '../support/worker.js'
import { isFull, sized } from '../support/size.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const RUN_MS = Number(process.env['HISTORY_SECONDS'] ?? lasting(600, sized(60))) * 1000
let server: RedisServer
let source: RedisServer
beforeEach(async () => {
  ;[server, source] = await Promise.all([startRedis(), startRedis()])
})
let observed: Observed | undefined
afterEach(async () => {
  await observed?.close()
  await Promise.all([server.close(), source.close()])
})

test(
  `Whatever is done to Redis and to processes, no promise is broken (SEED=${seed})`,
  { timeout: RUN_MS + 120_000 },
  async () => {
    const watched = (observed = new Observed(server, source))
    await watched.startAll()
    const nemesis = new Nemesis(
      {
        server,
        keyPrefix: watched.keyPrefix,
        workers: watched.workers,
        replace: (worker) => watched.replace(worker),
      },
      seed,
    )
    const taking = setInterval(() => void watched.take(), 2000)
    await delay(1000)
    await nemesis.run(RUN_MS, lasting(3000, 900))
    clearInterval(taking)
    await until(
      async () =>
        (await Promise.all(watched.workers.map((worker) => worker.call<{ backend: { up: boolean } }>('stats')))).every(
          ({ backend }) => backend.up,
        ),
      'all processes are back',
    )
    const counted = await Promise.all(watched.workers.map((worker) => worker.call<{ hits: number }>('end')))
    await watched.take()
    await delay(1100)
    const stats = await (watched.workers[0] as Worker).call<{ calls: number; hits: number; misses: number }>('stats')
    const history = await watched.history(nemesis.faults)
    const violations = check(history, BOUNDS)
    const closedMs = await Promise.all(watched.workers.map((worker) => worker.call<number>('close')))
    const codes = await Promise.all(watched.workers.map((worker) => worker.end(2000)))
    const complaints = watched.complaints + watched.workers.map((worker) => worker.complaints).join('')
    const kinds = Object.keys(nemesis.counts)
    row(
      'history',
      `${PROCESSES} processes, ${RUN_MS / 1000} s, SEED=${seed}`,
      `${watched.operations.length} operations, ${nemesis.faults.length} faults of ${kinds.length} kinds, ` +
        `${violations.length} violations${summary(violations)}; longest call ${longest(history).toFixed(0)} ms`,
    )
    expect(violations.slice(0, 20)).toEqual([])
    // One comes each second
    expect(kinds.length).toBeGreaterThanOrEqual(Math.min(8, RUN_MS / 3000))
    // V6
    expect(stats.hits + stats.misses).toBe(stats.calls)
    expect(stats.calls).toBeGreaterThanOrEqual(0)
    expect(counted.every(({ hits }) => hits > 0)).toBe(true)
    // V7
    expect(codes).toEqual(Array(PROCESSES).fill(0))
    expect(complaints).toBe('')
    expect(Math.max(...closedMs)).toBeLessThan(atMostMs(1000))
  },
)

/** What is planted, and the rules that it breaks. The last one takes some time to find. */
const PLANTED: [bug: string, rules: string[]][] = [
  ['fill without token', ['V2', 'V5']],
  ['delete leaves the lease', ['V2', 'V5']],
  ...(isFull ? [['waiting in vain again', ['V4']] satisfies [string, string[]]] : []),
]

describe('The checker finds within a minute', () => {
  test.each(PLANTED)('a planted bug: %s', { timeout: 90_000 }, async (bug, rules) => {
    const watched = (observed = new Observed(server, source, bug))
    await watched.startAll()
    const begunMs = performance.now()
    const found = await until(
      async () => {
        await delay(300)
        await watched.take()
        return check(await watched.history([]), BOUNDS).find(({ rule }) => rules.includes(rule))
      },
      'the bug is found',
      60_000,
    )
    row(
      'history',
      `planted: ${bug}`,
      `${found?.rule} found after ${((performance.now() - begunMs) / 1000).toFixed(1)} s`,
    )
  })

  test('nothing where nothing is wrong', { timeout: 60_000 }, async () => {
    const watched = (observed = new Observed(server, source))
    await watched.startAll()
    await delay(lasting(10_000, 2500))
    await Promise.all(watched.workers.map((worker) => worker.call('end')))
    await watched.take()
    const history = await watched.history([])
    expect(history.operations.length).toBeGreaterThan(100)
    expect(check(history, { ...BOUNDS, slackMs: 2000 })).toEqual([])
  })
})

describe('The checker calls it a violation', () => {
  const made = (id: string, version: number, begunMs: number): Produced => ({ id, key: 'k', version, begunMs })
  const told = (id: string, version: number) => ({ id, key: 'k', version, again: `${id} k ${version}` })
  const operation = (
    op: Operation['op'],
    begunMs: number,
    endedMs: number,
    more: Partial<Operation> = {},
  ): Operation => ({
    pid: 1,
    op,
    keys: ['k'],
    versions: [],
    begunMs,
    endedMs,
    ok: true,
    ...more,
  })
  const rulesOf = (operations: Operation[], produced: Produced[] = [], states: ProcessState[] = []): string[] =>
    check({ operations, produced, faults: [], states }, BOUNDS).map(({ rule }) => rule)

  test('when a value comes that nobody made, or another than was made, or of another key', () => {
    const produced = [made('a', 1, 0)]
    expect(rulesOf([operation('get', 1, 2, { value: told('a', 1) })], produced)).toEqual([])
    expect(rulesOf([operation('get', 1, 2, { value: told('b', 1) })], produced)).toEqual(['V1'])
    expect(rulesOf([operation('get', 1, 2, { value: told('a', 2) })], produced)).toEqual(['V1'])
    expect(rulesOf([operation('get', 1, 2, { value: { ...told('a', 1), key: 'l' } })], produced)).toEqual(['V1'])
    expect(rulesOf([operation('get', 1, 2, { ok: false, code: 'TypeError' })])).toEqual(['V1'])
  })

  test('when what was deleted comes back, and not when the delete was refused, except in its own process', () => {
    const produced = [made('a', 1, 0)]
    const late = operation('get', 20, 21, { value: told('a', 1) })
    expect(rulesOf([operation('delete', 5, 10, { versions: [2] }), late], produced)).toEqual(['V2'])
    expect(rulesOf([operation('delete', 5, 25, { versions: [2] }), late], produced)).toEqual([])
    expect(rulesOf([operation('delete', 5, 10, { versions: [2], ok: false, pid: 2 }), late], produced)).toEqual([])
    expect(rulesOf([operation('delete', 5, 10, { versions: [2], ok: false }), late], produced)).toEqual(['V2'])
  })

  const state = (by: ProcessState['by'], up: boolean, atMs: number, sinceMs = atMs): ProcessState => ({
    pid: 1,
    by,
    up,
    sinceMs,
    atMs,
  })

  test('when what another process deleted comes back, except from a process that was down, and for no longer than it may', () => {
    const produced = [made('a', 1, 0)]
    const run = operation('run', 0, 3, { id: 'a', versions: [1] })
    const deleted = operation('delete', 5, 10, { versions: [2], pid: 2 })
    const read = (atMs: number, pid = 1): Operation => operation('get', atMs, atMs + 1, { value: told('a', 1), pid })
    const down = [state('event', false, 4), state('event', true, 20_000)]
    const oldestMs = 3 + BOUNDS.fallbackTtlMs + BOUNDS.slackMs
    for (const states of [down, [state('read', false, 4)]]) {
      expect(rulesOf([run, deleted, read(20)], produced, states)).toEqual([])
      expect(rulesOf([run, deleted, read(oldestMs)], produced, states)).toEqual([])
      expect(rulesOf([run, deleted, read(oldestMs + 1)], produced, states)).toEqual(['V2'])
      expect(rulesOf([run, deleted, read(20, 3)], produced, states)).toEqual(['V2'])
      expect(rulesOf([run, { ...deleted, pid: 1 }, read(20)], produced, states)).toEqual(['V2'])
      expect(rulesOf([run, { ...deleted, pid: 1, ok: false }, read(20)], produced, states)).toEqual(['V2'])
    }
    expect(rulesOf([run, deleted, read(20)], produced, [state('event', false, 4), state('event', true, 15)])).toEqual([
      'V2',
    ])
    expect(rulesOf([run, deleted, read(20)], produced, [state('stats', false, 30, 10)])).toEqual(['V2'])
    const failed = operation('run', oldestMs, oldestMs + 1, { id: 'b', ok: false, versions: [2] })
    const calls = [operation('getOrSet', oldestMs + 1, oldestMs + 2, { value: told('a', 1) })]
    expect(rulesOf([run, deleted, failed, ...calls], produced, down)).toEqual([])
    const late = oldestMs + BOUNDS.graceMs
    const lateFailed = { ...failed, begunMs: late, endedMs: late + 1 }
    const lateCalls = calls.map((call) => ({ ...call, begunMs: late + 1, endedMs: late + 2 }))
    expect(rulesOf([run, deleted, lateFailed, ...lateCalls], produced, down)).toEqual(['V2'])
  })

  test('when `stats()` says that Redis answers while the events say that it does not', () => {
    const down = [state('event', true, 0), state('event', false, 10)]
    expect(rulesOf([], [], [...down, state('stats', false, 30, 20)])).toEqual([])
    expect(rulesOf([], [], [...down, state('stats', true, 30, 20)])).toEqual(['V8'])
    expect(rulesOf([], [], [...down, state('stats', true, 30, 5)])).toEqual([])
    expect(rulesOf([], [], [...down, state('event', true, 15), state('stats', true, 30, 20)])).toEqual([])
  })

  test('when a call is rejected, unless its source has failed', () => {
    expect(rulesOf([operation('getOrSet', 1, 2, { ok: false, code: 'ERR_SOURCE' })])).toEqual([])
    expect(rulesOf([operation('getOrSet', 1, 2, { ok: false, code: 'ERR_CACHE_TIMEOUT' })])).toEqual(['V1'])
  })

  test('when two factories run at once, unless a write came between', () => {
    const runs = [operation('run', 1000, 1020, { id: 'a' }), operation('run', 1010, 1030, { id: 'b' })]
    expect(rulesOf(runs)).toEqual(['V3'])
    expect(rulesOf([...runs, operation('delete', 1005, 1006, { versions: [1] })])).toEqual([])
    expect(rulesOf([...runs, operation('delete', 5, 6, { versions: [1] })])).toEqual(['V3'])
  })

  test('when a call takes too long', () => {
    expect(rulesOf([operation('get', 0, 2000)])).toEqual(['V4'])
  })

  test('when a call waits for more than two computations, or around a fault for more than those, a lease and two answers', () => {
    const { leaseMs, redisTimeoutMs, slackMs, settleMs } = BOUNDS
    const runs = [operation('run', 10_000, 10_300, { pid: 2 }), operation('run', 10_300, 10_500)]
    const call = (tookMs: number): Operation => operation('getOrSet', 10_000, 10_000 + tookMs)
    const twiceMs = 2 * 300 + slackMs
    expect(rulesOf([...runs, call(twiceMs)])).toEqual([])
    expect(rulesOf([...runs, call(twiceMs + 1)])).toEqual(['V4'])
    expect(rulesOf([operation('run', 10_000, 20_000, { keys: ['l'] }), ...runs, call(twiceMs + 1)])).toEqual(['V4'])
    const afterFault = (tookMs: number, toMs: number): string[] => {
      const faults = [{ kind: 'process killed', fromMs: toMs - 10, toMs, pid: 2 }]
      return check({ operations: [...runs, call(tookMs)], produced: [], faults, states: [] }, BOUNDS).map(
        ({ rule }) => rule,
      )
    }
    const mostMs = twiceMs + leaseMs + 2 * redisTimeoutMs
    expect(afterFault(mostMs, 10_000 - settleMs)).toEqual([])
    expect(afterFault(mostMs + 1, 10_000 - settleMs)).toEqual(['V4'])
    expect(afterFault(mostMs, 9999 - settleMs)).toEqual(['V4'])
  })

  test('when a holder that comes late overwrites what is newer', () => {
    const produced = [made('a', 1, 0), made('b', 2, 10)]
    const gets = [operation('get', 20, 21, { value: told('b', 2) }), operation('get', 30, 31, { value: told('a', 1) })]
    expect(rulesOf(gets, produced)).toEqual(['V5'])
    expect(rulesOf(gets.toReversed(), produced)).toEqual(['V5'])
    // what a process has that is down is its own
    const down = [state('event', false, 15), state('event', true, 25)]
    expect(rulesOf(gets, produced, down)).toEqual([])
  })
})

function summary(violations: readonly Violation[]): string {
  const counts = new Map<string, number>()
  for (const { rule } of violations) counts.set(rule, (counts.get(rule) ?? 0) + 1)
  return counts.size === 0 ? '' : ` (${Array.from(counts, ([rule, count]) => `${rule} ${count}`).join(', ')})`
}

/** The longest call in ms, of processes that were not frozen meanwhile. */
function longest({ operations, faults }: History): number {
  return operations
    .filter(({ op }) => op !== 'run' && op !== 'delay')
    .filter(
      ({ pid, begunMs, endedMs }) =>
        !faults.some((fault) => fault.pid === pid && fault.fromMs <= endedMs && fault.toMs >= begunMs),
    )
    .reduce((most, { begunMs, endedMs }) => Math.max(most, endedMs - begunMs), 0)
}
