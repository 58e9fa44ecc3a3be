import { callHook } from './call-hook.js'
import { RateLimitedWarnings } from './rate-limited-warnings.js'

/** Where a cache tells of changes of state, and of what fails in the background. */
export interface Logger {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

/** The same logger, which may be asynchronous: what it throws or rejects with is a process warning, and nobody's failure. */
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
