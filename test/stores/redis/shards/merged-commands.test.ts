import { AsyncLocalStorage } from 'node:async_hooks'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache } from '../../../../src/cache/create-keyed-cache.js'
import { WRITE } from '../../../../src/stores/redis/scripts/entry-scripts.js'
import { ACQUIRE, FILL } from '../../../../src/stores/redis/scripts/lease-scripts.js'
import { allAnswer } from '../../../support/all-answer.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { callsDuring } from '../../../support/monitor.js'
import { startProxy } from '../../../support/proxy.js'
import { type RedisCluster, startCluster } from '../../../support/redis-cluster.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'

let server: RedisServer
let cluster: RedisCluster
beforeAll(async () => {
  ;[server, cluster] = await Promise.all([startRedis(), startCluster()])
}, 60_000)
afterAll(() => Promise.all([server.close(), cluster.close()]))

const opened: KeyedCache[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})

async function open(redis: string | readonly string[] = server.url, keyPrefix = freshPrefix()): Promise<KeyedCache> {
  const cache = createKeyedCache({ redis, keyPrefix, redisTimeout: '5s' })
  opened.push(cache)
  await allAnswer(cache)
  return cache
}

async function timesCalled(...commands: string[]): Promise<number> {
  const info = await server.client().info('commandstats')
  return commands
    .map((command) => Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(info)?.[1] ?? 0))
    .reduce((sum, calls) => sum + calls, 0)
}

/** How many scripts read or wrote entries: others are of the work in the background. */
async function scriptsDuring(work: () => Promise<unknown>): Promise<number> {
  const calls = await callsDuring(server, work)
  const shas = [WRITE, ACQUIRE, FILL].map(({ sha1 }) => sha1)
  return calls.filter(([name, sha = '']) => name === 'evalsha' && shas.includes(sha)).length
}

const KEYS = Array.from({ length: 300 }, (_, i) => `k::${i}`)

describe.each(['one server', 'a Cluster'] as const)('Calls of one turn, on %s,', (where) => {
  const openThere = (): Promise<KeyedCache> => open(where === 'one server' ? server.url : cluster.urls)

  test('have each its own answer', async () => {
    const cache = await openThere()
    expect(await Promise.all(KEYS.map((key, i) => cache.set(key, i)))).toEqual(KEYS.map(() => true))
    const asked = [...KEYS, ...KEYS, 'nothing']
    const answers = await Promise.all(asked.map((key) => cache.get(key, { default: 'none' })))
    expect(answers).toEqual([...KEYS.keys(), ...KEYS.keys(), 'none'])
  })

  test('are told of, and run their factories, each in its own async context', async () => {
    const cache = await openThere()
    const current = new AsyncLocalStorage<string>()
    const seen: string[] = []
    const see = ({ key }: { key: string }): unknown => seen.push(`${key} ${current.getStore()}`)
    await cache.setMany(KEYS.map((key) => [key, 1]))
    cache.on('hit', see).on('miss', see)
    const calls = KEYS.flatMap((key, i) => [
      current.run(`get ${i}`, () => cache.get(key)),
      current.run(`getOrSet ${i}`, () => cache.getOrSet(key, () => 0)),
      current.run(`miss ${i}`, () => cache.get(`none::${i}`, { default: 1 })),
      current.run(`many ${i}`, () => cache.getMany([key])),
      current.run(`factory ${i}`, () => cache.getOrSet(`new::${i}`, () => current.getStore())),
    ])
    const answers = await Promise.all(calls)
    expect(answers).toEqual(KEYS.flatMap((_, i) => [1, 1, 1, [1], `factory ${i}`]))
    const told = KEYS.flatMap((key, i) => [
      `${key} get ${i}`,
      `${key} getOrSet ${i}`,
      `${key} many ${i}`,
      `none::${i} miss ${i}`,
      `new::${i} factory ${i}`,
    ])
    expect(seen.toSorted()).toEqual(told.toSorted())
  })

  test('give each caller a value of its own', async () => {
    const cache = await openThere()
    await cache.set('a', { list: [1] })
    const values = await Promise.all(KEYS.map(() => cache.get<{ list: number[] }>('a')))
    for (const [i, value] of values.entries()) value.list.push(i)
    expect(values.map(({ list }) => list)).toEqual(KEYS.map((_, i) => [1, i]))
  })

  test('are carried out for each key in the order in which they were made', async () => {
    const cache = await openThere()
    // A server that is asked for a script for the first time must be told it, and that comes later
    await cache.set('a', 0)
    await cache.delete('a')
    // So many that some wait
    const others = KEYS.map((key) => cache.set(key, 0))
    const steps = [
      cache.set('a', 1),
      cache.get('a'),
      cache.delete('a'),
      cache.get('a', { default: 'gone' }),
      cache.set('a', 2, { tags: ['t'] }),
      cache.set('a', 3),
      cache.set('a', 4, { tags: ['t'] }),
      cache.getMany(['a']),
      cache.set('a', 5),
      cache.getOrSet('a', () => 'computed'),
      cache.delete('a'),
      cache.set('a', 6),
    ]
    expect(await Promise.all(steps)).toEqual([true, 1, ['a'], 'gone', true, true, true, [4], true, 5, ['a'], true])
    expect(await Promise.all(others)).toEqual(KEYS.map(() => true))
    expect(await cache.get('a')).toBe(6)
  })

  test.each([
    ['that goes out at once', []],
    ['that waits since before the reads do', KEYS],
  ])('a read that waits does not see a write %s', async (_which, written) => {
    const cache = await openThere()
    await cache.setMany(KEYS.map((key) => [key, 'old']))
    const others = written.map((key) => cache.set(`other::${key}`, 1))
    const reads = KEYS.map((key) => cache.get(key))
    // Those that go out at once are of keys whose reads wait
    const writes = KEYS.toReversed().map((key) => cache.set(key, 'new'))
    expect(await Promise.all(reads)).toEqual(KEYS.map(() => 'old'))
    await Promise.all([...others, ...writes])
    expect(await cache.getMany(KEYS)).toEqual(KEYS.map(() => 'new'))
  })
})

describe('On one server', () => {
  test('300 reads of one turn are a handful of commands', async () => {
    const cache = await open()
    await cache.setMany(KEYS.map((key) => [key, key] as const))
    const before = await timesCalled('get', 'mget')
    await Promise.all(KEYS.map((key) => cache.get(key)))
    await Promise.all(KEYS.map((key) => cache.getOrSet(key, () => 'computed')))
    expect((await timesCalled('get', 'mget')) - before).toBeLessThanOrEqual(2 * 5)
  })

  test('300 writes of one turn are a handful of scripts, one more for each kind of tags', async () => {
    const cache = await open()
    await cache.set('first', 1)
    const sets = await scriptsDuring(() =>
      Promise.all(KEYS.map((key, i) => cache.set(key, i, { tags: i % 2 === 0 ? [] : ['odd'] }))),
    )
    expect(sets).toBeLessThanOrEqual(8)
    expect((await cache.tagged('odd', { limit: 1000 })).keys).toHaveLength(150)
  })

  test('300 values computed in one turn are a handful of scripts', async () => {
    const cache = await open()
    await cache.getOrSet('first', () => 1)
    const computing = await scriptsDuring(async () => {
      const computed = await Promise.all(KEYS.map((key, i) => cache.getOrSet(key, () => i)))
      expect(computed).toEqual([...KEYS.keys()])
    })
    const computingMany = await scriptsDuring(async () => {
      const many = KEYS.map((key) => `${key}::many`)
      expect(await cache.getOrSetMany(many, (keys) => keys)).toEqual(many)
    })
    // For each answer to the reads one that asks for leases and one that stores
    expect(computing).toBeLessThanOrEqual(20)
    expect(computingMany).toBeLessThanOrEqual(8)
    expect(await cache.getMany(KEYS)).toEqual([...KEYS.keys()])
  })

  test('nobody is given the answer to a read that was sent before he asked', async () => {
    const keyPrefix = freshPrefix()
    const proxy = await startProxy(server.port, 100)
    const [far, near] = await Promise.all([open(proxy.url, keyPrefix), open(server.url, keyPrefix)])
    await near.setMany(KEYS.map((key) => [key, 'old'] as const))
    const early = KEYS.map((key) => far.get(key, { default: 'gone' }))
    // All of them are on their way, or have been answered
    await new Promise((resolve) => setTimeout(resolve, 150))
    await near.clear()
    const late = await Promise.all(KEYS.map((key) => far.get(key, { default: 'gone' })))
    expect(late).toEqual(KEYS.map(() => 'gone'))
    await Promise.all(early)
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
    await proxy.close()
  })
})
