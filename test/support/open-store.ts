import { RedisStore, type RedisStoreOptions } from '../../src/stores/redis/redis-store.js'
import { freshPrefix } from './both-stores.js'

/** Opens the store on Redis with a prefix of its own. */
export function openStore(redis: RedisStoreOptions['redis'], options: Partial<RedisStoreOptions> = {}): RedisStore {
  return new RedisStore({
    redis,
    keyPrefix: freshPrefix(),
    // a time limit that a busy machine does not reach
    timeoutMs: 5000,
    upkeep: 'shared',
    shards: 16,
    onOtherShards: () => {},
    onState: () => {},
    onError: () => {},
    ...options,
  })
}
