import type { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe } from 'vitest'
import type { KeyedCacheOptions } from '../../src/cache/create-keyed-cache.js'
import { hashTags } from '../../src/stores/redis/shards/hash-tags.js'
import { startCluster } from './redis-cluster.js'
import { startRedis } from './redis-server.js'

/** Real servers of the test's own, be it one or a Cluster. */
export interface Servers {
  /** As a cache is told of them. */
  readonly redis: KeyedCacheOptions['redis']
  /** What the names of each shard hold. */
  readonly tags: readonly string[]
  /** A connection to each master. */
  clients(): Promise<Redis[]>
  /** A connection that finds the master of a name. */
  client(): Redis | Cluster
  close(): Promise<void>
}

async function startOne(): Promise<Servers> {
  const server = await startRedis()
  return {
    redis: server.url,
    tags: hashTags(1),
    clients: async () => [server.client()],
    client: () => server.client(),
    close: () => server.close(),
  }
}

async function startMany(): Promise<Servers> {
  const cluster = await startCluster()
  return {
    redis: cluster.urls,
    tags: hashTags(16),
    clients: () => cluster.clients(),
    client: () => cluster.client(),
    close: () => cluster.close(),
  }
}

/** Runs the same tests twice: on one server, and on a Cluster. */
export function describeOnServers(name: string, tests: (servers: () => Servers) => void): void {
  describe.each([
    ['one server', startOne],
    ['a Cluster', startMany],
  ] as const)(`${name}, on %s`, (_what, start) => {
    let servers: Servers
    beforeAll(async () => {
      servers = await start()
    })
    afterAll(() => servers.close())
    tests(() => servers)
  })
}
