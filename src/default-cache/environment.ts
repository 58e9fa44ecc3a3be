import { DURATIONS, isDuration, type Ttl, UNITS } from '../checks/duration.js'
import { oneLine } from '../checks/one-line.js'
import { show } from '../checks/show.js'
import type { KeyedCacheOptions } from '../cache/cache-options.js'
import { warnOfEmbedded } from '../cache/embedded-warning.js'
import { isKeyPrefix, KEY_PREFIXES } from '../keys/key-prefix.js'
import { fromUrl } from '../contract/redis/redis-url.js'

const PREFIX = 'KEYEDCACHE_'
const KNOWN = 'REDIS_URL, KEYEDCACHE_KEY_PREFIX, KEYEDCACHE_TTL, KEYEDCACHE_ALIAS'

/**
 * The options of the default cache from the environment.
 * @throws {TypeError} naming the variable that is wrong.
 */
export function fromEnvironment(): KeyedCacheOptions {
  const { REDIS_URL: redis, KEYEDCACHE_KEY_PREFIX: keyPrefix } = process.env
  const ttl = process.env['KEYEDCACHE_TTL']?.trim()
  return {
    ...(redis ? { redis: checkUrl(redis) } : {}),
    ...(keyPrefix ? { keyPrefix: checkKeyPrefix(keyPrefix) } : {}),
    ...(ttl ? { ttl: checkTtl(ttl) } : {}),
  }
}

/** Warns of variables that mean nothing, and in production when they name no Redis. */
export function warnOfEnvironment(): void {
  warnOfUnknown()
  if (!process.env['REDIS_URL']) {
    warnOfEmbedded(
      'default',
      'REDIS_URL is not set',
      'set it to a URL like redis://host:6379, or call `configure({ caches: { default: {} } })` where one process is all there is',
    )
  }
}

function checkUrl(redis: string): string {
  fromUrl(redis, 'REDIS_URL to be a URL like redis://host:6379')
  return redis
}

function checkKeyPrefix(keyPrefix: string): string {
  if (isKeyPrefix(keyPrefix)) return keyPrefix
  throw new TypeError(`KEYEDCACHE_KEY_PREFIX is ${show(keyPrefix)}: expected ${KEY_PREFIXES}`)
}

function checkTtl(text: string): Ttl {
  const seconds = Number(text)
  const ttl = Number.isNaN(seconds) ? text : seconds
  if (isDuration(ttl)) return ttl
  throw new TypeError(
    `KEYEDCACHE_TTL is ${show(text)}: expected ${DURATIONS}${Number.isNaN(seconds) ? `; ${UNITS}` : ''}`,
  )
}

function warnOfUnknown(): void {
  const unknown = Object.keys(process.env).filter(
    (name) => name.startsWith(PREFIX) && !KNOWN.split(', ').includes(name),
  )
  if (unknown.length === 0) return
  process.emitWarning(
    `Nothing reads ${unknown.map(oneLine).join(', ')}: the default cache knows ${KNOWN}, and all else is given to \`configure\``,
    { code: 'KEYEDCACHE_ENVIRONMENT' },
  )
}
