// What docs/migration/node-cache.md says of node-cache, and what it says to write here.
import assert from 'node:assert/strict'
import { createKeyedCache } from 'keyedcache'
import NodeCache from 'node-cache'

const old = new NodeCache({ stdTTL: 60 })
const cache = createKeyedCache({ ttl: 60 })

assert.equal(old.get('none'), undefined)
assert.equal(await cache.get('none', { default: undefined }), undefined)
assert.equal(old.set(5, 'five', 60), true)
assert.equal(await cache.set([5], 'five', { ttl: 60 }), true)
assert.deepEqual([old.get('5'), await cache.get('5')], ['five', 'five'])
assert.equal(old.mset([{ key: 'b', val: 2, ttl: 60 }]), true)
await cache.setMany([['b', 2]], { ttl: 60 })
assert.deepEqual(old.mget(['5', 'none']), { 5: 'five' })
assert.deepEqual(await cache.getMany(['5', 'none']), ['five', undefined])
assert.ok(Math.abs(old.getTtl('b') - Date.now() - 60_000) < 1000)
assert.ok(Math.abs((await cache.entry('b')).ttl - 60) < 1)
assert.deepEqual(old.keys(), ['5', 'b'])
assert.deepEqual(await cache.keys(), { keys: ['5', 'b'], next: undefined, total: 2 })
assert.equal(old.del(['5', 'b', 'none']), 2)
assert.deepEqual(await cache.delete('b'), ['b'])

const forEver = new NodeCache()
forEver.set('a', 1)
forEver.set('zero', 1, 0)
assert.deepEqual([forEver.getTtl('a'), forEver.getTtl('zero')], [0, 0])

class Product {}
old.set('product', new Product())
assert.ok(old.get('product') instanceof Product)
await assert.rejects(cache.set('product', new Product()), TypeError)
const object = {}
const uncloned = new NodeCache({ useClones: false })
uncloned.set('o', object)
assert.equal(uncloned.get('o'), object)
await cache.set('o', object)
assert.notEqual(await cache.get('o'), await cache.get('o'))

const full = new NodeCache({ maxKeys: 1 })
full.set('a', 1)
assert.throws(() => full.set('b', 1), /max keys/)
const small = createKeyedCache({ maxEntries: 1 })
await small.set('a', 1)
assert.equal(await small.set('b', 1), true)
assert.deepEqual([await small.has('a'), await small.has('b')], [false, true])

const events = []
for (const event of ['set', 'del', 'flush']) old.on(event, () => events.push(event))
const ours = []
cache.on('set', () => ours.push('set')).on('delete', ({ key }) => ours.push(key ?? 'flush'))
old.set('x', 1)
old.del('x')
old.flushAll()
await cache.set('x', 1)
await cache.delete('x')
await cache.clear()
assert.deepEqual(
  [events, ours],
  [
    ['set', 'del', 'flush'],
    ['set', 'x', 'flush'],
  ],
)
assert.equal(typeof old.getStats().hits, 'number')
