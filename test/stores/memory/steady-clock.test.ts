import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, expect, test, vi } from 'vitest'
import { steadyNow } from '../../../src/stores/memory/steady-clock.js'
import { SettableClock } from '../../support/settable-clock.js'

afterEach(() => {
  vi.useRealTimers()
})

test("is the system's time, and that of a test while it fakes `Date`", () => {
  expect(Math.abs(steadyNow() - Date.now())).toBeLessThan(1000)
  vi.useFakeTimers({ toFake: ['Date'], now: 5 })
  expect(steadyNow()).toBe(5)
  vi.setSystemTime(7)
  expect(steadyNow()).toBe(7)
  vi.useRealTimers()
  vi.spyOn(Date, 'now').mockReturnValue(9)
  expect(steadyNow()).toBe(9)
  vi.restoreAllMocks()
  expect(Math.abs(steadyNow() - Date.now())).toBeLessThan(1000)
})

const PROGRAM = `
import { writeFileSync } from 'node:fs'
import { createKeyedCache } from '${new URL('../../../dist/index.js', import.meta.url).href}'
const cache = createKeyedCache()
const beganMs = Date.now()
await cache.set('a', 1, { ttl: 60 })
const found = []
for (const clock of ['+3600', '-3600']) {
  writeFileSync(process.env.FAKETIME_TIMESTAMP_FILE, clock)
  await cache.set('b', 1, { ttl: '20ms' })
  const { ttl } = await cache.entry('a')
  await new Promise((resolve) => setTimeout(resolve, 40))
  found.push({ isSet: Math.abs(Date.now() - beganMs) > 3_000_000, ttl: Math.round(ttl / 10) * 10, expired: !(await cache.has('b')) })
}
console.log(JSON.stringify(found))
`

test("does not follow the system's clock when that is set, so that nothing in the process ends early or late", async () => {
  const { env } = new SettableClock()
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    env: { ...process.env, ...env },
  })
  const right = { isSet: true, ttl: 60, expired: true }
  expect(JSON.parse(stdout)).toEqual([right, right])
})
