import assert from 'node:assert/strict'
import { CacheTimeoutError, createKeyedCache, type KeyedCache } from 'keyedcache'
import { advance, afterEach, fakeTimers, fakeTimersButForIoredis, realTimers, setNow, test } from './runner.js'
import { hasRedis, store } from './store.js'

const caches: KeyedCache[] = []

async function open(): Promise<KeyedCache> {
  const cache = createKeyedCache({ ...store, keyPrefix: 'clock' })
  caches.push(cache)
  await cache.require()
  await cache.clear()
  return cache
}

afterEach(async () => {
  realTimers()
  await Promise.all(caches.splice(0).map((cache) => cache.close()))
})

test('A time limit of a call passes on the clock of the test, as the factory does', async () => {
  const cache = await open()
  fakeTimers()
  let begin = (): void => undefined
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const factory = async (): Promise<string> =>
    new Promise((resolve) => {
      setTimeout(resolve, 60_000, 'late')
      begin()
    })
  const reading = cache.getOrSet('slow', factory, { timeout: '5s', maxCompute: '5m' })
  const late = assert.rejects(reading, CacheTimeoutError)
  await begun
  await advance(6000)
  await late
  const waiting = cache.getOrSet('slow', () => 'another')
  await advance(60_000)
  assert.equal(await waiting, 'late')
})

test('Every call is answered while timers are faked', async () => {
  const cache = await open()
  const troubles: unknown[] = []
  cache.on('error', (trouble) => troubles.push(trouble))
  fakeTimers()
  for (let times = 0; times < 3; times++) {
    assert.equal(await cache.set('k::1', 1), true)
    assert.equal(await cache.get('k::1'), 1)
    assert.equal(await cache.getOrSet('k::2', () => 2), 2)
    assert.deepEqual(await cache.getMany(['k::1', 'k::2', 'k::3']), [1, 2, undefined])
    assert.deepEqual(await cache.getOrSetMany(['k::2', 'k::3'], (missing) => missing.map(() => 3)), [2, 3])
    assert.equal(await cache.setMany([['k::4', 4]], { tags: ['four'] }), true)
    assert.deepEqual(await cache.deleteTag('four'), ['k::4'])
    assert.equal(await cache.count('k'), 3)
    assert.equal((await cache.delete('k', { children: true })).length, 3)
    // Many at once are sent together
    const keys = Array.from({ length: 200 }, (_, i) => `many::${i}`)
    assert.ok((await Promise.all(keys.map((key) => cache.set(key, key)))).every(Boolean))
    assert.deepEqual(await Promise.all(keys.map((key) => cache.get(key))), keys)
    await advance(30_000)
  }
  assert.deepEqual(troubles, [])
})

test('A cache may be closed while timers are faked', async () => {
  const cache = await open()
  fakeTimers()
  await cache.set('k', 1)
  await cache.close()
})

if (!hasRedis) {
  test('An entry expires when the clock of the test is advanced', async () => {
    const cache = await open()
    fakeTimers()
    await cache.set('k', 1, { ttl: '1m' })
    await advance(59_000)
    assert.equal(await cache.get('k'), 1)
    await advance(2000)
    assert.equal(await cache.get('k', { default: 'gone' }), 'gone')
    assert.equal(await cache.count(), 0)
  })

  test('An entry expires when the date of the test is set', async () => {
    const cache = await open()
    fakeTimers()
    await cache.set('k', 1, { ttl: '1h', grace: '1h' })
    setNow(Date.now() + 3_601_000)
    assert.equal(await cache.has('k'), false)
    assert.equal(await cache.getOrSet('k', () => Promise.reject(new Error('down'))), 1)
    await advance(0)
    setNow(Date.now() + 3_601_000)
    assert.equal(await cache.getOrSet('k', () => 2), 2)
  })

  test('A refresh that failed is tried again when the pause has passed on the clock of the test', async () => {
    const cache = await open()
    fakeTimers()
    await cache.set('k', 1, { ttl: '1m', grace: '1h' })
    await advance(61_000)
    assert.equal(await cache.getOrSet('k', () => Promise.reject(new Error('down'))), 1)
    await advance(0)
    await advance(60_000)
    assert.equal(await cache.getOrSet('k', () => 2, { ttl: '1m', grace: '1h' }), 1)
    await advance(10)
    assert.equal(await cache.get('k'), 2)
  })
} else {
  test('A call under way is neither given up nor forgotten when the clock of the test is advanced', async () => {
    const cache = await open()
    await cache.set('k', 1)
    fakeTimers()
    const calls = [cache.get('k'), cache.getOrSet('k', () => 'computed'), cache.set('other', 2), cache.delete('none')]
    await advance(3_600_000)
    assert.deepEqual(await Promise.all(calls), [1, 1, true, []])
    assert.equal((await cache.stats()).backend.up, true)
    setNow(0)
    assert.equal(await cache.get('k'), 1)
  })

  test('A cache opened while timers are faked is connected', async () => {
    fakeTimersButForIoredis()
    const cache = await open()
    assert.equal(await cache.set('k', 1), true)
    assert.equal(await cache.get('k'), 1)
  })

  test('After faked timers all goes on', async () => {
    const cache = await open()
    fakeTimers()
    await cache.set('k', 1)
    realTimers()
    assert.equal(await cache.get('k'), 1)
    assert.equal((await cache.stats()).backend.up, true)
  })
}
