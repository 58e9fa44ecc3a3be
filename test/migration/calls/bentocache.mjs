// What docs/migration/bentocache.md says of bentocache, and what it says to write here.
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'
import { Redis } from 'ioredis'
import { CacheTimeoutError, createKeyedCache } from 'keyedcache'

const url = process.env.REDIS_URL
const connection = { host: '127.0.0.1', port: Number(new URL(url).port) }
const bento = (options) =>
  new BentoCache({
    default: 'shop',
    prefix: 'old-shop',
    ...options,
    stores: {
      shop: bentostore()
        .useL1Layer(memoryDriver())
        .useL2Layer(redisDriver({ connection }))
        .useBus(redisBusDriver({ connection })),
    },
  })
const old = bento({ ttl: '5m' })
const cache = createKeyedCache({ redis: url, keyPrefix: 'shop', ttl: '5m', near: true })
const nothing = { default: undefined }

assert.equal(await old.get({ key: 'none' }), undefined)
assert.equal(await cache.get('none', nothing), undefined)
assert.equal(await old.get({ key: 'none', defaultValue: 3 }), 3)
assert.equal(await cache.get('none', { default: 3 }), 3)
assert.equal(await old.set({ key: 'a', value: { at: new Date(0) }, tags: ['t'] }), true)
assert.deepEqual(await old.get({ key: 'a' }), { at: '1970-01-01T00:00:00.000Z' })
await cache.set('a', { at: new Date(0) }, { tags: ['t'] })
assert.deepEqual(await cache.get('a'), { at: new Date(0) })
assert.deepEqual([await old.has({ key: 'a' }), await old.missing({ key: 'a' })], [true, false])
assert.equal(await cache.has('a'), true)
await old.setForever({ key: 'for ever', value: 1 })
await old.getOrSetForever({ key: 'for ever too', factory: () => 1 })
await cache.getOrSet('for ever', () => 1, { ttl: Infinity })
assert.equal((await cache.entry('for ever')).ttl, Infinity)
await assert.rejects(old.set({ key: 'u', value: undefined }), { code: 'E_UNDEFINED_VALUE' })
assert.equal(await cache.set('u', undefined), true)

// Numbers and the ttl that is not said
await old.set({ key: 'ms', value: 1, ttl: 60 })
await wait(100)
assert.equal(await old.get({ key: 'ms' }), undefined)
const redis = new Redis(url)
await bento({}).set({ key: 'unsaid', value: 1 })
const leftMs = await redis.pttl('old-shop:unsaid')
assert.ok(leftMs > 1_790_000 && leftMs <= 1_800_000, `${leftMs}`)
assert.equal(createKeyedCache().ttl, 300)

// Tags, namespaces
assert.equal(await old.deleteByTag({ tags: ['t'] }), true)
assert.equal(await redis.exists('old-shop:a'), 1)
assert.equal(await old.get({ key: 'a' }), undefined)
assert.deepEqual(await cache.deleteTag('t'), ['a'])
await old.namespace('users').set({ key: '1', value: 1 })
await old.namespace('users').clear()
assert.equal(await old.namespace('users').get({ key: '1' }), undefined)
await cache.scope('users').set('1', 1)
assert.deepEqual(await cache.delete('users', { children: true }), ['users::1'])
assert.equal(await old.deleteMany({ keys: ['b', 'c'] }), true)
assert.equal(await old.delete({ key: 'b' }), true)

// One computation
let runs = 0
const slow = async () => {
  runs++
  await wait(200)
  return runs
}
const elsewhere = bento({ ttl: '5m' })
await Promise.all([old, old, elsewhere].map((each) => each.getOrSet({ key: 'shared', factory: slow })))
assert.equal(runs, 2)
runs = 0
const other = createKeyedCache({ redis: url, keyPrefix: 'shop' })
await Promise.all([cache, cache, other].map((each) => each.getOrSet('shared', slow)))
assert.equal(runs, 1)

// What a factory may say
const fails = () => {
  throw new Error('no database')
}
await assert.rejects(old.getOrSet({ key: 'e', factory: fails }), (error) => {
  return error.code === 'E_FACTORY_ERROR' && error.cause.message === 'no database'
})
await assert.rejects(cache.getOrSet('e', fails), { message: 'no database' })
assert.equal(await old.getOrSet({ key: 'skipped', factory: ({ skip }) => skip() }), undefined)
assert.equal(await cache.getOrSet('skipped', ({ skip }) => skip()), undefined)
assert.equal(await cache.has('skipped'), false)
await cache.getOrSet('said', ({ setTtl, setTags }) => (setTtl(9), setTags(['said']), 1))
assert.ok((await cache.entry('said')).ttl <= 9)
assert.deepEqual(await cache.deleteTag('said'), ['said'])
await old.getOrSet({
  key: 'said',
  factory: ({ setOptions, setTags }) => (setOptions({ ttl: 9 }), setTags(['said']), 1),
})
const never = () => new Promise(() => {})
await assert.rejects(old.getOrSet({ key: 'late', hardTimeout: 50, factory: never }), { code: 'E_FACTORY_HARD_TIMEOUT' })
await assert.rejects(cache.getOrSet('late', never, { timeout: '50ms' }), CacheTimeoutError)
assert.equal(await old.getOrSet({ key: 'shared', forceFresh: true, factory: () => 'fresh' }), 'fresh')
assert.equal(await cache.getOrSet('shared', () => 'fresh', { refresh: true }), 'fresh')

// Grace
const grace = '1h'
for (const key of ['f', 'g']) await old.set({ key, value: 'old', ttl: 50, grace })
await cache.set('g', 'old', { ttl: '50ms', grace })
await wait(100)
assert.equal(await old.get({ key: 'f', grace }), 'old')
assert.deepEqual([await cache.get('g', nothing), await cache.has('g')], [undefined, false])
let graced
assert.equal(
  await old.getOrSet({
    key: 'g',
    grace,
    timeout: 500,
    factory: (ctx) => ((graced = ctx.gracedEntry.value), ctx.fail('no')),
  }),
  'old',
)
await wait(50)
assert.equal(graced, 'old')
const staleFails = ({ stale }) => {
  graced = stale.value
  throw new Error('no')
}
graced = undefined
assert.equal(await cache.getOrSet('g', staleFails, { grace }), 'old')
await wait(50)
assert.equal(graced, 'old')
await cache.set('h', 'old', { ttl: '50ms', grace })
await wait(100)
assert.equal(await cache.getOrSet('h', slow, { grace }), 'old')

// Tags and grace
const tags = ['of-g']
const factory = () => 'new'
await old.set({ key: 'tagged', value: 'old', grace, tags })
await cache.set('tagged', 'old', { grace, tags })
await wait(5)
await old.deleteByTag({ tags })
await cache.deleteTag('of-g')
assert.equal(await old.getOrSet({ key: 'tagged', grace, factory: () => wait(50).then(factory) }), 'old')
assert.equal(await cache.getOrSet('tagged', factory, { grace }), 'new')

// Events
const events = []
for (const event of ['cache:hit', 'cache:miss', 'cache:written', 'cache:deleted', 'cache:cleared'])
  old.on(event, () => events.push(event))
await old.set({ key: 'x', value: 1 })
await old.get({ key: 'x' })
await old.get({ key: 'none' })
await old.delete({ key: 'x' })
await old.clear()
assert.equal(new Set(events).size, 5)
process.exit()
