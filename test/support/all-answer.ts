import type { KeyedCache } from '../../src/contract/cache.js'
import { until } from './until.js'

/** Waits until the stores of these caches answer. On a busy machine the first connection takes longer than `redisTimeout`. */
export async function allAnswer(...caches: readonly KeyedCache[]): Promise<void> {
  await Promise.all(
    caches.map((cache) =>
      until(
        () =>
          cache.require().then(
            () => true,
            () => false,
          ),
        'the cache answers',
      ),
    ),
  )
}
