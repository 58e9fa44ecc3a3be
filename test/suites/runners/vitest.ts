import { vi } from 'vitest'

export { afterAll, afterEach, beforeEach, test } from 'vitest'

export const fakeTimers = (): unknown => vi.useFakeTimers()
export const fakeTimersButForIoredis = fakeTimers
export const realTimers = (): unknown => vi.useRealTimers()
export const advance = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
export const setNow = (ms: number): unknown => vi.setSystemTime(ms)

export async function loadAgain(): Promise<typeof import('./shop.js')> {
  vi.resetModules()
  return import('./shop.js')
}
