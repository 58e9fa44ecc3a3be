import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { allAnswer } from '../../support/all-answer.js'
import { freshPrefix } from '../../support/both-stores.js'
import { makeGate } from '../../support/gate.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { openUpkeep, type OwnUpkeep } from '../../support/upkeep.js'
import { until } from '../../support/until.js'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

let keyPrefix: string
let cache: KeyedCache
/** Done by the tests, so that they need not wait for its turns. */
let upkeep: OwnUpkeep
beforeEach(async () => {
  keyPrefix = freshPrefix()
  cache = createKeyedCache({ redis: server.url, keyPrefix, redisTimeout: '5s' })
  upkeep = await openUpkeep(server.url, keyPrefix, 1)
})
afterEach(() => Promise.all([cache.close(), upkeep.close()]))

const tombstones = (): Promise<number> => server.client().hlen(`${keyPrefix}:tombstones:`)
const leases = (): Promise<string[]> => server.client().hkeys(`${keyPrefix}:leases:`)

/** Begins a computation that says its tag at its end. */
async function computing(key: string, tag: string): Promise<{ finish: () => Promise<boolean> }> {
  const gate = makeGate()
  const call = cache.getOrSet(key, async ({ setTags }) => {
    await gate.opened
    setTags([tag])
    return 'old'
  })
  await until(async () => (await cache.computing()).some((each) => each.key === key), 'it is being computed')
  const finish = async (): Promise<boolean> => {
    gate.open()
    await call
    return cache.has(key)
  }
  return { finish }
}

/** Holds a lease as a process that is dead would leave it behind. */
async function leaveLease(key: string, endedMs: number): Promise<void> {
  const now = Date.now()
  await server.client().hset(`${keyPrefix}:leases:`, key, `${now - endedMs} ${now - endedMs - 5000} token 0 dead:1`)
}

describe('What was removed during computations', () => {
  test('is forgotten with the last of them, at once', async () => {
    const [one, other] = [await computing('one', 'x'), await computing('other', 'x')]
    await cache.deleteTag('t')
    expect(await one.finish()).toBe(true)
    expect(await tombstones()).toBe(1)
    expect(await other.finish()).toBe(true)
    expect(await tombstones()).toBe(0)
    expect(await leases()).toEqual([])
  })

  test.each<[what: string, meanwhile: () => Promise<unknown>]>([
    ['nothing else happens', async () => undefined],
    ['another tag is removed', () => cache.deleteTag('other')],
    ['another computation of that tag ends', async () => (await computing('another', 't')).finish()],
  ])('is not stored where Redis has lost it alone, and %s', async (_what, meanwhile) => {
    const [computed, untagged] = [await computing('a', 't'), makeGate()]
    const without = cache.getOrSet('b', () => untagged.opened)
    await until(async () => (await cache.computing()).length === 2, 'both are being computed')
    await cache.deleteTag('t')
    await server.client().del(`${keyPrefix}:tombstones:`)
    await meanwhile()
    expect(await computed.finish()).toBe(false)
    untagged.open()
    await without
    expect(await cache.has('b')).toBe(true)
    // What begins later is stored
    expect(await (await computing('a', 't')).finish()).toBe(true)
  })

  test('is forgotten when all that still run began later', async () => {
    const [first, second] = [await computing('first', 'x'), makeGate()]
    await Promise.all(Array.from({ length: 100 }, (_, i) => cache.deleteTag(`before ${i}`)))
    const later = cache.getOrSet('second', () => second.opened)
    await until(async () => (await cache.computing()).length === 2, 'both are being computed')
    await cache.deleteTag('while')
    await first.finish()
    await upkeep.visitAll()
    expect(await server.client().hkeys(`${keyPrefix}:tombstones:`)).toEqual(['while'])
    second.open()
    await later
    expect(await tombstones()).toBe(0)
  })

  test('is not kept for a process that died', async () => {
    await allAnswer(cache)
    await leaveLease('dead', 60_500)
    await leaveLease('silent', 50_000)
    await cache.deleteTag('t')
    await upkeep.visitAll()
    expect((await leases()).toSorted()).toEqual(['', 'silent'])
    const many = Array.from({ length: 1200 }, (_, i) => [`t${i}`, Date.now()])
    await server.client().hset(`${keyPrefix}:tombstones:`, ...many.flat())
    await upkeep.visitAll()
    expect(await tombstones()).toBe(0)
    expect(await leases()).toEqual([])
  })

  test('is not kept in the place of a computation: nothing is shown, followed or counted', async () => {
    const computed = await computing('a', 't')
    await cache.deleteTag('t')
    expect(await leases()).toHaveLength(2)
    expect((await cache.computing()).map(({ key }) => key)).toEqual(['a'])
    expect(await cache.keys()).toEqual({ keys: [], next: undefined, total: 0 })
    await computed.finish()
  })
})
