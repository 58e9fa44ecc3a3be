import { isClientOption } from './client-options.js'
import { isRedisClient } from './given-client.js'

/** Other names under which a URL, a client or its options may be given. */
const OTHERS = /^(?:ur[li]|redisUrl|connectionString|socket|client|store)$/

/**
 * @throws {TypeError} when the options of a cache are what belongs to its option `redis`: a URL, a client, or options of ioredis.
 */
export function checkRedisPlace(options: unknown, isCacheOption: (name: string) => boolean): void {
  const place = typeof options === 'string' && options.includes('://') ? 'url' : isRedisClient(options) ? 'client' : ''
  if (place !== '') {
    throw new TypeError(
      `Expected the options of createKeyedCache, got ${place === 'url' ? 'a URL' : 'a client'}: write \`createKeyedCache({ redis: ${place} })\``,
    )
  }
  if (typeof options !== 'object' || options === null) return
  const names = Object.keys(options).filter((name) => !isCacheOption(name))
  const name = names.find((each) => isClientOption(each) || OTHERS.test(each))
  if (name === undefined) return
  const write = isClientOption(name) ? `redis: { ${name}: … }` : 'redis: url'
  throw new TypeError(
    `\`${name}\` says how Redis is reached, and is no option of createKeyedCache: write \`createKeyedCache({ ${write} })\``,
  )
}
