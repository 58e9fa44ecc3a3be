import type { RedisOptions } from 'ioredis'
import { reasonOf } from '../../../checks/reason.js'
import { backoffMs } from './backoff.js'

/** The shortest pause between two attempts to connect, so that nothing tries again and again without one. */
const LEAST_MS = 20
/** The longest time that a timer of Node takes. A longer one ends at once. */
const LONGEST_MS = 2 ** 31 - 1

const PAUSES = ['retryStrategy', 'sentinelRetryStrategy', 'sentinelReconnectStrategy'] as const

/**
 * Options whose functions never throw, and give pauses that a timer can wait. ioredis calls them where nobody catches what they throw, and
 * that would end the process. What is thrown is a warning, once for each function.
 */
export function withoutThrowing(options: RedisOptions): RedisOptions {
  const safe: RedisOptions = { ...options }
  for (const name of PAUSES) {
    const strategy = options[name]
    if (typeof strategy !== 'function') continue
    const tell = warnOnce(name)
    safe[name] = (attempt: number) => {
      try {
        const pauseMs: unknown = strategy(attempt)
        // Anything but a number ends the attempts.
        return typeof pauseMs === 'number' ? inBounds(pauseMs) : null
      } catch (error) {
        tell(error)
        return backoffMs(attempt)
      }
    }
  }
  const { reconnectOnError } = options
  if (typeof reconnectOnError === 'function') {
    const tell = warnOnce('reconnectOnError')
    safe.reconnectOnError = (reply) => {
      try {
        return reconnectOnError(reply)
      } catch (error) {
        tell(error)
        return false
      }
    }
  }
  return safe
}

function inBounds(pauseMs: number): number {
  return Number.isNaN(pauseMs) ? backoffMs(2) : Math.min(Math.max(pauseMs, LEAST_MS), LONGEST_MS)
}

function warnOnce(name: string): (error: unknown) => void {
  let told = false
  return (error) => {
    if (told) return
    told = true
    process.emitWarning(
      `The \`${name}\` of \`redis\` has thrown, and what the cache does without it is done: ${reasonOf(error)}`,
      { code: 'KEYEDCACHE_CLIENT' },
    )
  }
}
