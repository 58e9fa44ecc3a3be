import { expect, test, vi } from 'vitest'
import { Turns } from '../../../src/stores/redis/turns.js'
import { fakeRealTime } from '../../support/fake-real-time.js'

test('Duties are all done in each turn, or one in each, and asked for anew when all were done', () => {
  fakeRealTime()
  const done: string[] = []
  let asked = 0
  const duties = (): (() => void)[] => {
    asked++
    return ['ping', 'probe', 'keep up'].map((what) => () => void done.push(`${what} ${asked}`))
  }
  const all = new Turns({ everyMs: 1000, atOnce: Infinity }, duties)
  vi.advanceTimersByTime(2000)
  all.close()
  expect(done).toEqual(['ping 1', 'probe 1', 'keep up 1', 'ping 2', 'probe 2', 'keep up 2'])
  done.length = asked = 0
  const single = new Turns({ everyMs: 1500, atOnce: 1 }, duties)
  vi.advanceTimersByTime(6000)
  single.close()
  vi.advanceTimersByTime(6000)
  expect(done).toEqual(['ping 1', 'probe 1', 'keep up 1', 'ping 2'])
})
