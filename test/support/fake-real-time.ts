import { onTestFinished, vi } from 'vitest'
import { realTime } from '../../src/checks/real-time.js'

/** Fakes these global timers, or all, until the test has ended, and what goes by real time goes by them too. */
export function fakeRealTime(options?: Parameters<typeof vi.useFakeTimers>[0]): void {
  vi.useFakeTimers(options)
  const real = { ...realTime }
  Object.assign(realTime, {
    nowMs: () => performance.now(),
    originMs: performance.timeOrigin,
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    setImmediate: globalThis.setImmediate,
  })
  onTestFinished(() => {
    Object.assign(realTime, real)
    vi.useRealTimers()
  })
}
