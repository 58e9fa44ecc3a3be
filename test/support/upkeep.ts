import type { KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import { Client } from '../../src/stores/redis/connection/client.js'
import { Shards } from '../../src/stores/redis/shards/shards.js'
import { until } from './until.js'

/** The upkeep of one prefix, for a test that does it without waiting for its turns. */
export interface OwnUpkeep {
  /** Visits each shard once. Gives how many steps that took. */
  visitAll(): Promise<number>
  close(): Promise<void>
}

/** Opens the upkeep of a prefix, as one more process beside the caches. */
export async function openUpkeep(
  redis: KeyedCacheOptions['redis'],
  keyPrefix: string,
  shardCount: number,
): Promise<OwnUpkeep> {
  const client = new Client({ redis: redis!, timeoutMs: 5000, upkeep: 'shared' })
  const shards = new Shards(
    { client, keyPrefix, timeoutMs: 5000, onOpen: () => undefined, onOutageEnd: () => undefined },
    shardCount,
  )
  await until(() => client.isReady, 'it is connected')
  await Promise.all(shards.all.map(({ connection }) => connection.probe()))
  return {
    visitAll: async () => {
      let steps = 0
      for (const { upkeep } of shards.all) for await (const _ of upkeep.visit(1)) steps++
      return steps
    },
    close: async () => {
      for (const { connection } of shards.all) connection.close()
      await client.close()
    },
  }
}
