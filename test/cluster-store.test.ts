import { Cluster } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { RedisStore, type RedisStoreOptions } from '../src/stores/redis/redis-store.js'
import { describeComputations } from './computation-contract.js'
import { describeStatistics } from './statistics-contract.js'
import { describeStore } from './store-contract.js'
import { freshPrefix } from './support/both-stores.js'
import { type RedisCluster, startCluster } from './support/redis-cluster.js'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster()
}, 60_000)
afterAll(async () => {
  const used = await cluster.commandsUsed()
  await cluster.close()
  for (const name of ['keys', 'flushdb', 'flushall']) expect(used).not.toContain(name)
  expect(used).toContain('evalsha')
})

function openStore(options: Partial<RedisStoreOptions> = {}): RedisStore {
  return new RedisStore({
    redis: cluster.urls,
    keyPrefix: freshPrefix(),
    timeoutMs: 5000,
    shards: 16,
    onOtherShards: () => {},
    onState: () => {},
    onError: () => {},
    ...options,
  })
}

describeStore('The store on a Cluster', () => openStore())
describeStatistics('The store on a Cluster', () => openStore())
describeComputations('The store on a Cluster', () => openStore())

describe('A Cluster client that puts a prefix of its own before all keys', () => {
  const clients: Cluster[] = []
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect()
  })
  const open = (): RedisStore => {
    const client = new Cluster(cluster.urls, { keyPrefix: 'app:*[x]:' })
    clients.push(client)
    return openStore({ redis: client })
  }
  describeStore('The store on a Cluster', open)
  describeComputations('The store on a Cluster', open)
})

test('A Cluster is named as such', async () => {
  const store = openStore()
  await store.count(undefined)
  expect(store.backend()).toMatchObject({ kind: 'cluster', up: true })
  await store.close()
})
