import { atOnce } from '../values/at-once.js'
import { secondsHint, toMs, type Ttl } from '../checks/duration.js'
import { ImproperlyConfiguredError } from '../contract/errors.js'
import { isKeyPrefix, KEY_PREFIXES } from '../keys/key-prefix.js'
import {
  type CopyBounds,
  fallbackBounds,
  type FallbackOptions,
  nearBounds,
  type NearOptions,
} from '../contract/options/copy-bounds.js'
import { checkOptions, checkRetryAfter, type Lifetime } from '../contract/options/option-checks.js'
import type { RedisAddress } from '../contract/redis-address.js'
import type { Upkeep } from '../contract/upkeep.js'
import { type Logger, safeLogger } from '../contract/events/safe-logger.js'
import { defaultSerializer, type Serializer } from '../values/serializer.js'
import { show } from '../checks/show.js'
import { checkRedis } from '../contract/redis/check-redis.js'
import { checkRedisPlace } from '../contract/redis/redis-place.js'

/** The options of a cache. */
export interface KeyedCacheOptions {
  /**
   * A URL (`redis:`, `rediss:` or `unix:/run/redis.sock`), URLs of the nodes of one Cluster, options for `ioredis`, or a client of `ioredis`.
   * Without it, the cache uses the embedded store, which lives in this process only.
   */
  redis?: RedisAddress | undefined
  /**
   * The text that every name in Redis begins with: 1 to 64 of `A-Z a-z 0-9 . _ -`. Required with Redis in production.
   * @defaultValue 'keyedcache'
   */
  keyPrefix?: string | undefined
  /** How long a value is fresh; `0` disables the cache. @defaultValue 300 */
  ttl?: Ttl | undefined
  /** How long `getOrSet` may still serve a value after its ttl has passed. @defaultValue 0 */
  grace?: Ttl | undefined
  /** How long a process that computes a key may be silent before another process takes over. @defaultValue '5s' */
  lease?: Ttl | undefined
  /** The cache gives up a computation after this time. @defaultValue '60s' */
  maxCompute?: Ttl | undefined
  /**
   * How long a stale value serves after a refresh that failed before the next attempt: at most 1 hour.
   * @defaultValue a tenth of the value's ttl, but 1 to 30 seconds
   */
  retryAfter?: Ttl | undefined
  /** How long Redis may be silent. While bytes arrive, a command waits for up to 8 times that. @defaultValue '250ms' */
  redisTimeout?: Ttl | undefined
  /**
   * Keeps copies of entries in this process while Redis reports changes to them. A copy serves for at most the `ttl` given, 5 seconds by
   * default. The embedded store needs no copies. @defaultValue false
   */
  near?: boolean | NearOptions | undefined
  /**
   * Keeps in this process what is computed and set while Redis does not answer, and answers from there, so that an outage of Redis does not
   * become one of the database. The embedded store needs none. @defaultValue true
   */
  fallback?: boolean | FallbackOptions | undefined
  /** The most entries that the embedded store holds. @defaultValue 100000 */
  maxEntries?: number | undefined
  /** The most bytes that the embedded store holds. @defaultValue 64 MiB */
  maxBytes?: number | undefined
  /** The most bytes that one stored value may have. @defaultValue 1 MiB */
  maxValueBytes?: number | undefined
  /** Values of more bytes than this are compressed. @defaultValue no value is compressed */
  compressAbove?: number | undefined
  /** Turns values into bytes and back. */
  serializer?: Serializer | undefined
  /**
   * The number of shards that the keys on a Cluster are divided into, each in a slot of its own: 16, or 64 for more than 16 masters. The
   * first process that uses a `keyPrefix` decides for all processes. @defaultValue 16
   */
  shards?: number | undefined
  /**
   * How many commands this process sends to Redis that no caller asked for. `'shared'`: a few each second, and one process of all drops what
   * has expired. `'low'`: at most one each second, for a Redis that is paid by the command. @defaultValue 'shared'
   */
  upkeep?: Upkeep | undefined
  /** The name of the cache in the dashboard and the metrics. @defaultValue 'default' */
  name?: string | undefined
  /**
   * Receives a line when Redis stops or starts answering, and when something fails in the background. Without a logger, a process warning
   * says that Redis stopped answering.
   */
  logger?: Logger | undefined
}

const KNOWN: Readonly<Record<keyof KeyedCacheOptions, true>> = {
  redis: true,
  keyPrefix: true,
  ttl: true,
  grace: true,
  lease: true,
  maxCompute: true,
  retryAfter: true,
  redisTimeout: true,
  near: true,
  fallback: true,
  maxEntries: true,
  maxBytes: true,
  maxValueBytes: true,
  compressAbove: true,
  serializer: true,
  shards: true,
  upkeep: true,
  name: true,
  logger: true,
}

/** Whether a cache has an option of this name. */
export function isCacheOption(name: string): boolean {
  return Object.hasOwn(KNOWN, name)
}

/** The checked options of a cache, with the defaults filled in. */
export interface CheckedOptions {
  readonly name: string
  readonly serializer: Serializer
  readonly lifetime: Lifetime
  readonly leaseMs: number
  readonly maxComputeMs: number
  readonly retryAfterMs: number | undefined
  readonly maxValueBytes: number
  /** `Infinity`: nothing is compressed. */
  readonly compressAbove: number
  readonly near: CopyBounds | undefined
  readonly fallback: CopyBounds | undefined
  readonly logger: Logger | undefined
  readonly bounds: { readonly maxEntries: number; readonly maxBytes: number }
  readonly redis: RedisAddress | undefined
  readonly keyPrefix: string
  readonly timeoutMs: number
  readonly shards: number
  readonly upkeep: Upkeep
}

/**
 * Checks the options of a cache, and does nothing else.
 * @throws {TypeError} naming the option that is wrong.
 * @throws {ImproperlyConfiguredError} with Redis in production without a `keyPrefix`.
 */
export function checkCacheOptions(options: KeyedCacheOptions | undefined): CheckedOptions {
  checkRedisPlace(options, isCacheOption)
  const given = checkOptions(options, 'createKeyedCache', KNOWN) ?? {}
  const {
    name = 'default',
    logger,
    serializer = defaultSerializer,
    ttl = 300,
    grace = 0,
    lease = '5s',
    maxCompute = '60s',
    redisTimeout = '250ms',
    maxEntries = 100_000,
    maxBytes = 64 * 2 ** 20,
    maxValueBytes = 2 ** 20,
    compressAbove,
  } = given
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`Expected \`name\` to be text that is not empty, got ${show(name)}`)
  return {
    name,
    logger: checkLogger(logger),
    serializer: checkSerializer(serializer),
    lifetime: { ttlMs: toMs('ttl', ttl), graceMs: toMs('grace', grace) },
    leaseMs: checkLimit('lease', lease),
    maxComputeMs: toMs('maxCompute', maxCompute),
    retryAfterMs: given.retryAfter === undefined ? undefined : checkRetryAfter(given.retryAfter),
    maxValueBytes: checkCount('maxValueBytes', maxValueBytes),
    compressAbove: compressAbove === undefined ? Infinity : checkCount('compressAbove', compressAbove, 0),
    near: nearBounds(given.near),
    fallback: fallbackBounds(given.fallback),
    bounds: { maxEntries: checkCount('maxEntries', maxEntries), maxBytes: checkCount('maxBytes', maxBytes) },
    timeoutMs: checkLimit('redisTimeout', redisTimeout),
    redis: given.redis === undefined ? undefined : checkRedis(given.redis),
    shards: checkShards(given.shards),
    upkeep: checkUpkeep(given.upkeep),
    keyPrefix: checkKeyPrefix(given),
  }
}

function checkKeyPrefix({ keyPrefix, redis }: KeyedCacheOptions): string {
  if (keyPrefix !== undefined) {
    if (isKeyPrefix(keyPrefix)) return keyPrefix
    throw new TypeError(`Expected \`keyPrefix\` to be ${KEY_PREFIXES}, got ${show(keyPrefix)}`)
  }
  if (redis !== undefined && process.env['NODE_ENV'] === 'production') {
    throw new ImproperlyConfiguredError(
      'With Redis in production `keyPrefix` must be given (KEYEDCACHE_KEY_PREFIX where the cache is made from the environment), so that no two applications share their keys',
    )
  }
  return 'keyedcache'
}

function checkShards(shards = 16): number {
  if (shards === 16 || shards === 64) return shards
  throw new TypeError(`Expected \`shards\` to be 16 or 64, got ${show(shards)}`)
}

function checkUpkeep(upkeep: Upkeep = 'shared'): Upkeep {
  if (upkeep === 'shared' || upkeep === 'low') return upkeep
  throw new TypeError(`Expected \`upkeep\` to be 'shared' or 'low', got ${show(upkeep)}`)
}

function checkLimit(option: string, limit: Ttl): number {
  const ms = toMs(option, limit)
  if (ms >= 1 && ms <= 3_600_000) return Math.round(ms)
  throw new TypeError(`Expected \`${option}\` to be from 1 ms to 1 hour, got ${show(limit)}${secondsHint(limit)}`)
}

function checkCount(option: string, value: number, least = 1): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new TypeError(`Expected \`${option}\` to be a whole number of at least ${least}, got ${show(value)}`)
}

function checkSerializer(serializer: Serializer): Serializer {
  const { name, encode, decode } = checkOptions(serializer, 'serializer') ?? defaultSerializer
  if (typeof name === 'string' && name !== '' && typeof encode === 'function' && typeof decode === 'function') {
    return serializer === defaultSerializer ? serializer : atOnce(serializer)
  }
  throw new TypeError(
    `Expected \`serializer\` to have a name and the functions encode and decode, got ${show(serializer)}`,
  )
}

function checkLogger(logger: Logger | undefined): Logger | undefined {
  if (logger === undefined) return undefined
  const { info, warn: warning, error } = checkOptions(logger, 'logger') ?? {}
  if ([info, warning, error].every((each) => typeof each === 'function')) return safeLogger(logger)
  throw new TypeError(`Expected \`logger\` to have the functions info, warn and error, got ${show(logger)}`)
}
