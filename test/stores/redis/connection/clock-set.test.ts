import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createKeyedCache, type KeyedCacheOptions } from '../../../../src/cache/create-keyed-cache.js'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import type { Attempt, Write } from '../../../../src/contract/store.js'
import type { RedisStore } from '../../../../src/stores/redis/redis-store.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { openStore } from '../../../support/open-store.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { SettableClock } from '../../../support/settable-clock.js'
import { until } from '../../../support/until.js'

const HOUR = 3600
const LEASE_MS = 400
/** What a busy machine adds. */
const SLACK_MS = 500

let clock: SettableClock
let server: RedisServer
let keyPrefix: string
beforeEach(async () => {
  clock = new SettableClock()
  server = await startRedis({ env: clock.env })
  keyPrefix = freshPrefix()
})
afterEach(() => server.close())

function open(options: KeyedCacheOptions = {}): KeyedCache {
  const cache = createKeyedCache({ redis: server.url, keyPrefix, lease: LEASE_MS / 1000, ...options })
  onTestFinished(() => cache.close())
  return cache
}

function store(): RedisStore {
  const opened = openStore(server.url, { keyPrefix })
  onTestFinished(() => opened.close())
  return opened
}

function attempt(token: string, more: Partial<Attempt> = {}): Attempt {
  return {
    key: 'k',
    token,
    process: 'host:1',
    leaseMs: LEASE_MS,
    seen: undefined,
    follows: false,
    patient: false,
    ...more,
  }
}

describe("When the server's clock is set", () => {
  test.each([
    ['back by an hour', -HOUR],
    ['back by less than a lease', -0.9 * (LEASE_MS / 1000)],
    ['back by a little more than a lease', -1.1 * (LEASE_MS / 1000)],
    ['ahead by an hour', HOUR],
  ])('%s, nobody waits for longer than two leases for a holder that is dead', async (_name, seconds) => {
    const cache = open()
    expect((await store().acquire(attempt('dead'))).kind).toBe('leads')
    clock.set(seconds)
    const begunMs = performance.now()
    expect(await cache.getOrSet('k', () => 'computed')).toBe('computed')
    expect(performance.now() - begunMs).toBeLessThan(2 * LEASE_MS + SLACK_MS)
  })

  test('back by an hour while others wait already, they wait no longer', async () => {
    const cache = open()
    expect((await store().acquire(attempt('dead'))).kind).toBe('leads')
    const begunMs = performance.now()
    const value = cache.getOrSet('k', () => 'computed')
    await until(
      async () => (await server.client().hget(`${keyPrefix}:leases:`, 'k'))?.includes(' 1 '),
      'it is followed',
    )
    clock.set(-HOUR)
    expect(await value).toBe('computed')
    expect(performance.now() - begunMs).toBeLessThan(2 * LEASE_MS + SLACK_MS)
  })

  test('back by less than a lease, a holder that lives keeps its lease, and one that lost it stores nothing', async () => {
    const holder = store()
    expect((await holder.acquire(attempt('first'))).kind).toBe('leads')
    clock.set(-LEASE_MS / 2000)
    expect(await holder.acquire(attempt('second'))).toMatchObject({ kind: 'follows', leader: 'first' })
    clock.set(-HOUR)
    expect((await holder.acquire(attempt('third'))).kind).toBe('leads')
    expect(await holder.renew('k', 'first', LEASE_MS, [])).toBe(false)
    expect(await holder.renew('k', 'third', LEASE_MS, [])).toBe(true)
  })

  test('back by an hour, no attempt is paused for longer than it was to be', async () => {
    const holder = store()
    await holder.acquire(attempt('failing'))
    await holder.release('k', 'failing', 'nothing', 1000)
    expect((await holder.acquire(attempt('next', { patient: true }))).kind).toBe('paused')
    clock.set(-HOUR)
    expect((await holder.acquire(attempt('next', { patient: true }))).kind).toBe('leads')
  })

  test('back by an hour, a tag that was removed before keeps no more than one computation from being stored', async () => {
    const holder = store()
    const entry = (): Write => ({ key: 'k', bytes: Buffer.from('x'), expiresAt: holder.now() + 60_000, tags: ['t'] })
    // As long as there is another computation, it is known when the tag was removed
    await holder.acquire(attempt('other', { key: 'other', leaseMs: 3_600_000 }))
    await holder.acquire(attempt('before'))
    await holder.acquire(attempt('before', { key: 'l' }))
    await holder.removeTag('t')
    clock.set(-HOUR)
    expect(await holder.fill(entry(), 'before')).toBe(false)
    expect(await holder.fill({ ...entry(), key: 'l' }, 'before')).toBe(false)
    await holder.acquire(attempt('after'))
    expect(await holder.renew('k', 'after', LEASE_MS, ['t'])).toBe(true)
    expect(await holder.fill(entry(), 'after')).toBe(true)
  })

  test('back by an hour, a computation of a dead process is not shown as under way', async () => {
    const cache = open()
    await store().acquire(attempt('dead'))
    expect(await cache.computing()).toMatchObject([{ key: 'k', process: 'host:1' }])
    clock.set(-HOUR)
    await until(async () => (await cache.computing()).length === 0, 'it is not shown')
  })

  test('back by an hour, what an older version holds, whose length nobody knows, ends when it says', async () => {
    const untilMs = Date.now() + 60_000
    await server.client().hset(`${keyPrefix}:leases:`, 'k', `${untilMs} 1 old 0 host:1`)
    expect(await store().acquire(attempt('new'))).toMatchObject({ kind: 'follows', leader: 'old' })
  })

  describe.each(['shared', 'low'] as const)('with %s upkeep', (upkeep) => {
    test.each([-HOUR, HOUR])('by %d s, nothing fresh counts as gone for longer than a second', async (seconds) => {
      const cache = open({ upkeep })
      await cache.setMany([
        ['plain', 1],
        ['looked for', 1],
      ])
      await cache.set('with grace', 1, { ttl: '2h', grace: '1h' })
      await cache.set('long', 1, { ttl: '2h' })
      clock.set(seconds)
      const setMs = performance.now()
      const keys = seconds > 0 ? ['with grace', 'long'] : ['plain', 'with grace', 'long']
      /* eslint-disable no-await-in-loop -- one after the other */
      for (let n = 0; n < 10; n++) {
        const isFound =
          !(await cache.getMany(keys)).includes(undefined) &&
          (await cache.has(keys[0] as string)) &&
          (await cache.set('new', n)) &&
          (await cache.get('new', { default: undefined })) === n
        if (!isFound) n = 0
        await delay(10)
      }
      /* eslint-enable no-await-in-loop */
      expect(performance.now() - setMs).toBeLessThan(1000 + SLACK_MS)
    })
  })

  test('back by an hour, the upkeep of a dead process is taken over at once', async () => {
    await server.client().set(`${keyPrefix}:sweeper`, 'dead', 'PX', 10_000)
    clock.set(-HOUR)
    open()
    await until(async () => (await server.client().get(`${keyPrefix}:sweeper`)) !== 'dead', 'another does the upkeep')
  })

  test('back by an hour, the rebuild of a dead process keeps nobody from rebuilding for longer than before', async () => {
    const cache = open()
    await cache.set('a', 1)
    await server.client().set(`${keyPrefix}:rebuild`, 1, 'PX', 5000)
    await server.client().unlink(`${keyPrefix}:index:`)
    clock.set(-HOUR)
    const keys = cache.keys()
    await until(async () => Number(await server.client().pttl(`${keyPrefix}:rebuild`)) <= 10_000, 'it ends in time')
    await server.client().unlink(`${keyPrefix}:rebuild`)
    expect((await keys).keys).toEqual(['a'])
  })
})
