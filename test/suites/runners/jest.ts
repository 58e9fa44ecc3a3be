import { jest } from '@jest/globals'

export { afterAll, afterEach, beforeEach, test } from '@jest/globals'

export const fakeTimers = (): unknown => jest.useFakeTimers()
// ioredis connects by `process.nextTick`, which Jest fakes, as Vitest and node:test do not
export const fakeTimersButForIoredis = (): unknown => jest.useFakeTimers({ doNotFake: ['nextTick'] })
export const realTimers = (): unknown => jest.useRealTimers()
export const advance = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms)
export const setNow = (ms: number): void => jest.setSystemTime(ms)

export async function loadAgain(): Promise<typeof import('./shop.js')> {
  jest.resetModules()
  return import('./shop.js')
}
