import { once } from 'node:events'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache } from '../../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { countListeners } from '../../../support/listeners.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { until } from '../../../support/until.js'

let server: RedisServer
let client: Redis
const opened: KeyedCache[] = []
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.url, { socketTimeout: 5000, retryStrategy: () => 20 })
  await once(client, 'ready')
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})
afterAll(async () => {
  client.disconnect()
  await server.close()
})

function open(near: boolean): KeyedCache {
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const cache = createKeyedCache({ redis: client, keyPrefix: freshPrefix(), near, logger: silent })
  opened.push(cache)
  return cache
}

test('Many caches add as many listeners to their client as one does, and leave none when they are closed', async () => {
  const before = countListeners(client)
  const first = open(false)
  await until(() => first.set('a', 1), 'the cache answers')
  const ofOne = countListeners(client)
  const caches = Array.from({ length: 24 }, (_, i) => open(i % 2 === 0))
  await Promise.all(caches.map((cache) => until(() => cache.set('a', 1), 'the cache answers')))
  expect(countListeners(client)).toEqual(ofOne)

  await first.close()
  expect(countListeners(client)).toEqual(ofOne)
  await Promise.all(caches.map((cache) => cache.close()))
  expect(countListeners(client)).toEqual(before)
})

test('Each of the caches on a client is told that the connection is gone and back, whichever of them was closed', async () => {
  const caches = [open(false), open(true), open(false)]
  await Promise.all(caches.map((cache) => until(() => cache.set('a', 1), 'the cache answers')))
  const [closed, ...left] = caches as [KeyedCache, ...KeyedCache[]]
  const told: string[] = []
  for (const [i, cache] of left.entries()) cache.on('state', ({ up }) => told.push(`${i} ${up ? 'up' : 'down'}`))
  await closed.close()
  client.disconnect(true)
  await until(() => told.length >= 4, 'both are told of both')
  expect(told.toSorted()).toEqual(['0 down', '0 up', '1 down', '1 up'])
})
