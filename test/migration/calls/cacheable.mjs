// What docs/migration/cacheable.md says of cacheable, and what it says to write here.
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { createKeyv } from '@keyv/redis'
import { Cacheable, CacheableMemory } from 'cacheable'
import { Redis } from 'ioredis'
import { createKeyedCache } from 'keyedcache'

const url = process.env.REDIS_URL
const redis = new Redis(url)
const old = new Cacheable({ secondary: createKeyv(url), namespace: 'old', ttl: '1h', stats: true })
const cache = createKeyedCache({ redis: url, keyPrefix: 'shop', ttl: '1h', near: true })
const nothing = { default: undefined }

assert.equal(await old.get('none'), undefined)
assert.equal(await cache.get('none', nothing), undefined)
assert.equal(await old.set('a', new Date(0), '1h'), true)
await old.set('ms', 1, 60)
await wait(100)
assert.equal(await old.get('ms'), undefined)
const elsewhere = new Cacheable({ secondary: createKeyv(url), namespace: 'old' })
assert.equal(await elsewhere.get('a'), '1970-01-01T00:00:00.000Z')
await cache.set('a', new Date(0), { ttl: '1h', tags: ['t'] })
assert.deepEqual(await cache.get('a'), new Date(0))
await old.setMany([{ key: 'b', value: 2, ttl: 60_000 }])
await cache.setMany([['b', 2]], { ttl: 60 })
assert.deepEqual(await old.getMany(['b', 'none']), [2, undefined])
assert.deepEqual(await cache.getMany(['b', 'none']), [2, undefined])
assert.deepEqual(await old.hasMany(['b', 'none']), [true, false])
assert.equal(await cache.has('b'), true)

// A process's own copies
assert.equal(await elsewhere.get('b'), 2)
assert.equal(await old.delete('b'), true)
assert.equal(await elsewhere.get('b'), 2)
assert.deepEqual(await cache.delete('b'), ['b'])
assert.equal(await old.deleteMany(['a']), true)

// Tags
const tagged = new Cacheable({ tags: true })
await tagged.set('p', 1, { ttl: '1h', tags: ['t'] })
await tagged.tags.invalidateTag('t')
assert.equal(await tagged.get('p'), undefined)
assert.deepEqual(await cache.deleteTag('t'), ['a'])

// Errors
const fails = async () => {
  throw new Error('no database')
}
let errors = 0
old.on('error', () => errors++)
assert.equal(await old.getOrSet('e', fails), undefined)
assert.equal(await old.wrap(fails, { keyPrefix: 'e' })(), undefined)
assert.equal(errors, 2)
await assert.rejects(old.getOrSet('e', fails, { throwErrors: true }), /no database/)
await assert.rejects(cache.getOrSet('e', fails), /no database/)
await assert.rejects(cache.wrap(fails, { name: 'fails' })(), /no database/)

// One computation
let runs = 0
const slow = async () => {
  runs++
  await wait(200)
  return runs
}
await Promise.all([old, old, elsewhere].map((each) => each.getOrSet('shared', slow, { ttl: '1h' })))
assert.equal(runs, 2)
runs = 0
const other = createKeyedCache({ redis: url, keyPrefix: 'shop' })
await Promise.all([cache, cache, other].map((each) => each.getOrSet('shared', slow)))
assert.equal(runs, 1)

// undefined, null and 0
const countOf = async (asks, value) => {
  runs = 0
  for (const _ of [1, 2]) await asks(() => (runs++, Promise.resolve(value)))
  return runs
}
assert.equal(await countOf((fn) => old.getOrSet('u', fn), undefined), 2)
assert.equal(await countOf((fn) => cache.getOrSet('u', fn), undefined), 1)
assert.equal(await countOf((fn) => old.getOrSet('n', fn), null), 1)
assert.equal(await countOf((fn) => cache.getOrSet('n', fn), null), 1)
const inMemory = new Cacheable()
await inMemory.set('zero', 1, 0)
await wait(20)
assert.equal(await inMemory.get('zero'), 1)

// Functions, statistics, events
assert.equal(await cache.wrap(async (currency) => currency, { ttl: '1h', name: 'rate' })('EUR'), 'EUR')
assert.ok(old.stats.hits > 0)
assert.equal(typeof (await cache.stats()).hits, 'number')
const events = []
old.on('cache:hit', () => events.push('hit')).on('cache:miss', () => events.push('miss'))
await old.get('shared')
await old.get('none')
assert.deepEqual(new Set(events), new Set(['hit', 'miss']))
assert.equal(new CacheableMemory({ ttl: '1h', lruSize: 5000 }).get('none'), undefined)

// What clear leaves
await redis.set('of another application', 1)
await cache.clear()
await old.clear()
assert.equal(await redis.get('of another application'), '1')
await new Cacheable({ secondary: createKeyv(url) }).clear()
assert.equal(await redis.get('of another application'), null)
process.exit()
