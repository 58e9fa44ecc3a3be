import { isError } from '../checks/is-error.js'
import { outside } from '../checks/outside.js'
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
import { CallOrder } from './order/call-order.js'
import type { Deletion } from './order/deletion.js'
import { Fallback } from './reading/fallback.js'
import { Lookup } from './reading/lookup.js'
import { NearTier } from './reading/near-tier.js'
import { Reader } from './reading/reader.js'
import { FailedDeletions } from './writing/failed-deletions.js'
import { Place } from './writing/place.js'
import { Remover } from './writing/remover.js'
import { Writer } from './writing/writer.js'
import type { StatsTotals } from '../contract/statistics.js'
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
  const cache = outside(() => assemble(checked, openStore(checked, events), events))
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
  const order = new CallOrder()
  const place = new Place(store.place)
  const deletions = new FailedDeletions({
    name,
    store,
    place,
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
  const reader = new Reader({ store, order, codec, near, fallback, onFailed })
  const lookup = new Lookup({ store, order, codec, near, fallback, reader, events, isEnabled, onFailed })
  const inspection = new Inspection(store, order, codec, mustAnswer)
  const writer = new Writer({
    store,
    order,
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
  const remover = new Remover({ store, order, near, fallback, deletions, events, mustAnswer })
  const readThrough = new ReadThrough({
    cache: place.identity,
    store,
    order,
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
  const countedByOthers = (): StatsTotals[] => place.others.map((other) => other.counted())
  const stats = new StatsFlush(events, store, options.upkeep, onFailed, countedByOthers)
  const cache: StoreBackedCache = new StoreBackedCache({
    name,
    lifetime,
    store,
    order,
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
    place,
  })
  place.enter({
    forget: (changed) => {
      near?.forgetDeleted(changed)
      fallback?.forgetDeleted(changed)
    },
    hide: (hides) => deletions.hidden(hides),
    counted: () => stats.ownTotals(),
  })
  tellOthers(place, events)
  return cache
}

/** Tells the other caches of a place what this one changes, before its caller knows that it is done. */
function tellOthers(place: Place, events: Events): void {
  const changed = (change: Deletion): void => {
    for (const other of place.others) other.forget(change)
  }
  events.on('set', ({ key }) => changed({ key, children: false, tag: undefined }))
  events.on('delete', changed)
  events.on('compute', ({ key, stored }) => {
    if (stored) changed({ key, children: false, tag: undefined })
  })
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
    // A call may be the first to notice.
    onState: (up, error) =>
      outside(() => {
        events.emit('state', { up, since: new Date(), error })
        log.change(up, error)
      }),
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
