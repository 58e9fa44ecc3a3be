import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKeyedCache, type KeyedCacheOptions } from '../../../src/cache/create-keyed-cache.js'
import type { KeyedCache } from '../../../src/contract/cache.js'
import type { FactoryContext } from '../../../src/contract/factory.js'
import type { CacheEvents } from '../../../src/contract/cache-events.js'
import { CacheNotRespondingError, NotCachedError } from '../../../src/contract/errors.js'
import { allAnswer } from '../../support/all-answer.js'
import { freshPrefix } from '../../support/both-stores.js'
import { inRequest } from '../../support/in-request.js'
import { makeGate } from '../../support/gate.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'

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
  const cache = createKeyedCache({ redis: server.url, keyPrefix, logger: silent, ...options })
  opened.push(cache)
  await allAnswer(cache)
  return cache
}

/** A cache whose Redis is gone. */
async function away(options?: KeyedCacheOptions): Promise<KeyedCache> {
  const cache = await open(options)
  await lose(cache)
  return cache
}

async function lose(cache: KeyedCache): Promise<void> {
  await server.kill()
  await isDown(cache)
}

async function isDown(cache: KeyedCache): Promise<void> {
  await until(async () => !(await cache.stats()).backend.up, 'the cache notices that Redis is away')
}

async function isUp(cache: KeyedCache): Promise<void> {
  await until(async () => (await cache.stats()).backend.up, 'the cache notices that Redis is back')
}

/** A factory that counts its runs: it gives 1, then 2, and so on. */
function counting(): { runs: number; readonly compute: () => Promise<{ run: number }> } {
  const counter = {
    runs: 0,
    compute: async () => {
      await delay(1)
      return { run: ++counter.runs }
    },
  }
  return counter
}

/** What a cache emits. */
function eventsOf<E extends keyof CacheEvents>(cache: KeyedCache, event: E): CacheEvents[E][] {
  const events: CacheEvents[E][] = []
  cache.on(event, (each) => events.push(each))
  return events
}

describe('While Redis is away', () => {
  test('a value is computed once, and then answers every way of reading', async () => {
    const cache = await away()
    const hits = eventsOf(cache, 'hit')
    const { compute } = counting()
    expect(await cache.getOrSet('p::1', compute)).toEqual({ run: 1 })
    expect(await cache.getOrSet('p::1', compute)).toEqual({ run: 1 })
    expect(await cache.get('p::1')).toEqual({ run: 1 })
    expect(await cache.getMany(['p::1', 'p::2'])).toEqual([{ run: 1 }, undefined])
    expect(await cache.has('p::1')).toBe(true)
    expect(await cache.has('p::2')).toBe(false)
    expect(await cache.scope('p').get('1')).toEqual({ run: 1 })
    expect(await cache.getOrSetMany(['p::1', 'p::2'], (missing) => missing.map(() => 'new'))).toEqual([
      { run: 1 },
      'new',
    ])
    expect(hits.map(({ by, stale }) => ({ by, stale }))).toEqual(Array(5).fill({ by: 'fallback', stale: false }))
  })

  test('calls at the same time share one computation', async () => {
    const cache = await away()
    const counter = counting()
    const values = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('p', counter.compute)))
    expect(values).toEqual(Array(50).fill({ run: 1 }))
  })

  test('a cached function and a request answer from it', async () => {
    const cache = await away()
    let runs = 0
    const square = cache.wrap(
      async (n: number) => {
        runs++
        return n * n
      },
      { name: 'square' },
    )
    expect([await square(3), await square(3), runs]).toEqual([9, 9, 1])
    const { compute } = counting()
    const asked = (): Promise<unknown> => inRequest((req) => req.cache.getOrSet('p', compute), { cache })
    expect([await asked(), await asked()]).toEqual([{ run: 1 }, { run: 1 }])
  })

  test('what is set answers, though `set` says that it is not in Redis', async () => {
    const cache = await away()
    expect(await cache.set('p', { a: 1 }, { tags: ['t'] })).toBe(false)
    expect(await cache.get('p')).toEqual({ a: 1 })
    expect(
      await cache.setMany([
        ['q', 1],
        ['r', 2],
      ]),
    ).toBe(false)
    expect(await cache.getMany(['q', 'r'])).toEqual([1, 2])
    expect(await cache.set('p', 'later')).toBe(false)
    expect(await cache.get('p')).toBe('later')
  })

  test('everybody gets a copy', async () => {
    const cache = await away()
    await cache.set('p', { list: [1], bytes: Buffer.from('ab') })
    const one = await cache.get<{ list: number[]; bytes: Buffer }>('p')
    one.list.push(2)
    one.bytes[0] = 0
    expect(await cache.get('p')).toEqual({ list: [1], bytes: Buffer.from('ab') })
  })

  test.each<[what: string, remove: (cache: KeyedCache) => Promise<unknown>]>([
    ['delete', (cache) => cache.delete('p::1')],
    ['delete with children', (cache) => cache.delete('p', { children: true })],
    ['deleteTag', (cache) => cache.deleteTag('t')],
    ['clear', (cache) => cache.clear()],
  ])('%s of this process applies at once, and rejects', async (_what, remove) => {
    const cache = await away()
    await cache.set('p::1', 'old', { tags: ['t'] })
    await expect(remove(cache)).rejects.toThrow(CacheNotRespondingError)
    await expect(cache.get('p::1')).rejects.toThrow(NotCachedError)
    // What is computed afterwards is kept again.
    const { compute } = counting()
    expect([await cache.getOrSet('p::1', compute), await cache.getOrSet('p::1', compute)]).toEqual([
      { run: 1 },
      { run: 1 },
    ])
  })

  test('a delete voids what is being computed', async () => {
    const cache = await away()
    const gate = makeGate()
    const first = cache.getOrSet('p', async () => {
      await gate.opened
      return 'old'
    })
    await delay(5)
    await expect(cache.delete('p')).rejects.toThrow(CacheNotRespondingError)
    gate.open()
    expect(await first).toBe('old')
    expect(await cache.getOrSet('p', () => 'new')).toBe('new')
  })

  test('a value with a ttl of 0, one that is skipped and one that cannot be stored are not kept', async () => {
    const cache = await away({ maxValueBytes: 1000 })
    let runs = 0
    for (let i = 0; i < 2; i++) {
      await cache.getOrSet('zero', () => ++runs, { ttl: 0 })
      await cache.getOrSet('skip', ({ skip }) => {
        skip()
        return ++runs
      })
      await cache.getOrSet('large', () => 'x'.repeat(2000) + ++runs)
    }
    expect(runs).toBe(6)
    await cache.set('set', 1)
    await cache.set('set', 1, { ttl: 0 })
    expect(await cache.has('set')).toBe(false)
  })

  test('a value is fresh for `fallback.ttl`, and for its own ttl if that is shorter', async () => {
    const cache = await away({ fallback: { ttl: '300ms' } })
    const long = counting()
    const short = counting()
    await cache.getOrSet('long', long.compute, { ttl: '1h' })
    await cache.getOrSet('short', short.compute, { ttl: '50ms' })
    const beganMs = performance.now()
    await until(async () => (await cache.getOrSet('short', short.compute, { ttl: '50ms' })).run > 1, 'it is computed')
    if (performance.now() - beganMs < 250) expect(await cache.getOrSet('long', long.compute)).toEqual({ run: 1 })
    await until(async () => (await cache.getOrSet('long', long.compute)).run === 2, 'it is computed again')
    expect(performance.now() - beganMs).toBeGreaterThan(290)
  })

  test('an older value serves within its grace while its factory fails, which is then not tried again at once', async () => {
    const cache = await away({ fallback: { ttl: '50ms' } })
    const options = { ttl: '1h', grace: '1h' } as const
    await cache.getOrSet('p', () => 'old', options)
    await delay(60)
    let failures = 0
    const fail = (): never => {
      failures++
      throw new Error('the database is away too')
    }
    const hits = eventsOf(cache, 'hit')
    expect(await cache.getOrSet('p', fail, options)).toBe('old')
    expect(await cache.getOrSet('p', fail, options)).toBe('old')
    expect(failures).toBe(1)
    expect(hits).toMatchObject([
      { by: 'fallback', stale: true },
      { by: 'fallback', stale: true },
    ])
    await expect(cache.get('p')).rejects.toThrow(NotCachedError)
  })

  test('without grace, an older value does not serve', async () => {
    const cache = await away({ fallback: { ttl: '50ms' } })
    await cache.getOrSet('p', () => 'old')
    await delay(60)
    const fail = (): never => {
      throw new Error('away too')
    }
    await expect(cache.getOrSet('p', fail)).rejects.toThrow('away too')
  })

  test('a schema judges what is kept as it judges what is stored', async () => {
    const cache = await away()
    await cache.set('p', 'text')
    const isNumber = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] },
      },
    }
    expect(await cache.getOrSet<number>('p', () => 5, { schema: isNumber })).toBe(5)
    expect(await cache.get('p')).toBe(5)
  })

  test('at most `maxEntries` and `maxBytes` are kept', async () => {
    const cache = await away({ fallback: { maxEntries: 10 } })
    for (let i = 0; i < 20; i++) await cache.set(['n', i], i)
    const found = await cache.getMany(Array.from({ length: 20 }, (_, i) => ['n', i]))
    expect(found).toEqual([...Array(10).fill(undefined), ...Array.from({ length: 10 }, (_, i) => i + 10)])
  })

  test.each([
    ['cannot be kept', 'nothing'],
    ['is skipped', 'old'],
  ])('a computed value that %s leaves `%s` of what was kept', async (how, left) => {
    const cache = await away()
    await cache.set('p', 'old')
    const compute = ({ setTtl, skip }: FactoryContext): string => {
      if (how === 'is skipped') skip()
      else setTtl(0)
      return 'new'
    }
    expect(await cache.getOrSet('p', compute, { refresh: true })).toBe('new')
    expect(await cache.get('p', { default: 'nothing' })).toBe(left)
  })

  test('disabling the cache forgets all', async () => {
    const cache = await away()
    await cache.set('p', 1)
    cache.enable(false)
    cache.enable()
    expect(await cache.has('p')).toBe(false)
  })

  test('with `fallback: false` nothing is kept', async () => {
    const cache = await away({ fallback: false })
    const { compute } = counting()
    expect([await cache.getOrSet('p', compute), await cache.getOrSet('p', compute)]).toEqual([{ run: 1 }, { run: 2 }])
  })

  test('it works before the first connection', async () => {
    await server.kill()
    const silent = { info: () => {}, warn: () => {}, error: () => {} }
    const cache = createKeyedCache({ redis: server.url, keyPrefix, logger: silent })
    opened.push(cache)
    const { compute } = counting()
    expect([await cache.getOrSet('p', compute), await cache.getOrSet('p', compute)]).toEqual([{ run: 1 }, { run: 1 }])
  })
})

describe('When Redis is back', () => {
  test('nothing of it answers, and nothing of it is in Redis', async () => {
    const cache = await away()
    await cache.set('p', 'set')
    await cache.getOrSet('q', () => 'computed')
    await server.restart()
    await isUp(cache)
    const hits = eventsOf(cache, 'hit')
    expect(await cache.getMany(['p', 'q'])).toEqual([undefined, undefined])
    expect(hits).toEqual([])
    expect(await server.client().keys(`${keyPrefix}:v:*`)).toEqual([])
  })

  test('another outage begins with nothing', async () => {
    const cache = await away()
    await cache.set('p', 1)
    await server.restart()
    await isUp(cache)
    await lose(cache)
    expect(await cache.has('p')).toBe(false)
  })

  test('what was begun in the outage and ends after it is neither stored nor kept', async () => {
    const cache = await away()
    const gate = makeGate()
    const computed = cache.getOrSet('p', async () => {
      await gate.opened
      return 'old'
    })
    await delay(5)
    await server.restart()
    await isUp(cache)
    gate.open()
    expect(await computed).toBe('old')
    expect(await cache.has('p')).toBe(false)
    await lose(cache)
    expect(await cache.has('p')).toBe(false)
  })

  test('a delete that was made in the outage is carried out, and seen at once by its process', async () => {
    const cache = await open()
    await cache.set('p', 'old')
    server.stop()
    await expect(cache.delete('p')).rejects.toThrow(CacheNotRespondingError)
    expect(await cache.has('p')).toBe(false)
    server.resume()
    await isUp(cache)
    expect(await cache.has('p')).toBe(false)
    await until(async () => (await server.client().exists(`${keyPrefix}:v:p`)) === 0, 'it is deleted in Redis')
  })

  test('hits from the fallback are counted', async () => {
    const cache = await away()
    await cache.set('p', 1)
    await cache.getMany(['p', 'p', 'p'])
    await server.restart()
    await isUp(cache)
    await until(async () => {
      const { scope, hits, hitsBy } = await cache.stats()
      return scope === 'fleet' && hits === 3 && hitsBy.fallback === 3
    }, 'all processes know of them')
  })
})

describe('A refusal by Redis is an answer:', () => {
  test.each([
    ['it may not be read', '-get', '+get'],
    ['nothing may be written', '-evalsha', '+evalsha'],
  ])('%s', async (_what, forbid) => {
    const cache = await open()
    await server.client().acl('SETUSER', 'default', forbid, '-mget', '-eval')
    const { compute } = counting()
    expect([await cache.getOrSet('p', compute), await cache.getOrSet('p', compute)]).toEqual([{ run: 1 }, { run: 2 }])
    expect(await cache.set('p', 1)).toBe(false)
    expect(await cache.has('p')).toBe(false)
  })
})

describe('With `near`', () => {
  test('the copies that were there serve, also those past `near.ttl`', async () => {
    const cache = await open({ near: { ttl: '50ms' } })
    await cache.set('p', { a: 1 })
    await until(async () => {
      await cache.get('p')
      return (await cache.stats()).hitsBy.near > 0
    }, 'there is a copy')
    await delay(60)
    await lose(cache)
    const hits = eventsOf(cache, 'hit')
    expect(await cache.get('p')).toEqual({ a: 1 })
    expect(await cache.getOrSet('p', () => 'computed')).toEqual({ a: 1 })
    expect(hits.map(({ by }) => by)).toEqual(['fallback', 'fallback'])
  })

  test('a copy serves no longer than `fallback.ttl` after the last sign of life', async () => {
    const cache = await open({ near: true, fallback: { ttl: '1s' } })
    await cache.set('p', 'copy')
    await until(async () => {
      await cache.get('p')
      return (await cache.stats()).hitsBy.near > 0
    }, 'there is a copy')
    const lostMs = performance.now()
    await lose(cache)
    if (performance.now() - lostMs < 900) expect(await cache.getOrSet('p', () => 'computed')).toBe('copy')
    await until(async () => (await cache.getOrSet('p', () => 'computed')) === 'computed', 'it is computed')
    expect(performance.now() - lostMs).toBeGreaterThan(950)
    expect(await cache.getOrSet('p', () => 'again')).toBe('computed')
  })

  test('own deletes and writes reach the copies', async () => {
    const cache = await open({ near: true })
    await cache.setMany(
      [
        ['p', 'copy'],
        ['q', 'copy'],
      ],
      { tags: ['t'] },
    )
    await until(async () => {
      await cache.getMany(['p', 'q'])
      return (await cache.stats()).hitsBy.near > 1
    }, 'there are copies')
    await lose(cache)
    await expect(cache.delete('p')).rejects.toThrow(CacheNotRespondingError)
    expect(await cache.has('p')).toBe(false)
    await expect(cache.deleteTag('t')).rejects.toThrow(CacheNotRespondingError)
    expect(await cache.has('q')).toBe(false)
  })

  test('no copy serves that was there before Redis was flushed', async () => {
    const cache = await open({ near: true })
    await cache.set('p', 'copy')
    await until(async () => {
      await cache.get('p')
      return (await cache.stats()).hitsBy.near > 0
    }, 'there is a copy')
    await server.client().flushall()
    await until(async () => !(await cache.has('p')), 'it is gone')
    await lose(cache)
    expect(await cache.getMany(['p'])).toEqual([undefined])
  })
})
