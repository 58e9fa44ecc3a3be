import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ServerClock } from '../src/stores/redis/server-clock.js'

describe('The clock of a server', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'], now: 0 })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test("is this process's own while nothing is known", () => {
    const clock = new ServerClock()
    expect(clock.known).toBe(false)
    expect(clock.roundTripMs).toBeNull()
    expect(clock.now()).toBeCloseTo(performance.timeOrigin + performance.now(), 0)
  })

  test('is read in the middle of the round trip, and goes on from there', () => {
    const clock = new ServerClock()
    const at = performance.now()
    clock.add(5_000_000, at, at + 10)
    expect(clock.known).toBe(true)
    expect(clock.roundTripMs).toBe(10)
    expect(clock.now()).toBeCloseTo(5_000_000 - 5, 3)
    vi.advanceTimersByTime(1000)
    expect(clock.now()).toBeCloseTo(5_000_000 + 995, 3)
  })

  test('is that of the shortest round trip', () => {
    const clock = new ServerClock()
    const at = performance.now()
    clock.add(1000, at, at + 100)
    clock.add(2000, at, at + 2)
    clock.add(3000, at, at + 50)
    expect(clock.now()).toBeCloseTo(2000 - 1, 3)
    expect(clock.roundTripMs).toBe(50)
  })

  test('forgets a sample after eight others, so that it follows a clock that drifts or is set', () => {
    const clock = new ServerClock()
    const at = performance.now()
    clock.add(1000, at, at + 1)
    for (let i = 0; i < 7; i++) clock.add(2000, at, at + 4)
    expect(clock.now()).toBeCloseTo(999.5, 3)
    clock.add(2000, at, at + 4)
    expect(clock.now()).toBeCloseTo(1998, 3)
  })

  test('goes on from the last estimate after a restart, until another server has answered', () => {
    const clock = new ServerClock()
    const at = performance.now()
    clock.add(1_000_000, at, at)
    clock.restart()
    expect(clock.known).toBe(true)
    expect(clock.roundTripMs).toBeNull()
    expect(clock.now()).toBeCloseTo(1_000_000, 3)
    clock.add(9_000_000, at, at + 500)
    expect(clock.now()).toBeCloseTo(9_000_000 - 250, 3)
  })
})
