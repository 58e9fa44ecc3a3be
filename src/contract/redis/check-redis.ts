import { types } from 'node:util'
import { show } from '../../checks/show.js'
import type { RedisAddress } from '../redis-address.js'
import { checkClientOptions } from './client-options.js'
import { checkMode, isRedisClient } from './given-client.js'
import { fromClusterUrls } from './cluster-urls.js'
import { fromUrl } from './redis-url.js'

/**
 * Checks the option `redis` of a cache. Nothing is connected.
 * @throws {TypeError} saying what was given, without its secrets, and what is to be written.
 */
export function checkRedis(redis: unknown): RedisAddress {
  if (typeof redis === 'string') {
    fromUrl(redis)
    return redis
  }
  if (Array.isArray(redis)) {
    fromClusterUrls(redis)
    return redis as readonly string[]
  }
  if (isRedisClient(redis)) {
    checkMode(redis)
    return redis
  }
  const write = adviceOn(redis)
  if (write === '' && typeof redis === 'object' && redis !== null) return checkClientOptions(redis)
  throw new TypeError(`Expected \`redis\` to be a URL, options or a client of ioredis, got ${show(redis)}${write}`)
}

/** What is to be written in place of what can be no options. `''`: they may be options. */
function adviceOn(redis: unknown): string {
  if (typeof redis === 'function') return ': give what it makes'
  if (typeof redis !== 'object' || redis === null) return ''
  if (types.isPromise(redis) || 'then' in redis) return ': wait for it with `await`'
  return redis instanceof URL ? ': give its `href`' : ''
}
