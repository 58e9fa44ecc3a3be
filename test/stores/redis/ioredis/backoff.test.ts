import { afterEach, expect, test, vi } from 'vitest'
import { backoffMs } from '../../../../src/stores/redis/ioredis/backoff.js'

afterEach(() => void vi.restoreAllMocks())

test.each([
  [1, 0, 500],
  [2, 450, 700],
  [1000, 450, 700],
])('Attempt %d to connect again is made after %d to %d ms, at each moment as likely', (attempt, leastMs, mostMs) => {
  const dice = [0, 0.25, 0.5, 0.75, 1]
  const random = vi.spyOn(Math, 'random')
  const delaysMs = dice.map((thrown) => {
    random.mockReturnValueOnce(thrown)
    return backoffMs(attempt)
  })
  expect(delaysMs).toEqual(dice.map((thrown) => leastMs + thrown * (mostMs - leastMs)))
})
