import { callHook } from './call-hook.js'
import { RateLimitedWarnings } from './rate-limited-warnings.js'

/** A cache writes changes of state and background failures here. What it throws, or rejects with, becomes a process warning. */
export interface Logger {
  /** Redis answers again. What it throws is a warning. */
  info(message: string): void
  /** Redis does not answer. What it throws is a warning. */
  warn(message: string): void
  /** Something has failed in the background; each kind once a minute. What it throws is a warning. */
  error(message: string): void
}

/** Wraps a logger, which may be asynchronous. What it throws or rejects with becomes a process warning, and no call fails. */
export function safeLogger(logger: Logger): Logger {
  const warnings = new RateLimitedWarnings()
  const failed = (thrown: unknown): void =>
    warnings.give('KEYEDCACHE_LOGGER', 'The `logger` of a cache failed, and a line of the log is lost', thrown)
  return {
    info: (message) => callHook(() => logger.info(message), failed),
    warn: (message) => callHook(() => logger.warn(message), failed),
    error: (message) => callHook(() => logger.error(message), failed),
  }
}
