import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { CacheStats } from '../../../src/contract/cache.js'
import { freshPrefix } from '../../support/both-stores.js'
import { report } from '../../support/figures.js'
import { startRedis, type RedisServer } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { startWorker, type Worker } from '../../support/worker.js'

const MODULE = new URL('../../workers/dashboard.mjs', import.meta.url)
const PROCESSES = 4
const CALLS = 10_000
/** Of these, calls for a key that is there. */
const WANTED = [9000, 9300, 7777, 10_000]
const ALL_CALLS = PROCESSES * CALLS
/** A second, and what a busy machine may take to send what was counted in it. */
const LAST_SECOND_MS = 1500

let server: RedisServer
const workers: Worker[] = []

beforeAll(async () => {
  server = await startRedis()
})

afterAll(() => server.close())

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close()))
})

interface Dashboard {
  readonly worker: Worker
  /** The text below a path. */
  read(path: string): Promise<string>
}

async function startDashboards(): Promise<Dashboard[]> {
  const options = { redis: server.url, keyPrefix: freshPrefix(), redisTimeout: '5s' }
  workers.push(...(await Promise.all(Array.from({ length: PROCESSES }, () => startWorker(MODULE)))))
  return Promise.all(
    workers.map(async (worker) => {
      const url = await worker.call<string>('open', options)
      return { worker, read: async (path) => (await fetch(`${url}/cache/${path}`)).text() }
    }),
  )
}

/** Lets each process make its calls. Gives how many of all were hits, as the callers saw it. */
async function makeCalls(dashboards: readonly Dashboard[]): Promise<number> {
  const hits = await Promise.all(dashboards.map(({ worker }, i) => worker.call<number>('call', CALLS, WANTED[i])))
  return hits.reduce((sum, each) => sum + each, 0)
}

async function statsOf(dashboard: Dashboard): Promise<CacheStats> {
  return JSON.parse(await dashboard.read('api/stats')) as CacheStats
}

function shown(html: string, name: string): number {
  return Number(new RegExp(`data-live="${name}">([^<]*)<`).exec(html)?.[1]?.replaceAll(',', ''))
}

function sample(metrics: string, name: string): number {
  return Number(new RegExp(`^${name}\\{[^}]*\\} (.*)$`, 'm').exec(metrics)?.[1])
}

/** Calls and hits as each of the three says them. */
async function figures(dashboard: Dashboard): Promise<[calls: number, hits: number][]> {
  const [html, stats, metrics] = await Promise.all([dashboard.read(''), statsOf(dashboard), dashboard.read('metrics')])
  return [
    [shown(html, 'calls'), shown(html, 'hits')],
    [stats.calls, stats.hits],
    [sample(metrics, 'keyedcache_calls_total'), sample(metrics, 'keyedcache_group_hits_total')],
  ]
}

describe('4 processes that make 10,000 calls each', () => {
  it('are shown within 2 s by each of them, exactly, and alike in HTML, JSON and Prometheus', async () => {
    const dashboards = await startDashboards()
    const allHits = await makeCalls(dashboards)
    const endedMs = performance.now()
    await until(
      async () => (await Promise.all(dashboards.map(statsOf))).every(({ calls }) => calls >= ALL_CALLS),
      'all show all calls',
      2000,
    )
    report(`4 processes: all calls are shown by all ${Math.round(performance.now() - endedMs)} ms after the last one`)
    for (const each of await Promise.all(dashboards.map(figures))) {
      expect(each).toEqual(Array.from({ length: 3 }, () => [ALL_CALLS, allHits]))
    }
    expect((await statsOf(dashboards[0] as Dashboard)).processes).toHaveLength(PROCESSES)
  })

  it('lose at most the last second of one that is killed, and nothing else', async () => {
    const dashboards = await startDashboards()
    const [first, last] = [dashboards[0] as Dashboard, dashboards[PROCESSES - 1] as Dashboard]
    const allHits = await makeCalls(dashboards)
    await last.worker.call('callOnAndOn', server.url, 'answered')
    await until(async () => (await server.client().llen('answered')) > 500, 'it has made 500 calls more')
    const killedAt = Date.now()
    await last.worker.close()
    const answered = (await server.client().lrange('answered', 0, -1)).map(Number)
    const early = answered.filter((at) => at < killedAt - LAST_SECOND_MS).length
    expect(early).toBeGreaterThan(0)
    await until(async () => (await statsOf(first)).calls >= ALL_CALLS + early, 'all but the last second is shown')
    const [[calls, hits] = [0, 0], ...others] = await figures(first)
    report(`Killed after ${answered.length} calls more: ${answered.length - (calls - ALL_CALLS)} are lost`)
    expect(calls).toBeLessThanOrEqual(ALL_CALLS + answered.length + 1)
    expect(hits).toBe(allHits)
    expect(others).toEqual([
      [calls, hits],
      [calls, hits],
    ])
  })
})
