import { beforeEach, describe, expect, test, vi } from 'vitest'
import { DeadlineError, Deadlines, type Judge, type Signs } from '../../../../src/stores/redis/connection/deadlines.js'
import { fakeRealTime } from '../../../support/fake-real-time.js'

describe('Deadlines', () => {
  beforeEach(() => {
    fakeRealTime({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] })
  })

  const hears: Judge<undefined> = { sent: () => undefined, answered: () => undefined, failed: (error) => error }
  const never = (): Promise<never> => new Promise(() => {})

  /** How a promise stands, for as long as it is looked at. */
  function watch(promise: Promise<unknown>): { state: unknown } {
    const watched: { state: unknown } = { state: 'waits' }
    promise.then(
      (value) => {
        watched.state = value
      },
      (error: unknown) => {
        watched.state = error
      },
    )
    return watched
  }

  function block(ms: number): void {
    const endMs = performance.now() + ms
    while (performance.now() < endMs);
  }

  test('settle as the promise does, and leave no timer that keeps waiting for it', async () => {
    const deadlines = new Deadlines(100, hears)
    await expect(deadlines.limit(Promise.resolve('answer'))).resolves.toBe('answer')
    await expect(deadlines.limit(Promise.reject(new Error('refused')))).rejects.toThrow('refused')
    await vi.advanceTimersByTimeAsync(110)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('reject after the time limit, and not before it', async () => {
    const deadlines = new Deadlines(100, hears)
    const watched = watch(deadlines.limit(never()))
    await vi.advanceTimersByTimeAsync(99)
    expect(watched.state).toBe('waits')
    await vi.advanceTimersByTimeAsync(2)
    expect(watched.state).toBeInstanceOf(DeadlineError)
    expect(watched.state).toMatchObject({ message: 'no answer within 100 ms', name: 'DeadlineError' })
  })

  test('count for each promise from the moment it came, with one timer for all of them', async () => {
    const deadlines = new Deadlines(100, hears)
    const first = watch(deadlines.limit(never()))
    await vi.advanceTimersByTimeAsync(60)
    const second = watch(deadlines.limit(never()))
    const third = watch(deadlines.limit(never()))
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(60)
    expect(first.state).toBeInstanceOf(DeadlineError)
    expect(second.state).toBe('waits')
    await vi.advanceTimersByTimeAsync(42)
    expect(second.state).toBeInstanceOf(DeadlineError)
    expect(third.state).toBeInstanceOf(DeadlineError)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('begin anew after all have been answered', async () => {
    const deadlines = new Deadlines(100, hears)
    await deadlines.limit(Promise.resolve())
    await vi.advanceTimersByTimeAsync(500)
    const watched = watch(deadlines.limit(never()))
    await vi.advanceTimersByTimeAsync(102)
    expect(watched.state).toBeInstanceOf(DeadlineError)
  })

  test('let an answer win that came while the event loop was blocked', async () => {
    vi.useRealTimers()
    const deadlines = new Deadlines(20, hears)
    const answer = new Promise((resolve) => setTimeout(() => setImmediate(() => resolve('answer')), 10))
    const limited = deadlines.limit(answer)
    block(45)
    await expect(limited).resolves.toBe('answer')
  })

  test('give what was written only after the event loop was blocked a moment to be answered, but only once', async () => {
    vi.useRealTimers()
    const deadlines = new Deadlines(20, hears)
    const watched = watch(deadlines.limit(new Promise((resolve) => setTimeout(resolve, 100, 'answer'))))
    const forever = watch(deadlines.limit(never()))
    block(90)
    await vi.waitUntil(() => watched.state !== 'waits')
    expect(watched.state).toBe('answer')
    block(90)
    await vi.waitUntil(() => forever.state !== 'waits')
    expect(forever.state).toBeInstanceOf(DeadlineError)
  })

  describe('with signs of a server', () => {
    const server = { bytesRead: 0, carryMs: 0, silences: [] as number[] }
    const signs: Signs = {
      bytesRead: () => server.bytesRead,
      carryMs: () => server.carryMs,
      onSilence: (silentMs) => server.silences.push(silentMs),
    }
    beforeEach(() => Object.assign(server, { bytesRead: 1000, carryMs: 0, silences: [] }))

    /** Lets time pass in steps; `each` is called before each of them. */
    async function pass(steps: number, stepMs: number, each: () => unknown = () => undefined): Promise<void> {
      for (let i = 0; i < steps; i++) {
        await each() // eslint-disable-line no-await-in-loop
        await vi.advanceTimersByTimeAsync(stepMs) // eslint-disable-line no-await-in-loop
      }
    }

    test('tell of silence when something has waited for the whole limit and nothing has arrived', async () => {
      const deadlines = new Deadlines(100, hears, signs)
      const watched = watch(deadlines.limit(never()))
      await vi.advanceTimersByTimeAsync(99)
      expect({ ...watched, silences: server.silences }).toEqual({ state: 'waits', silences: [] })
      await vi.advanceTimersByTimeAsync(4)
      expect(watched.state).toBeInstanceOf(DeadlineError)
      expect(server.silences).toEqual([expect.closeTo(100, -1)])
      expect(vi.getTimerCount()).toBe(0)
    })

    test('wait for as long as bytes arrive, but not longer than eight limits, which is no silence', async () => {
      const deadlines = new Deadlines(100, hears, signs)
      const watched = watch(deadlines.limit(never()))
      await pass(15, 50, () => server.bytesRead++)
      expect(watched.state).toBe('waits')
      await pass(2, 50, () => server.bytesRead++)
      expect(watched.state).toMatchObject({ message: 'no answer within 800 ms' })
      expect(server.silences).toEqual([])
    })

    test('give up one limit after the last byte', async () => {
      const deadlines = new Deadlines(100, hears, signs)
      const watched = watch(deadlines.limit(never()))
      await pass(4, 50, () => server.bytesRead++)
      const lastMs = performance.now() - 50
      expect(deadlines.aliveMs).toBeGreaterThanOrEqual(lastMs)
      await vi.advanceTimersByTimeAsync(45)
      expect(watched.state).toBe('waits')
      await vi.advanceTimersByTimeAsync(25)
      expect(watched.state).toBeInstanceOf(DeadlineError)
      expect(server.silences).toHaveLength(1)
    })

    test('take the answer to another for a sign, too', async () => {
      const deadlines = new Deadlines(100, hears, signs)
      const watched = watch(deadlines.limit(new Promise((resolve) => setTimeout(resolve, 500, 'answer'))))
      await pass(11, 50, () => deadlines.limit(Promise.resolve()))
      expect(watched.state).toBe('answer')
      expect(server.silences).toEqual([])
    })

    test('do not take a new connection, which counts from 0, for a sign', async () => {
      const deadlines = new Deadlines(100, hears, signs)
      const watched = watch(deadlines.limit(never()))
      await vi.advanceTimersByTimeAsync(50)
      server.bytesRead = 0
      await vi.advanceTimersByTimeAsync(55)
      expect(watched.state).toBeInstanceOf(DeadlineError)
    })

    test('give longer to what has to be carried to the server first', async () => {
      const deadlines = new Deadlines(100, hears, signs)
      server.carryMs = 150
      const carried = watch(deadlines.limit(never()))
      server.carryMs = 5000
      const long = watch(deadlines.limit(never()))
      await vi.advanceTimersByTimeAsync(240)
      expect(carried.state).toBe('waits')
      await vi.advanceTimersByTimeAsync(20)
      expect(carried.state).toMatchObject({ message: 'no answer within 250 ms' })
      await vi.advanceTimersByTimeAsync(530)
      expect(long.state).toBe('waits')
      await vi.advanceTimersByTimeAsync(30)
      expect(long.state).toMatchObject({ message: 'no answer within 800 ms' })
    })
  })

  test('without signs are the same whatever is answered', async () => {
    const deadlines = new Deadlines(100, hears)
    const watched = watch(deadlines.limit(never()))
    await vi.advanceTimersByTimeAsync(90)
    await deadlines.limit(Promise.resolve())
    await vi.advanceTimersByTimeAsync(15)
    expect(watched.state).toBeInstanceOf(DeadlineError)
  })

  test('give up on all at once when closed', async () => {
    const deadlines = new Deadlines(100, hears)
    const watched = watch(deadlines.limit(never()))
    deadlines.close()
    await vi.advanceTimersByTimeAsync(0)
    expect(watched.state).toBeInstanceOf(DeadlineError)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('start no timer once closed, which would keep a process alive that is about to end', async () => {
    const deadlines = new Deadlines(100, hears)
    deadlines.close()
    await expect(deadlines.limit(Promise.reject(new Error('the connection is closed')))).rejects.toThrow('closed')
    expect(vi.getTimerCount()).toBe(0)
  })
})
