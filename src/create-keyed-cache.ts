import { checkCacheOptions, type CheckedOptions, type KeyedCacheOptions } from './cache-options.js'
import type { KeyedCache } from './cache/cache.js'
import { warnOfEmbedded } from './cache/embedded-warning.js'
import { logErrors } from './cache/error-log.js'
import { Events } from './cache/events.js'
import { StoreBackedCache } from './cache/keyed-cache.js'
import { reasonOf } from './cache/reason.js'
import { show } from './cache/show.js'
import { MemoryStore } from './stores/memory/memory-store.js'
import { isClient, poorSettings } from './stores/redis/client-settings.js'
import { RedisStore } from './stores/redis/redis-store.js'
import type { Store } from './stores/store.js'

export type { KeyedCacheOptions } from './cache-options.js'

/**
 * Makes a cache: in Redis when `redis` is given, else in the embedded store.
 * @throws {TypeError} naming the option that is wrong.
 * @throws {ImproperlyConfiguredError} with Redis in production without a `keyPrefix`.
 */
export function createKeyedCache(options?: KeyedCacheOptions): KeyedCache {
  const checked = checkCacheOptions(options)
  const { name, logger } = checked
  const events = new Events()
  if (logger !== undefined) logErrors(events, name, (line) => logger.error(line))
  const cache = new StoreBackedCache({ ...checked, events, store: openStore(checked, events) })
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

function openStore(options: CheckedOptions, events: Events): Store {
  const { name, redis, keyPrefix, timeoutMs, shards, bounds, near } = options
  if (redis === undefined) return new MemoryStore(bounds)
  warnOfSettings(redis, name)
  return new RedisStore({
    redis,
    keyPrefix,
    timeoutMs,
    shards,
    onOtherShards: (agreed, own) => {
      warn(
        'KEYEDCACHE_SHARDS',
        `The cache ${show(name)} goes by the ${agreed} shards that its \`keyPrefix\` has already, not by ${own}`,
      )
    },
    onState: (up, error) => {
      events.emit('state', { up, since: new Date(), error })
      logState(options, up, error)
    },
    onUntracked: near === undefined ? undefined : warnOnceUntracked(name),
    onError: (operation, error) => events.emit('error', { operation, key: undefined, error }),
  })
}

function warnOfSettings(redis: NonNullable<CheckedOptions['redis']>, name: string): void {
  const poor = isClient(redis) ? poorSettings(redis) : []
  if (poor.length > 0) {
    warn(
      'KEYEDCACHE_CLIENT',
      `The client given to the cache ${show(name)} has settings that do not suit a cache: ${poor.join('; ')}`,
    )
  }
}

/** Tells once that there is no near tier. */
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

function logState({ logger, name }: CheckedOptions, up: boolean, error: unknown): void {
  const reason = error instanceof Error ? ` (${reasonOf(error)})${rightsHint(error)}` : ''
  const message = up
    ? `The cache ${show(name)} reaches its Redis`
    : `The cache ${show(name)} does not reach its Redis${reason}`
  if (logger === undefined) {
    if (!up) warn('KEYEDCACHE_DOWN', message)
  } else if (up) logger.info(message)
  else logger.warn(message)
}

/** Commands that scripts may not send are refused in other words than those sent alone. */
function rightsHint({ message }: Error): string {
  const isRefused = /NOPERM|ACL failure in script|user executing the script/.test(message)
  return isRefused ? ': the Redis user lacks rights, which “The Redis user” in SECURITY.md lists' : ''
}

function warn(code: string, message: string): void {
  process.emitWarning(message, { code })
}
