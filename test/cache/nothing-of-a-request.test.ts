import { AsyncLocalStorage } from 'node:async_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
import type { KeyedCache } from '../../src/contract/cache.js'
import { closeCaches } from '../../src/default-cache/configure.js'
import { cacheGet, cacheSet } from '../../src/default-cache/functions.js'
import { freshPrefix } from '../support/both-stores.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { until } from '../support/until.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What an application holds for each of its requests. */
const requests = new AsyncLocalStorage<object>()

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
afterEach(() => {
  vi.restoreAllMocks()
})

function open(redis: string | Redis = server.url): KeyedCache {
  const cache = createKeyedCache({
    redis,
    keyPrefix: freshPrefix(),
    near: true,
    logger: { info() {}, warn() {}, error() {} },
  })
  onTestFinished(() => cache.close())
  return cache
}

async function use(cache: KeyedCache): Promise<void> {
  await cache.set('a', 1, { tags: ['t'] })
  await cache.getMany(['a', 'b'])
  await cache.getOrSet('c', () => 2)
  await cache.getOrSet('c', () => 2, { ttl: '1ms', grace: '1h' })
  await cache.deleteTag('t')
  await cache.keys()
  await cache.stats()
}

test.each([
  ['its own client', () => server.url],
  ['a client of the application', () => server.client()],
])('Of the request that makes a cache with %s, nothing is seen in what is sent or told later', async (_name, redis) => {
  const seen: { what: string; ofRequest: boolean }[] = []
  const note = (what: string): unknown => seen.push({ what, ofRequest: requests.getStore() !== undefined })
  const client = redis()
  await requests.run({}, async () => {
    const cache = open(client)
    cache.on('state', ({ up }) => void note(up ? 'up' : 'down'))
    await use(cache)
  })
  const { sendCommand } = Redis.prototype
  vi.spyOn(Redis.prototype, 'sendCommand').mockImplementation(function noting(this: Redis, command, ...more) {
    // The test has a connection too
    if (this !== server.client() || this === client) note(command.name)
    return sendCommand.call(this, command, ...more)
  })
  const isSeen = (...all: string[]): boolean => all.every((what) => seen.some((each) => each.what === what))
  await until(() => isSeen('ping', 'evalsha'), 'upkeep is sent')
  await server.client().call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  if (client !== server.client()) await server.client().call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  else server.client().disconnect(true)
  await until(() => isSeen('down', 'up', 'client', 'subscribe'), 'it is connected again')
  expect(seen.filter(({ ofRequest }) => ofRequest)).toEqual([])
})

test.each([
  ['a cache in Redis', () => use(open())],
  [
    'the default cache',
    async () => {
      onTestFinished(() => closeCaches())
      await cacheSet('a', 1)
      await cacheGet('a')
    },
  ],
])('What the application holds for the request that makes %s can be collected after it', async (_name, work) => {
  const request = await serve(work)
  await until(() => {
    collectGarbage()
    return request.deref() === undefined
  }, 'it is collected')
})

/** Serves a request that leaves nothing behind itself. */
async function serve(work: () => Promise<void>): Promise<WeakRef<object>> {
  const request = {}
  await requests.run(request, work)
  return new WeakRef(request)
}
