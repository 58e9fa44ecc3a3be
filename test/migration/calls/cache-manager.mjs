// What docs/migration/cache-manager.md says of cache-manager, and what it says to write here.
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { createKeyv } from '@keyv/redis'
import { createCache } from 'cache-manager'
import { caching, multiCaching } from 'cache-manager-5'
import { createCache as createCache6 } from 'cache-manager-6'
import { redisStore } from 'cache-manager-ioredis-yet'
import { Redis } from 'ioredis'
import { createKeyedCache } from 'keyedcache'
import { Keyv } from 'keyv'

const url = process.env.REDIS_URL
const redis = new Redis(url)
const cache = createKeyedCache({ redis: url, keyPrefix: 'shop', ttl: 60, near: true })
const nothing = { default: undefined }

for (const [version, create, missing] of [
  [7, createCache, undefined],
  [6, createCache6, null],
]) {
  const old = create({ stores: [createKeyv(url)], ttl: 60_000 })
  assert.equal(await old.get('none'), missing)
  assert.equal(await cache.get('none', { default: missing }), missing)
  assert.equal(await old.set('a', 1, 60_000), 1)
  assert.equal(await cache.set('a', 1, { ttl: 60 }), true)
  assert.ok(Math.abs((await old.ttl('a')) - Date.now() - 60_000) < 1000)
  assert.ok(Math.abs((await cache.entry('a')).ttl - 60) < 1)

  await old.mset([{ key: 'b', value: 2, ttl: 60_000 }])
  await cache.setMany([['b', 2]], { ttl: 60 })
  const [a, b, none] = await old.mget(['a', 'b', 'none'])
  assert.deepEqual([a, b, none ?? undefined], [1, 2, undefined])
  assert.deepEqual(await cache.getMany(['a', 'b', 'none']), [1, 2, undefined])

  assert.equal(await old.wrap('w', async () => 3, 60_000), 3)
  assert.equal(await cache.getOrSet('w', async () => 3, { ttl: 60 }), 3)
  assert.equal(
    await old.wrap(
      'by value',
      async () => 5000,
      (ms) => ms,
    ),
    5000,
  )
  const byValue = async ({ setTtl }) => (setTtl(5), 5000)
  assert.equal(await cache.getOrSet('by value', byValue), 5000)
  assert.ok((await cache.entry('by value')).ttl <= 5)
  const { value, expires } = await old.wrap('w', async () => 4, { raw: true })
  assert.deepEqual([value, typeof expires], [3, 'number'])

  await old.set('mended', { at: new Date(0), map: new Map([[1, 2]]) })
  assert.deepEqual(await old.get('mended'), { at: '1970-01-01T00:00:00.000Z', map: {} })
  await cache.set('mended', { at: new Date(0), map: new Map([[1, 2]]) })
  assert.deepEqual(await cache.get('mended'), { at: new Date(0), map: new Map([[1, 2]]) })

  const events = []
  for (const event of ['get', 'set', 'del', 'clear']) old.on(event, () => events.push(event))
  await old.set('e', 1)
  await old.get('e')
  await old.del('e')
  assert.equal(await old.mdel(['a', 'b']), true)
  await cache.delete('a')
  assert.deepEqual(await cache.delete('b'), ['b'])
  assert.deepEqual([await cache.get('a', nothing), await cache.get('b', nothing)], [undefined, undefined])
  await redis.set('of another application', 1)
  await cache.set('here', 1)
  await cache.clear()
  assert.equal(await redis.get('of another application'), '1')
  await old.clear()
  assert.deepEqual(new Set(events), new Set(['set', 'get', 'del', 'clear']), `${version}`)
  assert.equal(await redis.get('of another application'), null)
  await old.disconnect()
}

const many = await cache.getOrSetMany(
  [
    ['many', 1],
    ['many', 2],
  ],
  (missing) => missing.map(([, id]) => id),
  { ttl: 60 },
)
assert.deepEqual(many, [1, 2])
let named
cache.on('delete', ({ key }) => (named = key))
await cache.scope('many').delete([1])
assert.equal(named, 'many::1')

// Two processes: two caches in one
const others = [1, 2].map(() => createCache({ stores: [createKeyv(url)] }))
let runs = 0
const slow = async () => {
  runs++
  await wait(200)
  return runs
}
await Promise.all([others[0], others[0], others[1]].map((each) => each.wrap('shared', slow, 60_000)))
assert.equal(runs, 2)
runs = 0
const other = createKeyedCache({ redis: url, keyPrefix: 'shop' })
await Promise.all([cache, cache, other].map((each) => each.getOrSet('shared', slow)))
assert.equal(runs, 1)

// A store in the process in front of Redis
const tiers = [1, 2].map(() => createCache({ stores: [new Keyv(), createKeyv(url)] }))
await tiers[1].set('tier', 'old')
assert.equal(await tiers[0].get('tier'), 'old')
await tiers[0].del('tier')
assert.equal(await tiers[1].get('tier'), 'old')

// refreshThreshold, and grace in its place
const old = createCache()
runs = 0
await old.wrap('r', slow, 500, 400)
await wait(150)
assert.equal(await old.wrap('r', slow, 500, 400), 1)
await wait(250)
assert.equal(await old.wrap('r', slow, 500, 400), 2)
runs = 0
await cache.getOrSet('r', slow, { ttl: '100ms', grace: '10s' })
await wait(150)
assert.equal(await cache.get('r', nothing), undefined)
assert.equal(await cache.getOrSet('r', slow, { ttl: '10s', grace: '10s' }), 1)
await wait(300)
assert.equal(await cache.getOrSet('r', slow, { ttl: '10s', grace: '10s' }), 2)

// undefined, no ttl, and 0
runs = 0
const finds = async () => void runs++
await old.wrap('u', finds)
await old.wrap('u', finds)
assert.equal(runs, 2)
await cache.getOrSet('u', finds)
await cache.getOrSet('u', finds)
assert.equal(runs, 3)
const skips = async ({ skip }) => (await finds()) ?? skip()
for (const _ of [1, 2]) assert.equal(await cache.getOrSet('skipped', skips), undefined)
assert.equal(runs, 5)
await old.set('for ever', 1)
await old.set('for ever too', 1, 0)
assert.deepEqual([await old.ttl('for ever'), await old.ttl('for ever too')], [undefined, undefined])
assert.equal(await old.get('for ever too'), 1)
await cache.set('for ever', 1, { ttl: Infinity })
assert.equal((await cache.entry('for ever')).ttl, Infinity)
await cache.set('for ever', 1, { ttl: 0 })
assert.equal(await cache.has('for ever'), false)

// Version 5
const memory = await caching('memory', { max: 1000, ttl: 60_000 })
const stored = await caching(await redisStore({ host: '127.0.0.1', port: Number(new URL(url).port), ttl: 60_000 }))
const both = multiCaching([memory, stored])
await both.set('product:1', 1)
assert.deepEqual(await stored.store.keys('product:*'), ['product:1'])
await cache.set(['product', 1], 1)
assert.deepEqual(await cache.keys('product'), { keys: ['product::1'], next: undefined, total: 1 })
await memory.store.mset([['a', 1]], 60_000)
assert.deepEqual(
  (await memory.store.mget('a', 'none')).map((each) => each ?? undefined),
  [1, undefined],
)
assert.ok((await memory.store.ttl('a')) <= 60_000)
await redis.set('of another application', 1)
await stored.reset()
assert.equal(await redis.get('of another application'), null)
process.exit()
