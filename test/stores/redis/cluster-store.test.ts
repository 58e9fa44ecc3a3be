import { Cluster } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { RedisStore } from '../../../src/stores/redis/redis-store.js'
import { describeComputations } from '../computation-contract.js'
import { describeStatistics } from '../statistics-contract.js'
import { describeStore } from '../store-contract.js'
import { openStore } from '../../support/open-store.js'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.js'

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

describeStore('The store on a Cluster', () => openStore(cluster.urls))
describeStatistics('The store on a Cluster', () => openStore(cluster.urls))
describeComputations('The store on a Cluster', () => openStore(cluster.urls))

describe('A Cluster client that puts a prefix of its own before all keys', () => {
  const clients: Cluster[] = []
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect()
  })
  const open = (): RedisStore => {
    const client = new Cluster(cluster.urls, { keyPrefix: 'app:*[x]:' })
    clients.push(client)
    return openStore(client)
  }
  describeStore('The store on a Cluster', open)
  describeComputations('The store on a Cluster', open)
})

test('A Cluster is named as such', async () => {
  const store = openStore(cluster.urls)
  await store.count(undefined)
  expect(store.backend()).toMatchObject({ kind: 'cluster', up: true })
  await store.close()
})
