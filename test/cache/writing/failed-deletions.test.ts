import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { CacheNotRespondingError } from '../../../src/contract/errors.js'
import type { CacheEvents } from '../../../src/contract/cache-events.js'
import { Events } from '../../../src/contract/events/events.js'
import { FailedDeletions } from '../../../src/cache/writing/failed-deletions.js'
import { Place } from '../../../src/cache/writing/place.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../../src/cache/create-keyed-cache.js'
import { MemoryStore } from '../../../src/stores/memory/memory-store.js'
import { asAnotherProcess } from '../../support/another-process.js'
import { freshPrefix } from '../../support/both-stores.js'
import { makeGate } from '../../support/gate.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { warningsDuring } from '../../support/warnings.js'

const MANY = 10_001
/** Less than until it would be tried again. */
const AT_ONCE_MS = 300
const TOO_LARGE = 'x'.repeat(5000)

let server: RedisServer
let keyPrefix: string
const opened: KeyedCache[] = []
beforeEach(async () => {
  server = await startRedis()
  keyPrefix = freshPrefix()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
  await server.close()
})

async function open(options: KeyedCacheOptions = {}): Promise<KeyedCache> {
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const cache = createKeyedCache({ redis: server.url, keyPrefix, logger: silent, maxValueBytes: 4096, ...options })
  opened.push(cache)
  await until(() => cache.set('up', 1), 'the cache answers')
  return cache
}

/** A cache with an old value at `p::1` with the tag `t`, and another one at `q::1`. */
async function openWithValues(options?: KeyedCacheOptions): Promise<KeyedCache> {
  const cache = await open(options)
  expect(await cache.set('p::1', 'old', { tags: ['t'] })).toBe(true)
  expect(await cache.set('q::1', 'other')).toBe(true)
  return cache
}

/** Has Redis refuse to delete anything, while it answers all else. */
async function refuseToDelete(): Promise<void> {
  await server.client().acl('SETUSER', 'default', '-unlink')
}

async function deleteAgain(): Promise<void> {
  await server.client().acl('SETUSER', 'default', '+unlink')
}

async function inRedis(key: string): Promise<boolean> {
  return (await server.client().exists(`${keyPrefix}:v:${key}`)) === 1
}

async function bytesInRedis(key: string): Promise<Buffer | null> {
  return server.client().getBuffer(`${keyPrefix}:v:${key}`)
}

async function rejected(call: Promise<unknown>): Promise<void> {
  await expect(call).rejects.toThrow(CacheNotRespondingError)
}

const DELETIONS: readonly [what: string, carryOut: (cache: KeyedCache) => Promise<void>][] = [
  ['delete', (cache) => rejected(cache.delete('p::1'))],
  ['delete with children', (cache) => rejected(cache.delete('p', { children: true }))],
  ['deleteTag', (cache) => rejected(cache.deleteTag('t'))],
  ['clear', (cache) => rejected(cache.clear())],
  ['a set of a value that is too large', async (cache) => expect(await cache.set('p::1', TOO_LARGE)).toBe(false)],
  ['a set with a ttl of 0', async (cache) => expect(await cache.set('p::1', 'new', { ttl: 0 })).toBe(false)],
]

describe.each([
  ...DELETIONS,
  ['a set', async (cache: KeyedCache) => expect(await cache.set('p::1', 'new')).toBe(false)],
] as typeof DELETIONS)('%s, while Redis hangs', (what, carryOut) => {
  test('hides the old value at once, and is carried out as soon as Redis answers', async () => {
    const cache = await openWithValues()
    const states: CacheEvents['state'][] = []
    cache.on('state', (state) => states.push(state))
    server.stop()
    await cache.get('p::1', { default: 0 })
    await until(() => states.length > 0, 'the breaker is open: nothing more is sent')
    await carryOut(cache)
    server.resume()
    const seen = new Set<unknown>()
    const keptOther = what === 'clear' ? 'gone' : 'other'
    await until(async () => {
      seen.add(await cache.get('p::1', { default: 'gone' }))
      return cache.has('up').then(() => states.length > 1)
    }, 'the cache answers again')
    for (let i = 0; i < 20; i++) seen.add(await cache.get('p::1', { default: 'gone' })) // eslint-disable-line no-await-in-loop
    await until(async () => !(await inRedis('p::1')), 'it is deleted in Redis at once', AT_ONCE_MS)
    // What was set answers from the process until Redis does.
    if (what === 'a set') seen.delete('new')
    expect([...seen]).toEqual(['gone'])
    expect(await cache.get('q::1', { default: 'gone' })).toBe(keptOther)
    expect(await cache.set('p::1', 'new')).toBe(true)
    expect(await cache.get('p::1')).toBe('new')
  })
})

describe.each(DELETIONS)('%s that Redis refuses', (what, carryOut) => {
  test('hides the old value from every way to read it, until it is carried out', async () => {
    const cache = await openWithValues()
    const bytes = await bytesInRedis('p::1')
    await refuseToDelete()
    await carryOut(cache)
    expect(await cache.get('p::1', { default: 'gone' })).toBe('gone')
    expect(await cache.getMany(['p::1', 'up'])).toEqual([undefined, what === 'clear' ? undefined : 1])
    expect(await cache.has('p::1')).toBe(false)
    expect(await cache.entry('p::1')).toBeUndefined()
    expect(await cache.set('p::1', 'new', { tags: ['t'] })).toBe(false)
    expect(await cache.get('p::1', { default: 'gone' })).toBe('gone')
    expect(await cache.getOrSet('p::1', () => 'computed', { tags: ['t'] })).toBe('computed')
    expect(await cache.getOrSetMany(['p::1'], () => ['computed'], { tags: ['t'] })).toEqual(['computed'])
    // What has a tag is known to be hidden only when it is read, and is replaced.
    if (what !== 'deleteTag') expect(await bytesInRedis('p::1')).toEqual(bytes)
    expect(await cache.get('p::1', { default: 'gone' })).toBe('gone')

    await deleteAgain()
    await until(async () => !(await inRedis('p::1')), 'it is carried out')
    await until(() => cache.set('p::1', 'new'), 'nothing is hidden any more')
    expect(await cache.get('p::1')).toBe('new')
    expect(await cache.getOrSet('p::2', () => 'computed')).toBe('computed')
    expect(await cache.get('p::2')).toBe('computed')
  })
})

describe('What a deletion concerns that Redis refused', () => {
  test('is all below the key, and nothing that only begins like it', async () => {
    const cache = await openWithValues()
    await cache.setMany([['p', 0], ['p::10::x', 1], ['pp', 2], ['p%3A', 3]]) // prettier-ignore
    await refuseToDelete()
    await rejected(cache.delete('p', { children: true }))
    expect(await cache.getMany(['p', 'p::1', 'p::10::x', 'pp', 'p%3A', 'q::1'])).toEqual([
      undefined,
      undefined,
      undefined,
      2,
      3,
      'other',
    ])
  })

  test('is not served from the near tier either', async () => {
    const cache = await openWithValues({ near: true })
    for (let i = 0; i < 3; i++) expect(await cache.getMany(['p::1', 'q::1'])).toEqual(['old', 'other']) // eslint-disable-line no-await-in-loop
    await refuseToDelete()
    await rejected(cache.delete('p', { children: true }))
    for (let i = 0; i < 3; i++) expect(await cache.getMany(['p::1', 'q::1'])).toEqual([undefined, 'other']) // eslint-disable-line no-await-in-loop
    expect(await cache.get('p::1', { default: 'gone' })).toBe('gone')
    expect(await cache.getOrSet('p::1', () => 'computed')).toBe('computed')
    expect(await cache.get('p::1', { default: 'gone' })).toBe('gone')
  })

  test('is not computed together with calls that began before', async () => {
    const cache = await openWithValues()
    const gate = makeGate()
    const before = cache.getOrSet('p::2', async () => {
      await gate.opened
      return 'old'
    })
    await until(async () => (await cache.computing()).length === 1, 'it is being computed')
    await refuseToDelete()
    await rejected(cache.delete('p', { children: true }))
    expect(await cache.getOrSet('p::2', () => 'new')).toBe('new')
    gate.open()
    expect(await before).toBe('old')
    expect(await cache.getOrSet('p::2', () => 'new')).toBe('new')
    await deleteAgain()
    await until(() => cache.set('p::3', 1), 'it is carried out')
    expect(await cache.getOrSet('p::2', () => 'new')).toBe('new')
  })

  test('is deleted before it is written again', async () => {
    const cache = await openWithValues()
    await refuseToDelete()
    await rejected(cache.delete('p', { children: true }))
    await deleteAgain()
    // At once, not when it is tried again
    expect(await cache.set('p::1', 'new')).toBe(true)
    expect(await cache.get('p::1')).toBe('new')
    await until(async () => (await cache.computing()).length === 0, 'some time has passed')
    expect(await cache.get('p::1')).toBe('new')
  })

  test('is still there for other processes, until it is carried out', async () => {
    const cache = await openWithValues()
    const other = await asAnotherProcess(open)
    await refuseToDelete()
    await rejected(cache.delete('p::1'))
    expect(await other.get('p::1')).toBe('old')
    await deleteAgain()
    await until(async () => (await other.get('p::1', { default: 'gone' })) === 'gone', 'it is carried out')
  })

  test(`is everything where it is more than ${MANY - 1} keys, with a warning, until all is cleared`, async () => {
    const cache = await openWithValues()
    await refuseToDelete()
    const warnings = await warningsDuring('KEYEDCACHE_DELETIONS', async () => {
      const entries = Array.from({ length: MANY }, (_, i) => [`many::${i}`, i] as const)
      expect(await cache.setMany(entries.slice(0, MANY - 1), { ttl: 0 })).toBe(false)
      expect(await cache.get('q::1')).toBe('other')
      expect(await cache.setMany(entries.slice(MANY - 1), { ttl: 0 })).toBe(false)
      expect(await cache.set('many::x', 1, { ttl: 0 })).toBe(false)
    })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/more than 10000 deletions could not be carried out/)
    expect(await cache.get('q::1', { default: 'gone' })).toBe('gone')
    await deleteAgain()
    await until(() => cache.set('p::1', 'new'), 'it is cleared')
    expect(await cache.count()).toBe(1)
    expect(await cache.get('p::1')).toBe('new')
  })
})

describe('A deletion that can never be carried out', () => {
  /** Failed deletions of a store that removes everything but one tag. */
  function failing(): {
    deletions: FailedDeletions
    events: Events
    failed: unknown[]
    removed: (readonly string[])[]
  } {
    const store = new MemoryStore({ maxEntries: 10, maxBytes: 1000 })
    const removed: (readonly string[])[] = []
    store.removeTag = async (tag) => {
      if (tag === 'bad') throw new Error('of this tag')
      return []
    }
    store.remove = async (keys) => {
      removed.push(keys)
      return []
    }
    const events = new Events()
    const failed: unknown[] = []
    const deletions = new FailedDeletions({
      name: 'test',
      store,
      place: new Place(undefined),
      events,
      onHidden: () => {},
      onFailed: (_operation, _key, error) => failed.push(error),
    })
    deletions.add({ key: undefined, children: true, tag: 'bad' })
    return { deletions, events, failed, removed }
  }

  test('keeps no other from being carried out', async () => {
    const { deletions, events, failed } = failing()
    for (const tag of ['good', 'bad']) deletions.add({ key: undefined, children: true, tag })
    deletions.add({ key: 'p', children: true, tag: undefined })
    deletions.addKeys(['k'])
    events.emit('state', { up: true, since: new Date(), error: undefined })
    await until(() => !deletions.hides('k'), 'the key is deleted')
    expect(deletions.hides('p::1', ['good'])).toBe(false)
    expect(deletions.hides('x', ['bad'])).toBe(true)
    expect(failed.map(String)).toEqual(['Error: of this tag'])
    deletions.close()
  })

  test('keeps no write from its key, which waits for what concerns it and nothing else', async () => {
    const { deletions, removed } = failing()
    deletions.addKeys(Array.from({ length: 5000 }, (_, i) => `k${i}`))
    await Promise.all([deletions.settle(['k3', 'other'], ['good']), deletions.settle(['k3', 'k4'], [])])
    expect(removed).toEqual([['k3'], ['k4']])
    expect([deletions.hides('k3'), deletions.hides('k4'), deletions.hides('k5')]).toEqual([false, false, true])
    await expect(deletions.settle(['k6'], ['bad'])).rejects.toThrow('an earlier deletion is still to be carried out')
    deletions.close()
  })
})
