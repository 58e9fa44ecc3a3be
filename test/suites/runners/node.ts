import { mock } from 'node:test'
import { loadAgain } from './load-again.js'

export { after as afterAll, afterEach, beforeEach, test } from 'node:test'
export { loadAgain }

const { setImmediate } = globalThis

export const fakeTimers = (): void =>
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] })
export const fakeTimersButForIoredis = fakeTimers
export const realTimers = (): void => mock.timers.reset()
export const setNow = (ms: number): void => mock.timers.setTime(ms)

export async function advance(ms: number): Promise<void> {
  for (const part of [0, ms]) {
    mock.timers.tick(part)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
