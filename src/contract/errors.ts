import { isError } from '../checks/is-error.js'
import { quoted } from '../checks/one-line.js'
import { reasonOf } from '../checks/reason.js'
import { brand } from './copies/brand.js'

/** Names a class of errors as built-in ones are named: by its prototype, whatever a bundler calls the class. */
function named(type: abstract new (...args: any[]) => Error, name: string): void {
  Object.defineProperty(type.prototype, 'name', { value: name, writable: true, configurable: true })
}

/** The stable codes of all errors that this package makes, apart from `TypeError` for wrong use. */
export type KeyedCacheErrorCode =
  | 'ERR_NOT_CACHED'
  | 'ERR_CACHE_NOT_RESPONDING'
  | 'ERR_CACHE_TIMEOUT'
  | 'ERR_IMPROPERLY_CONFIGURED'

/** As `ErrorOptions`, which TypeScript knows from `lib: ["es2022"]` on only. */
interface Cause {
  cause?: unknown
}

/** The base class of all errors of this package, with a stable `code`. `cause` is the error that led to it. */
export class KeyedCacheError extends Error {
  static {
    brand(this, 'KeyedCacheError')
    named(this, 'KeyedCacheError')
  }

  /** Stays the same in all versions, while messages may change. */
  readonly code: KeyedCacheErrorCode

  constructor(code: KeyedCacheErrorCode, message: string, options?: Cause) {
    super(message, options)
    this.code = code
  }
}

/** `get` found nothing under the key, and no default was given. */
export class NotCachedError extends KeyedCacheError {
  static {
    brand(this, 'NotCachedError')
    named(this, 'NotCachedError')
  }

  /** The full key that was asked for. */
  readonly key: string

  constructor(key: string) {
    super(
      'ERR_NOT_CACHED',
      `Nothing is cached under ${quoted(key)}. To get a value instead of this error, pass { default: … }.`,
    )
    this.key = key
  }
}

/** Redis did not answer in time or as expected, and the operation cannot go on without the answer. */
export class CacheNotRespondingError extends KeyedCacheError {
  static {
    brand(this, 'CacheNotRespondingError')
    named(this, 'CacheNotRespondingError')
  }

  /** How many keys a deletion had removed before it failed. */
  readonly removed: number

  constructor(operation: string, options?: Cause & { removed?: number | undefined }) {
    const reason = isError(options?.cause) ? `: ${reasonOf(options.cause)}` : ''
    super('ERR_CACHE_NOT_RESPONDING', `The cache did not respond to ${operation}${reason}`, options)
    this.removed = options?.removed ?? 0
  }
}

/**
 * A value was not computed in time. If the caller's own `timeout` has passed, the computation goes on, and its value is stored. If
 * `maxCompute` has passed, the computation is given up.
 */
export class CacheTimeoutError extends KeyedCacheError {
  static {
    brand(this, 'CacheTimeoutError')
    named(this, 'CacheTimeoutError')
  }

  /** The full key that was being computed. */
  readonly key: string

  constructor(key: string, limitMs: number, limit: 'timeout' | 'maxCompute' = 'timeout') {
    const whose = limit === 'timeout' ? 'the `timeout` of this call' : 'its `maxCompute`'
    super('ERR_CACHE_TIMEOUT', `${quoted(key)} was not computed within ${limitMs} ms, ${whose}`)
    this.key = key
  }
}

/** The configuration cannot work, or would not be safe. The message says what to set. */
export class ImproperlyConfiguredError extends KeyedCacheError {
  static {
    brand(this, 'ImproperlyConfiguredError')
    named(this, 'ImproperlyConfiguredError')
  }

  constructor(message: string) {
    super('ERR_IMPROPERLY_CONFIGURED', message)
  }
}

/** A removal failed before it was complete. Stores reject with this error. */
export class PartialRemoval extends Error {
  /** How many keys were removed before it failed. */
  readonly count: number

  constructor(count: number, cause: unknown) {
    super(reasonOf(cause), { cause })
    this.name = 'PartialRemoval'
    this.count = count
  }
}
