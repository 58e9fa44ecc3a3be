import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { atMostMs, row } from '../../support/fault-row.js'
import { median } from '../../support/figures.js'
import { Processes } from '../../support/processes.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import type { Worker } from '../../support/worker.js'

/** When a process first saw an entry in each state. */
interface Seen {
  readonly fresh: number
  readonly stale: number
  readonly gone: number
}

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

test('Two processes whose clocks are 10 minutes apart agree about what is fresh, stale and gone', async () => {
  const processes = await Processes.start(server, 2, { ttl: '700ms', grace: '500ms' }, [{}, { env: tenMinutesAhead() }])
  try {
    const [right, ahead] = processes.workers as [Worker, Worker]
    const [clockOfRight, clockOfAhead] = await processes.each<number>('clock')
    expect((clockOfAhead ?? 0) - (clockOfRight ?? 0)).toBeGreaterThan(590_000)

    const apartMs: number[] = []
    const livedMs: number[] = []
    for (const writer of [right, ahead]) {
      const keys = Array.from({ length: 5 }, (_, i) => `skew::${writer.pid}::${i}`)
      await Promise.all(keys.map((key) => writer.call('set', key, 'x')))
      const [byRight, byAhead] = (await Promise.all([right.call('watch', keys), ahead.call('watch', keys)])) as [
        Seen[],
        Seen[],
      ]
      for (const [i, one] of byRight.entries()) {
        const other = byAhead[i] as Seen
        apartMs.push(Math.abs(one.stale - other.stale), Math.abs(one.gone - other.gone))
        livedMs.push(other.stale - other.fresh, one.stale - one.fresh)
      }
    }
    row(
      26,
      'two processes whose clocks are 10 minutes apart',
      `stale and gone are seen at most ${Math.max(...apartMs).toFixed(1)} ms apart (median ${median(apartMs.slice(1)).toFixed(1)})`,
    )
    expect(Math.max(...apartMs)).toBeLessThanOrEqual(atMostMs(50))
    for (const each of livedMs) expect(Math.abs(each - 700)).toBeLessThan(300)
    await processes.end()
  } finally {
    await Promise.all(processes.workers.map((worker) => worker.close()))
  }
})

/** The environment in which Debian's faketime runs a program, the monotonic clock left alone. */
function tenMinutesAhead(): Record<string, string> {
  const library = execFileSync('faketime', ['-f', '+10m', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim()
  return { LD_PRELOAD: library, FAKETIME: '+10m', FAKETIME_DONT_FAKE_MONOTONIC: '1' }
}
