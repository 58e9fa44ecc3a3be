import { isError } from '../checks/is-error.js'
import { checkCacheOptions, type CheckedOptions, type KeyedCacheOptions } from './cache-options.js'
import type { KeyedCache } from '../contract/cache.js'
import { warnOfEmbedded } from './embedded-warning.js'
import { logErrors } from '../contract/events/error-log.js'
import { Events } from '../contract/events/events.js'
import { StoreBackedCache } from './keyed-cache.js'
import { ReadThrough } from './computing/read-through.js'
import { createMustAnswer } from '../contract/events/must-answer.js'
import { Inspection } from './inspection/inspection.js'
import { HeldLeases } from './leases/held-leases.js'
import { CycleProbes } from './computing/cycle-probes.js'
import { LeaseEnds } from './leases/lease-ends.js'
import { Fallback } from './reading/fallback.js'
import { Lookup } from './reading/lookup.js'
import { NearTier } from './reading/near-tier.js'
import { Reader } from './reading/reader.js'
import { FailedDeletions } from './writing/failed-deletions.js'
import { Remover } from './writing/remover.js'
import { Writer } from './writing/writer.js'
import { StatsFlush } from '../statistics/stats-flush.js'
import { EntryCodec } from '../values/entry-codec.js'
import { reasonOf } from '../checks/reason.js'
import { show } from '../checks/show.js'
import { MemoryStore } from '../stores/memory/memory-store.js'
import { poorSettings } from '../stores/redis/ioredis/client-settings.js'
import { RedisStore } from '../stores/redis/redis-store.js'
import type { Store } from '../contract/store.js'

export type { KeyedCacheOptions } from './cache-options.js'
import { StateLog } from '../contract/events/state-log.js'

/**
 * Makes a cache: in Redis when `redis` is given, else in the embedded store. Warns when Redis is used without a `keyPrefix`, because other
 * applications may use the default one too.
 * @throws {TypeError} naming the option that is wrong.
 * @throws {ImproperlyConfiguredError} with Redis in production without a `keyPrefix`.
 */
export function createKeyedCache(options?: KeyedCacheOptions): KeyedCache {
  const checked = checkCacheOptions(options)
  const { name, logger } = checked
  if (checked.redis !== undefined && options?.keyPrefix === undefined) {
    warn(
      'KEYEDCACHE_KEY_PREFIX',
      "No `keyPrefix` was given: 'keyedcache' is used, which any other application on this Redis may use too",
    )
  }
  const events = new Events()
  if (logger !== undefined) logErrors(events, name, (line) => logger.error(line))
  const cache = assemble(checked, openStore(checked, events), events)
  if (options !== undefined && 'redis' in options && options.redis === undefined) {
    warnOfEmbedded(
      name,
      'its `redis` is undefined',
      'set what it is read from, or leave `redis` out where one process is all there is',
    )
  }
  if (!cache.enabled) warn('KEYEDCACHE_DISABLED', `The cache ${show(name)} is disabled, since its \`ttl\` is 0`)
  return cache
}

/** Makes the parts of a cache and ties them together. */
function assemble(options: CheckedOptions, store: Store, events: Events): StoreBackedCache {
  const { name, lifetime, serializer, leaseMs, maxComputeMs, retryAfterMs, maxValueBytes, compressAbove } = options
  const onFailed = (operation: string, key: string | undefined, error: unknown): void => {
    events.emit('error', { operation, key, error })
  }
  const isEnabled = (): boolean => cache.enabled
  const deletions = new FailedDeletions({
    name,
    store,
    events,
    onHidden: (hides) => readThrough.void(hides),
    onFailed,
  })
  const codec = new EntryCodec(
    serializer,
    { compressAbove, maxValueBytes },
    (key) => store.now(key),
    (key, error) => onFailed('read', key, error),
    (key, tags) => deletions.hides(key, tags),
  )
  const near = options.near === undefined ? undefined : new NearTier(store, codec, options.near)
  const fallback =
    options.fallback === undefined ? undefined : new Fallback({ store, codec, near, bounds: options.fallback })
  const mustAnswer = createMustAnswer(onFailed)
  const reader = new Reader({ store, codec, near, fallback, onFailed })
  const lookup = new Lookup({ store, codec, near, fallback, reader, events, isEnabled, onFailed })
  const inspection = new Inspection(store, codec, mustAnswer)
  const writer = new Writer({
    store,
    near,
    fallback,
    deletions,
    codec,
    events,
    maxValueBytes,
    lifetime,
    isEnabled,
    onFailed,
  })
  const remover = new Remover({ store, near, fallback, deletions, events, writer, mustAnswer })
  const readThrough = new ReadThrough({
    // The store identifies the cache, because each cache has its own.
    cache: store,
    store,
    codec,
    near,
    fallback,
    reader,
    events,
    leaseEnds: new LeaseEnds(store),
    cycles: new CycleProbes(store),
    lifetime,
    leaseMs,
    leases: new HeldLeases(events),
    maxComputeMs,
    retryAfterMs,
    encode: (key, value, life, computeMs, tags) => writer.encodeComputed(key, value, life, computeMs, tags),
    isEnabled,
    onFailed,
  })
  const stats = new StatsFlush(events, store, options.upkeep, onFailed)
  const cache: StoreBackedCache = new StoreBackedCache({
    name,
    lifetime,
    store,
    events,
    mustAnswer,
    lookup,
    inspection,
    writer,
    remover,
    readThrough,
    stats,
    deletions,
    fallback,
  })
  return cache
}

function openStore(options: CheckedOptions, events: Events): Store {
  const { name, redis, keyPrefix, timeoutMs, shards, upkeep, bounds, near } = options
  if (redis === undefined) return new MemoryStore(bounds)
  warnOfSettings(redis, name)
  const log = new StateLog((up, error, more) => logState(options, up, error, more))
  return new RedisStore({
    redis,
    keyPrefix,
    timeoutMs,
    shards,
    upkeep,
    onOtherShards: (agreed, own) => {
      warn(
        'KEYEDCACHE_SHARDS',
        `The cache ${show(name)} goes by the ${agreed} shards that its \`keyPrefix\` has already, not by ${own}`,
      )
    },
    onState: (up, error) => {
      events.emit('state', { up, since: new Date(), error })
      log.change(up, error)
    },
    onUntracked: near === undefined ? undefined : warnOnceUntracked(name),
    onError: (operation, error) => events.emit('error', { operation, key: undefined, error }),
  })
}

function warnOfSettings(redis: NonNullable<CheckedOptions['redis']>, name: string): void {
  const poor = poorSettings(redis)
  if (poor.length > 0) {
    warn(
      'KEYEDCACHE_CLIENT',
      `The \`redis\` given to the cache ${show(name)} has settings that do not suit a cache: ${poor.join('; ')}`,
    )
  }
}

/** Makes a function that warns once that there is no near tier. */
function warnOnceUntracked(name: string): (error: unknown) => void {
  let told = false
  return (error) => {
    if (told) return
    told = true
    warn(
      'KEYEDCACHE_NEAR',
      `The cache ${show(name)} has no near tier, since its Redis does not tell what changes: ${reasonOf(error)}`,
    )
  }
}

function logState({ logger, name }: CheckedOptions, up: boolean, error: unknown, more: string): void {
  const reason = isError(error) ? ` (${reasonOf(error)})` : ''
  const message = up
    ? `The cache ${show(name)} reaches its Redis`
    : `The cache ${show(name)} does not reach its Redis${reason}${more}`
  if (logger === undefined) {
    if (!up) warn('KEYEDCACHE_DOWN', message)
  } else if (up) logger.info(message)
  else logger.warn(message)
}

function warn(code: string, message: string): void {
  process.emitWarning(message, { code })
}
