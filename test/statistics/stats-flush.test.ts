import { expect, test, vi } from 'vitest'
import type { StatsBatch } from '../../src/contract/statistics.js'
import type { Store } from '../../src/contract/store.js'
import type { Upkeep } from '../../src/contract/upkeep.js'
import { Events } from '../../src/contract/events/events.js'
import { StatsFlush } from '../../src/statistics/stats-flush.js'
import { fakeRealTime } from '../support/fake-real-time.js'

test.each<[upkeep: Upkeep, sent: number[]]>([
  ['shared', [1, 2, 3, 10, 20]],
  ['low', [10, 20]],
])(
  'With `upkeep: %s` counts are sent after so many seconds, and once in 10 where there are none: %j',
  async (upkeep, seconds) => {
    fakeRealTime()
    const startMs = Date.now()
    const sent: number[] = []
    const counted: number[] = []
    const store = {
      now: () => Date.now(),
      backend: () => ({ up: true }),
      addStats: async ({ counters }: StatsBatch) => {
        sent.push((Date.now() - startMs) / 1000)
        counted.push(counters.misses)
      },
    } as unknown as Store
    const events = new Events()
    const stats = new StatsFlush(events, store, upkeep, () => {})
    for (let i = 0; i < 3; i++) {
      events.emit('miss', { key: 'a' })
      await vi.advanceTimersByTimeAsync(1000) // eslint-disable-line no-await-in-loop -- one second after the other
    }
    await vi.advanceTimersByTimeAsync(19_000)
    expect(sent).toEqual(seconds)
    events.emit('miss', { key: 'a' })
    await stats.close()
    // What is left is sent at the end, and nothing is lost
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(4)
  },
)
