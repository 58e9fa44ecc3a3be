import { once } from 'node:events'
import { Cluster } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import type { RedisStore } from '../../../src/stores/redis/redis-store.js'
import { describeComputations } from '../computation-contract.js'
import { describeStatistics } from '../statistics-contract.js'
import { describeStore } from '../store-contract.js'
import { freshPrefix } from '../../support/both-stores.js'
import { CA_FILE, trustCa } from '../../support/certificates.js'
import { countListeners } from '../../support/listeners.js'
import { openStore } from '../../support/open-store.js'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.js'
import { until } from '../../support/until.js'
import { isFull } from '../../support/size.js'
import { startWorker } from '../../support/worker.js'

let cluster: RedisCluster
beforeAll(async () => {
  cluster = await startCluster({ tls: true })
}, 60_000)
afterAll(async () => {
  const used = await cluster.commandsUsed()
  await cluster.close()
  for (const name of ['keys', 'flushdb', 'flushall']) expect(used).not.toContain(name)
  expect(used).toContain('evalsha')
})

// Its store is checked below: with TLS, and by a client.
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
  if (isFull) describeComputations('The store on a Cluster', open)
})

describe('A Cluster with TLS, by certificates with names', () => {
  let distrust = (): void => undefined
  beforeAll(() => {
    distrust = trustCa()
  })
  afterAll(() => distrust())

  const opened: KeyedCache[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
    await tell({ 'cluster-preferred-endpoint-type': 'hostname', 'cluster-announce-hostname': 'localhost' })
  })

  /** Changes settings of all nodes. */
  const tell = (settings: Record<string, string>): Promise<unknown> =>
    Promise.all(cluster.nodes.map((node) => node.client().call('CONFIG', 'SET', ...Object.entries(settings).flat())))

  /** Waits until every node gives this host for all nodes. */
  const announced = (host: string): Promise<unknown> =>
    until(async () => {
      const slots = (await Promise.all(cluster.nodes.map((node) => node.client().cluster('SLOTS')))).flat()
      return slots.flatMap(([, , ...nodes]) => nodes).every(([given]) => given === host)
    }, `all nodes are announced as ${host}`)

  const open = (redis: readonly string[]): { cache: KeyedCache; lines: string[] } => {
    const lines: string[] = []
    const log = (line: string): void => void lines.push(line)
    const logger = { info: log, warn: log, error: log }
    const cache = createKeyedCache({ redis, keyPrefix: freshPrefix(), redisTimeout: '1s', near: true, logger })
    opened.push(cache)
    return { cache, lines }
  }

  const keys = Array.from({ length: 50 }, (_, i) => ['a', i] as const)
  const writeAll = (cache: KeyedCache): Promise<boolean[]> => Promise.all(keys.map((key) => cache.set(key, 'one')))

  describeStore('The store on a Cluster', () => openStore(cluster.tlsUrls))

  test.each(['localhost', '127.0.0.1'])(
    'is used where its nodes are announced as %s, and tells of changes',
    async (host) => {
      await tell({ 'cluster-preferred-endpoint-type': host === 'localhost' ? 'hostname' : 'ip' })
      const { cache } = open(cluster.tlsUrls.slice(0, 1))
      await until(() => cache.set('a', 1), 'the cache answers')
      expect(await writeAll(cache)).toEqual(keys.map(() => true))
      await until(async () => {
        await cache.get(['a', 0])
        return (await cache.stats()).hitsBy.near > 0
      }, 'every master tells of changes')
      const { length } = (await Promise.all(cluster.nodes.map((node) => node.client().call('CLIENT', 'LIST'))))
        .join('')
        .match(/name=keyedcache-subscriber .* resp=2/g) as string[]
      expect(length).toBe(cluster.masters.length)
    },
  )

  test('is used by URLs alone, in a process that is started with `NODE_EXTRA_CA_CERTS`', async () => {
    const cache = new URL('../../workers/cache.mjs', import.meta.url)
    const worker = await startWorker(cache, { NODE_EXTRA_CA_CERTS: CA_FILE })
    try {
      await worker.call('open', { redis: cluster.tlsUrls, keyPrefix: freshPrefix(), redisTimeout: '5s' })
      expect(await worker.call('call', 'set', 'a', 1)).toBe(true)
    } finally {
      await worker.close()
    }
  })

  test('is found by a name that has several addresses, though not all of them answer', async () => {
    const { cache } = open(cluster.tlsUrls.map((url) => url.replace('localhost', 'redis.test')))
    await until(() => cache.set('a', 1), 'the cache answers')
  })

  test('is as good as away where a node is announced by a name that its certificate does not have', async () => {
    await tell({ 'cluster-announce-hostname': 'other.test' })
    await announced('other.test')
    const { cache, lines } = open(cluster.tlsUrls.slice(0, 1))
    await until(() => lines.length > 0, 'it is told of')
    expect(lines[0]).toMatch(/does not reach/)
    expect(await writeAll(cache)).toEqual(keys.map(() => false))
    await tell({ 'cluster-announce-hostname': 'localhost' })
    await until(() => cache.set('a', 1), 'the cache answers')
  })

  test('is as good as away by URLs with an address or a name that its certificates do not have', async () => {
    const all = ['127.0.0.1', 'other.test'].map((host) =>
      open(cluster.tlsUrls.map((url) => url.replace('localhost', host))),
    )
    for (const { cache, lines } of all) {
      /* eslint-disable no-await-in-loop -- both wait at once */
      await until(() => lines.length > 0, 'it is told of')
      expect(lines[0]).toMatch(/does not reach/)
      expect(await cache.set('a', 1)).toBe(false)
      /* eslint-enable no-await-in-loop */
    }
  })
})

test('Many caches on one Cluster client add as many listeners to it as one does, and leave none', async () => {
  const client = new Cluster(cluster.urls)
  await once(client, 'ready')
  const before = countListeners(client)
  const open = async (onUntracked?: () => void): Promise<RedisStore> => {
    const store = openStore(client, { onUntracked })
    await store.count(undefined)
    return store
  }
  const first = await open()
  const ofOne = countListeners(client)
  const stores = await Promise.all(Array.from({ length: 12 }, (_, i) => open(i % 2 === 0 ? () => {} : undefined)))
  expect(countListeners(client)).toEqual(ofOne)
  await Promise.all([first, ...stores].map((store) => store.close()))
  expect(countListeners(client)).toEqual(before)
  client.disconnect()
})

test('A Cluster is named as such', async () => {
  const store = openStore(cluster.urls)
  await store.count(undefined)
  expect(store.backend()).toMatchObject({ kind: 'cluster', up: true })
  await store.close()
})
