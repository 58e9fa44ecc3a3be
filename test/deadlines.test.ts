import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DeadlineError, Deadlines } from '../src/stores/redis/deadlines.js'

describe('Deadlines', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

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

  test('settle as the promise does, and leave no timer that keeps waiting for it', async () => {
    const deadlines = new Deadlines(100)
    await expect(deadlines.limit(Promise.resolve('answer'))).resolves.toBe('answer')
    await expect(deadlines.limit(Promise.reject(new Error('refused')))).rejects.toThrow('refused')
    await vi.advanceTimersByTimeAsync(110)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('reject after the time limit, and not before it', async () => {
    const deadlines = new Deadlines(100)
    const watched = watch(deadlines.limit(never()))
    await vi.advanceTimersByTimeAsync(99)
    expect(watched.state).toBe('waits')
    await vi.advanceTimersByTimeAsync(2)
    expect(watched.state).toBeInstanceOf(DeadlineError)
    expect(watched.state).toMatchObject({ message: 'no answer within 100 ms', name: 'DeadlineError' })
  })

  test('count for each promise from the moment it came, with one timer for all of them', async () => {
    const deadlines = new Deadlines(100)
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
    const deadlines = new Deadlines(100)
    await deadlines.limit(Promise.resolve())
    await vi.advanceTimersByTimeAsync(500)
    const watched = watch(deadlines.limit(never()))
    await vi.advanceTimersByTimeAsync(102)
    expect(watched.state).toBeInstanceOf(DeadlineError)
  })

  test('let an answer win that came while the event loop was blocked', async () => {
    vi.useRealTimers()
    const deadlines = new Deadlines(20)
    const answer = new Promise((resolve) => setTimeout(() => setImmediate(() => resolve('answer')), 10))
    const limited = deadlines.limit(answer)
    const until = performance.now() + 60
    while (performance.now() < until);
    await expect(limited).resolves.toBe('answer')
  })

  test('give up on all at once when closed', async () => {
    const deadlines = new Deadlines(100)
    const watched = watch(deadlines.limit(never()))
    deadlines.close()
    await vi.advanceTimersByTimeAsync(0)
    expect(watched.state).toBeInstanceOf(DeadlineError)
    expect(vi.getTimerCount()).toBe(0)
  })
})
