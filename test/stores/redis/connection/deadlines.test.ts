import { beforeEach, describe, expect, test, vi } from 'vitest'
import { DeadlineError, Deadlines, type Judge } from '../../../../src/stores/redis/connection/deadlines.js'
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

  test('tell when something waits and nothing at all is answered for some time', async () => {
    const told: number[] = []
    const deadlines = new Deadlines(250, hears, { afterMs: () => 100, tell: (silentMs) => told.push(silentMs) })
    await deadlines.limit(Promise.resolve())
    await vi.advanceTimersByTimeAsync(500)
    expect(told).toEqual([])
    deadlines.limit(never()).catch(() => 'given up')
    await vi.advanceTimersByTimeAsync(99)
    expect(told).toEqual([])
    await vi.advanceTimersByTimeAsync(3)
    expect(told).toHaveLength(1)
    expect(told[0]).toBeGreaterThanOrEqual(100)
  })

  test('tell nothing as long as others are answered', async () => {
    const told: number[] = []
    const deadlines = new Deadlines(1000, hears, { afterMs: () => 100, tell: (silentMs) => told.push(silentMs) })
    const slow = watch(deadlines.limit(new Promise((resolve) => setTimeout(resolve, 500, 'answer'))))
    for (let i = 0; i < 10; i++) {
      await deadlines.limit(Promise.resolve()) // eslint-disable-line no-await-in-loop
      await vi.advanceTimersByTimeAsync(50) // eslint-disable-line no-await-in-loop
    }
    expect(slow.state).toBe('answer')
    expect(told).toEqual([])
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
