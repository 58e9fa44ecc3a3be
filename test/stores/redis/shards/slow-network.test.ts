import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../../src/contract/cache.js'
import { createKeyedCache } from '../../../../src/cache/create-keyed-cache.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { makeGate } from '../../../support/gate.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { type SlowLink, startSlowLink } from '../../../support/slow-link.js'
import { until } from '../../../support/until.js'

const LARGE = 'x'.repeat(300_000)
const AT_ONCE = 20
const KEYS = Array.from({ length: AT_ONCE }, (_, i) => `large::${i}`)

let server: RedisServer
let link: SlowLink
beforeAll(async () => {
  server = await startRedis()
  link = await startSlowLink([server.port])
})
afterAll(() => Promise.all([link.close(), server.close()]))

let keyPrefix: string
const opened: KeyedCache[] = []
beforeEach(() => {
  keyPrefix = freshPrefix()
})
afterEach(async () => {
  await Promise.all([link.limit('down', {}), link.limit('up', {})])
  await Promise.all(opened.splice(0).map((cache) => cache.close()))
})

/** A cache behind the network, or beside it. */
async function open(where: 'behind' | 'beside', redisTimeout = '500ms'): Promise<KeyedCache & { timesDown: number }> {
  const port = where === 'behind' ? link.ports[0] : server.port
  const silent = { info: () => {}, warn: () => {}, error: () => {} }
  const redis = `redis://127.0.0.1:${port}`
  const cache = createKeyedCache({ redis, keyPrefix, redisTimeout, logger: silent, fallback: false })
  opened.push(cache)
  await until(() => cache.set('small', 1), 'the cache answers')
  const watched = Object.assign(cache, { timesDown: 0 })
  cache.on('state', ({ up }) => (watched.timesDown += up ? 0 : 1))
  return watched
}

async function fill(keys: readonly string[], value: string): Promise<void> {
  const beside = await open('beside', '5s')
  for (let i = 0; i < keys.length; i += 10) {
    await beside.setMany(keys.slice(i, i + 10).map((key) => [key, value] as const)) // eslint-disable-line no-await-in-loop
  }
}

async function mgets(): Promise<number> {
  const info = await server.client().info('commandstats')
  return Number(/^cmdstat_mget:calls=(\d+)/m.exec(info)?.[1] ?? 0)
}

describe('Behind a network on which bytes arrive for longer than redisTimeout', () => {
  test('reads of large values find them, twice, and Redis is not down', async () => {
    await fill(KEYS, LARGE)
    const cache = await open('behind')
    await link.limit('down', { bytesPerSecond: 8e6 })
    for (let round = 0; round < 2; round++) {
      const values = await Promise.all(KEYS.map((key) => cache.get(key, { default: 'missed' }))) // eslint-disable-line no-await-in-loop
      expect(values.filter((value) => value === LARGE)).toHaveLength(AT_ONCE)
    }
    expect(cache.timesDown).toBe(0)
  })

  test('small reads do not wait behind large ones whose sizes are known', async () => {
    await fill(KEYS, LARGE)
    const cache = await open('behind', '1s')
    await cache.getMany(KEYS)
    await link.limit('down', { bytesPerSecond: 8e6 })
    const large = KEYS.map((key) => cache.get(key))
    const begunMs = performance.now()
    expect(await cache.get('small')).toBe(1)
    const smallMs = performance.now() - begunMs
    await Promise.all(large)
    expect(smallMs).toBeLessThan((performance.now() - begunMs) / 2)
  })

  test('getMany of many keys finds all of them, with commands of some 256 KiB', async () => {
    const keys = Array.from({ length: 3000 }, (_, i) => `many::${i}`)
    await fill(keys, 'x'.repeat(1000))
    const cache = await open('behind')
    await link.limit('down', { bytesPerSecond: 4e6 })
    const before = await mgets()
    const values = await cache.getMany(keys)
    expect((await mgets()) - before).toBeGreaterThanOrEqual(12)
    expect(values.filter((value) => value !== undefined)).toHaveLength(keys.length)
    expect(cache.timesDown).toBe(0)
  })

  test('large values are stored, by sets, computations and setMany, and Redis is not down', async () => {
    const cache = await open('behind')
    await link.limit('up', { bytesPerSecond: 8e6 })
    const calls = KEYS.map((key, i) => (i % 2 === 0 ? cache.set(key, LARGE) : cache.getOrSet(key, () => LARGE)))
    await Promise.all(calls)
    expect(await cache.setMany(KEYS.map((key) => [`${key}::many`, LARGE]))).toBe(true)
    const beside = await open('beside', '5s')
    await until(async () => (await beside.count()) === 2 * AT_ONCE + 1, 'all of them are stored')
    expect(cache.timesDown).toBe(0)
  })
})

describe('While writes wait until the network has room', () => {
  /** Sets more large values than may be under way at once, while nothing at all passes. */
  async function held(cache: KeyedCache): Promise<Promise<boolean>[]> {
    await link.limit('up', { isHeld: true })
    const sets = KEYS.map((key) => cache.set(key, LARGE))
    await new Promise((resolve) => setImmediate(resolve))
    return sets
  }

  const LAST = KEYS.at(-1) as string
  test.each([
    ['set', (cache: KeyedCache) => cache.set(LAST, 'newer'), true, 'newer'],
    ['get', (cache: KeyedCache) => cache.get(LAST), LARGE, LARGE],
    ['getMany', (cache: KeyedCache) => cache.getMany(['small', LAST]), [1, LARGE], LARGE],
    ['delete', (cache: KeyedCache) => cache.delete(LAST), [LAST], undefined],
  ])('a %s of one of their keys comes after it', async (_what, call, answer, left) => {
    const cache = await open('behind', '5s')
    const sets = await held(cache)
    const answered = call(cache)
    await link.limit('up', {})
    expect(await Promise.all(sets)).toEqual(KEYS.map(() => true))
    expect(await answered).toEqual(answer)
    expect(await cache.get(LAST, { default: undefined })).toEqual(left)
  })

  test('what deletes many finds them, too', async () => {
    const cache = await open('behind', '5s')
    const sets = await held(cache)
    const cleared = cache.delete('large', { children: true })
    await link.limit('up', {})
    await Promise.all(sets)
    expect(await cleared).toHaveLength(AT_ONCE)
    expect((await cache.keys('large')).keys).toEqual([])
  })

  test('a delete voids a computed value that waits', async () => {
    const cache = await open('behind', '5s')
    const [began, ready] = [makeGate(), makeGate()]
    const computed = cache.getOrSet('computed', async () => {
      began.open()
      await ready.opened
      return LARGE
    })
    await began.opened
    const sets = await held(cache)
    ready.open()
    await new Promise((resolve) => setImmediate(resolve))
    const deleted = cache.delete('computed')
    await link.limit('up', {})
    await Promise.all([...sets, deleted])
    expect(await computed).toBe(LARGE)
    expect(await cache.has('computed')).toBe(false)
  })
})
