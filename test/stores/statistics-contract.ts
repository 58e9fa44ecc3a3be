import { afterEach, describe, expect, test } from 'vitest'
import type { StatsBatch, StatsCounters } from '../../src/contract/statistics.js'
import { emptyCounters, MAX_GROUPS, MINUTES_MS } from '../../src/statistics/stats.js'
import type { Store } from '../../src/contract/store.js'

/** Checks what the `Store` interface promises of statistics. `make` gives an empty store; it is closed when the test ends. */
export function describeStatistics(name: string, make: () => Store | Promise<Store>): void {
  const opened: Store[] = []

  async function open(): Promise<Store> {
    const store = await make()
    opened.push(store)
    await store.count(undefined)
    return store
  }

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()))
  })

  describe(`${name} keeps statistics`, () => {
    test('as the sum of all batches', async () => {
      const store = await open()
      const minute = Math.floor(store.now() / 60_000) * 60_000
      const counted = (): StatsCounters => ({
        misses: 1,
        stale: 2,
        computations: 3,
        errors: 4,
        savedMs: 5,
        hitsBy: { request: 6, near: 7, store: 8, fallback: 9 },
        groups: new Map([['p', { calls: 1, hits: 2, computations: 3, computeMs: 4, savedMs: 5 }]]),
        minutes: new Map([[minute, { calls: 22, hits: 21 }]]),
      })
      await store.addStats(batch(store, 1, counted()))
      await store.addStats(batch(store, 2, counted()))
      const { counters, processes } = await store.readStats()
      expect(counters).toEqual({
        misses: 2,
        stale: 4,
        computations: 6,
        errors: 8,
        savedMs: 10,
        hitsBy: { request: 12, near: 14, store: 16, fallback: 18 },
        groups: new Map([['p', { calls: 2, hits: 4, computations: 6, computeMs: 8, savedMs: 10 }]]),
        minutes: new Map([[minute, { calls: 44, hits: 42 }]]),
      })
      expect(processes).toEqual([{ id: 'host:1', startedAt: 1000, seenAt: expect.any(Number) }])
      expect(Math.abs((processes[0]?.seenAt ?? 0) - store.now())).toBeLessThan(5000)
    })

    test('with a batch that arrives twice counted once, at once or after that of another cache in the process', async () => {
      const store = await open()
      const one = batch(store, 1, misses(1))
      const ten = { ...batch(store, 1, misses(10)), instance: 'other' }
      await Promise.all([store.addStats(one), store.addStats(one)])
      await store.addStats(ten)
      await store.addStats(one)
      await store.addStats(ten)
      const { counters, processes } = await store.readStats()
      expect(counters.misses).toBe(11)
      expect(processes).toHaveLength(1)
    })

    test('of groups with any name, and of the groups beyond the bound together', async () => {
      const store = await open()
      const names = ['__proto__', 'calls', 'a b', 'a\u0000b', '🔑', '', '"', ...numbered('group', MAX_GROUPS + 50)]
      for (const [i, group] of names.entries()) {
        const counted = { calls: 1, hits: 1, computations: 1, computeMs: 1, savedMs: 1 }
        // eslint-disable-next-line no-await-in-loop -- one batch after the other, as a process sends them
        await store.addStats(batch(store, i + 1, { ...emptyCounters(), groups: new Map([[group, counted]]) }))
      }
      const { groups } = (await store.readStats()).counters
      expect(groups.size).toBeLessThanOrEqual(MAX_GROUPS + 1)
      expect(groups.get('__proto__')?.calls).toBe(1)
      expect(groups.get('a b')?.computations).toBe(1)
      expect(groups.get('other')?.calls).toBeGreaterThanOrEqual(50)
      expect([...groups.values()].reduce((sum, { calls }) => sum + calls, 0)).toBe(names.length)
    })

    test('of the minutes of a day', async () => {
      const store = await open()
      const now = Math.floor(store.now() / 60_000) * 60_000
      const minutes = (...at: number[]): StatsCounters => ({
        ...emptyCounters(),
        minutes: new Map(at.map((minute) => [minute, { calls: 1, hits: 0 }])),
      })
      await store.addStats(batch(store, 1, minutes(now - MINUTES_MS - 120_000, now - MINUTES_MS + 120_000)))
      await store.addStats(batch(store, 2, minutes(now)))
      const kept = [...(await store.readStats()).counters.minutes.keys()]
      expect(kept.toSorted((a, b) => a - b)).toEqual([now - MINUTES_MS + 120_000, now])
    })
  })

  function batch(store: Store, number: number, counters: StatsCounters): StatsBatch {
    return { process: 'host:1', instance: `run${opened.indexOf(store)}`, startedAt: 1000, number, counters }
  }
}

function misses(count: number): StatsCounters {
  return { ...emptyCounters(), misses: count }
}

function numbered(parent: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${parent}::${i}`)
}
