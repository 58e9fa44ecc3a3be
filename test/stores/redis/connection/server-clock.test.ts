import { beforeEach, describe, expect, test, vi } from 'vitest'
import { ServerClock } from '../../../../src/stores/redis/connection/server-clock.js'
import { fakeRealTime } from '../../../support/fake-real-time.js'

describe('The clock of a server', () => {
  beforeEach(() => {
    fakeRealTime({ toFake: ['performance'], now: 0 })
  })

  test("is this process's own while nothing is known", () => {
    const clock = new ServerClock()
    expect(clock.roundTripMs).toBeNull()
    expect(clock.now()).toBeCloseTo(performance.timeOrigin + performance.now(), 0)
  })

  test('is read in the middle of the round trip, and goes on from there', () => {
    const clock = new ServerClock()
    const at = performance.now()
    clock.add(5_000_000, at, at + 10)
    expect(clock.roundTripMs).toBe(10)
    expect(clock.now()).toBeCloseTo(5_000_000 - 5, 3)
    vi.advanceTimersByTime(1000)
    expect(clock.now()).toBeCloseTo(5_000_000 + 995, 3)
  })

  test('is that of the shortest round trip', () => {
    const clock = new ServerClock()
    const at = performance.now()
    clock.add(2060, at, at + 100)
    clock.add(2030, at, at + 2)
    clock.add(2040, at, at + 50)
    expect(clock.now()).toBeCloseTo(2030 - 1, 3)
    expect(clock.roundTripMs).toBe(50)
  })

  test('forgets a sample after eight others, so that it follows a clock that drifts', () => {
    const clock = new ServerClock()
    const at = performance.now()
    clock.add(1000, at, at + 1)
    for (let i = 0; i < 7; i++) clock.add(1006, at, at + 4)
    expect(clock.now()).toBeCloseTo(999.5, 3)
    clock.add(1006, at, at + 4)
    expect(clock.now()).toBeCloseTo(1004, 3)
  })

  test.each([600, -600, 20])('follows at once a clock that was set by %d ms', (step) => {
    const clock = new ServerClock()
    const at = performance.now()
    for (let i = 0; i < 8; i++) clock.add(100_000, at, at + 1)
    clock.add(100_000 + step, at, at + 4)
    expect(clock.now()).toBeCloseTo(100_000 + step - 2, 3)
    clock.add(100_000 + step, at, at + 1)
    expect(clock.now()).toBeCloseTo(100_000 + step - 0.5, 3)
    expect(clock.uncertaintyMs).toBe(0.5)
  })

  test('goes on from the last estimate after a restart, until another server has answered', () => {
    const clock = new ServerClock()
    const at = performance.now()
    clock.add(1_000_000, at, at)
    clock.restart()
    expect(clock.roundTripMs).toBeNull()
    expect(clock.now()).toBeCloseTo(1_000_000, 3)
    clock.add(9_000_000, at, at + 500)
    expect(clock.now()).toBeCloseTo(9_000_000 - 250, 3)
  })
})
