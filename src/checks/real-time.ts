import { performance } from 'node:perf_hooks'
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers'
import { outside } from './outside.js'

interface RealTime {
  /** As `performance.now()`. */
  nowMs(): number
  /** As `performance.timeOrigin`. */
  readonly originMs: number
  /** As the function of Node, but what it calls belongs to no caller. */
  setTimeout(fire: () => void, ms: number): NodeJS.Timeout
  readonly clearTimeout: typeof clearTimeout
  /** As the function of Node, but what it calls belongs to no caller. */
  setInterval(fire: () => void, everyMs: number): NodeJS.Timeout
  readonly clearInterval: typeof clearInterval
  readonly setImmediate: typeof setImmediate
  readonly nextTick: typeof process.nextTick
  /** Resolves after this time. With `ref: false` that does not keep the process alive. */
  pause(ms: number, options?: { ref: boolean }): Promise<void>
}

// In CommonJS the names would be looked up at each call, when they may be faked.
const [startTimer, startInterval] = [setTimeout, setInterval]

/**
 * Node's steady clock and timers as they were when this was loaded. What waits for Redis or for another process goes by these, so that a
 * test that fakes the global ones neither holds up a call nor has it time out. A timer may last longer than the request that was the first
 * to need it, so timers run `outside`.
 */
export const realTime: RealTime = {
  nowMs: () => performance.now(),
  originMs: performance.timeOrigin,
  setTimeout: (fire, ms) => outside(() => startTimer(fire, ms)),
  clearTimeout,
  setInterval: (fire, everyMs) => outside(() => startInterval(fire, everyMs)),
  clearInterval,
  setImmediate,
  nextTick: process.nextTick,
  pause: (ms, { ref } = { ref: true }) =>
    new Promise((resolve) => {
      const timer = realTime.setTimeout(() => resolve(), ms)
      if (!ref) timer.unref()
    }),
}
