import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'
import { allAnswer } from '../../support/all-answer.js'
import { freshPrefix } from '../../support/both-stores.js'
import { type Gate, makeGate } from '../../support/gate.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'

let server: RedisServer
const opened: KeyedCache[] = []
beforeAll(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})
afterAll(() => server.close())

/** A factory at a gate, that counts how often it ran. */
function gated<T>(give: () => T): { (): Promise<T>; runs: number; gate: Gate } {
  const factory = async (): Promise<T> => {
    factory.runs++
    await factory.gate.opened
    return give()
  }
  factory.runs = 0
  factory.gate = makeGate()
  return factory
}

describe('Two databases of one server with one prefix', () => {
  let keyPrefix: string

  /** Opens as many caches as there are databases given, each as of another process, and waits until they hear messages. */
  const openAt = async (...databases: number[]): Promise<KeyedCache[]> => {
    keyPrefix = freshPrefix()
    const caches = databases.map((database) =>
      createKeyedCache({ redis: `${server.url}/${database}`, keyPrefix, redisTimeout: '5s' }),
    )
    opened.push(...caches)
    await allAnswer(...caches)
    const channel = `${keyPrefix}:wake`
    await until(async () => {
      const [, subscribed] = (await server.client().pubsub('NUMSUB', channel)) as [string, number]
      return subscribed === caches.length
    }, 'all hear messages')
    return caches
  }

  /** Waits until a process follows the computation of a key in a database. */
  const followed = (database: number, key: string): Promise<unknown> =>
    until(async () => {
      const [, lease] = (await server
        .client()
        .multi()
        .select(database)
        .hget(`${keyPrefix}:leases:`, key)
        .select(0)
        .exec()) as [unknown, [null, string | null], unknown]
      return /^\S+ \S+ \S+ 1 /.test(lease[1] ?? '')
    }, `${key} is followed`)

  /** Has one more key computed, and waited for in another process. What was published before has then arrived there. */
  const pass = async (database: number, leader: KeyedCache, follower: KeyedCache): Promise<void> => {
    const factory = gated(() => 'passed')
    const led = leader.getOrSet('pass', factory)
    await until(() => factory.runs === 1, 'it is computed')
    const waited = follower.getOrSet('pass', factory)
    await followed(database, 'pass')
    factory.gate.open()
    expect(await Promise.all([led, waited])).toEqual(['passed', 'passed'])
    await follower.get('round trip', { default: undefined })
  }

  test('keep apart: where a computation fails in one, those who wait in the other go on waiting', async () => {
    const [other, otherFollower, leader, follower] = (await openAt(0, 0, 1, 1)) as [
      KeyedCache,
      KeyedCache,
      KeyedCache,
      KeyedCache,
    ]
    const factory = gated(() => 'right')
    const led = leader.getOrSet('a', factory)
    await until(() => factory.runs === 1, 'it is computed')
    const waited = follower.getOrSet('a', factory)
    await followed(1, 'a')

    const failing = gated(() => {
      throw new Error('no')
    })
    const failed = [other.getOrSet('a', failing)]
    await until(() => failing.runs === 1, 'it is computed there too')
    failed.push(otherFollower.getOrSet('a', failing))
    await followed(0, 'a')
    failing.gate.open()
    expect((await Promise.allSettled(failed)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await pass(1, leader, follower)

    expect(factory.runs).toBe(1)
    factory.gate.open()
    expect(await Promise.all([led, waited])).toEqual(['right', 'right'])
    expect(factory.runs).toBe(1)
  })

  test('keep apart: where a key is deleted in one, those who share its computation in the other still do', async () => {
    const [other, leader, passing] = (await openAt(0, 1, 1)) as [KeyedCache, KeyedCache, KeyedCache]
    const gate = makeGate()
    let runs = 0
    const call = (cache: KeyedCache): Promise<string> =>
      cache.getOrSet('a', async ({ skip }) => {
        runs++
        await gate.opened
        skip()
        return 'right'
      })
    const calls = [call(leader), call(leader)]
    await until(() => runs === 1, 'it is computed')

    const elsewhere = gated(() => 'elsewhere')
    const there = other.getOrSet('a', elsewhere)
    await until(() => elsewhere.runs === 1, 'it is computed there too')
    await other.delete('a')
    await pass(1, passing, leader)
    elsewhere.gate.open()

    calls.push(call(leader))
    gate.open()
    expect(await Promise.all(calls)).toEqual(['right', 'right', 'right'])
    expect(runs).toBe(1)
    expect(await there).toBe('elsewhere')
  })
})
