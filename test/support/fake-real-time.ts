import { onTestFinished, vi } from 'vitest'
import { realTime } from '../../src/checks/real-time.js'

const GLOBAL = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate'] as const

/** Fakes these global timers, or all, until the test has ended. What goes by real time goes by the global ones meanwhile. */
export function fakeRealTime(options?: Parameters<typeof vi.useFakeTimers>[0]): void {
  vi.useFakeTimers(options)
  const real = { ...realTime }
  const byGlobal = GLOBAL.map((name) => [name, (...args: []) => Reflect.apply(globalThis[name], undefined, args)])
  const clock = { nowMs: () => performance.now(), originMs: performance.timeOrigin }
  Object.assign(realTime, clock, Object.fromEntries(byGlobal))
  onTestFinished(() => {
    Object.assign(realTime, real)
    vi.useRealTimers()
  })
}
