import { randomBytes } from 'node:crypto'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import * as fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { createKeyedCache, type KeyedCacheOptions } from '../../../src/cache/create-keyed-cache.js'
import { hashTags } from '../../../src/stores/redis/shards/hash-tags.js'
import { hashOf } from '../../../src/stores/redis/shards/key-hash.js'
import { allAnswer } from '../../support/all-answer.js'
import { freshPrefix } from '../../support/both-stores.js'
import { inRequest } from '../../support/in-request.js'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { sized } from '../../support/size.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const PAIRS = sized(10_000)
const RUNS = sized(500)
const NONE = { default: undefined }

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

async function open(options: KeyedCacheOptions): Promise<KeyedCache> {
  const cache = createKeyedCache({ keyPrefix: freshPrefix(), redisTimeout: '10s', compressAbove: 2000, ...options })
  opened.push(cache)
  await allAnswer(cache)
  return cache
}

/** Where the cache is, and how its servers are made to forget their scripts. */
const PLACES = {
  'on one server': {
    open: (options?: KeyedCacheOptions) => open({ redis: server.url, ...options }),
    forget: () => server.client().script('FLUSH'),
  },
  'on one server with near copies': {
    open: (options?: KeyedCacheOptions) => open({ redis: server.url, near: true, ...options }),
    forget: () => server.client().script('FLUSH'),
  },
  'on a Cluster': {
    open: (options?: KeyedCacheOptions) => open({ redis: cluster.urls, ...options }),
    forget: () => Promise.all(cluster.masters.map((master) => master.client().script('FLUSH'))),
  },
  'on the embedded store': {
    open: (options?: KeyedCacheOptions) => open({ ...options }),
    forget: () => Promise.resolve(),
  },
}
const EVERYWHERE = Object.keys(PLACES) as (keyof typeof PLACES)[]

const NOISE = randomBytes(450_000).toString('hex')
let values = 0

/** A value that is there once, of about so many characters. Every other one cannot be made smaller. */
function valueOf(size: number): string {
  values++
  const head = `${values}:`
  return head + (values % 2 === 0 ? 'x'.repeat(Math.max(0, size - head.length)) : NOISE.slice(0, size - head.length))
}

/** The same numbers again for the same seed. */
function random(from: number): () => number {
  let state = from
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Calls that are made one after the other, what each gives (`ANY`: it does not matter), and what is there in the end. */
interface Kind {
  readonly there?: boolean
  readonly calls: (cache: KeyedCache, old: string, fresh: string) => Promise<unknown>[]
  readonly give?: (old: string, fresh: string) => unknown[]
  readonly leave: 'old' | 'fresh' | 'computed' | 'nothing'
}

const ANY = expect.anything()
const K = 'parent::child'
const T = { tags: ['t'] }
const MANY = Array.from({ length: 40 }, (_, i) => `other::${i}`)

const KINDS: Record<string, Kind> = {
  'set, set with other tags': { calls: (c, o, f) => [c.set(K, o, T), c.set(K, f)], leave: 'fresh' },
  'set, delete': { calls: (c, o) => [c.set(K, o), c.delete(K)], give: () => [true, [K]], leave: 'nothing' },
  'set with tags, delete': { calls: (c, o) => [c.set(K, o, T), c.delete(K)], leave: 'nothing' },
  'delete, set': { there: true, calls: (c, _o, f) => [c.delete(K), c.set(K, f)], leave: 'fresh' },
  'delete, delete, set': {
    there: true,
    calls: (c, _o, f) => [c.delete(K), c.delete(K), c.set(K, f)],
    leave: 'fresh',
  },
  'set of another key, delete, set': {
    there: true,
    calls: (c, o, f) => [c.set('other', o), c.delete(K), c.set(K, f)],
    leave: 'fresh',
  },
  'set, set, set, delete, set': {
    calls: (c, o, f) => [c.set(K, o), c.set(K, o, T), c.set(K, o), c.delete(K), c.set(K, f)],
    give: () => [true, true, true, [K], true],
    leave: 'fresh',
  },
  'set, deleteTag': { calls: (c, o) => [c.set(K, o, T), c.deleteTag('t')], give: () => [true, [K]], leave: 'nothing' },
  'deleteTag, set with the tag': {
    there: true,
    calls: (c, _o, f) => [c.deleteTag('t'), c.set(K, f, T)],
    leave: 'fresh',
  },
  'set, clear': { calls: (c, o) => [c.set(K, o), c.clear()], leave: 'nothing' },
  'clear, set': { there: true, calls: (c, _o, f) => [c.clear(), c.set(K, f)], leave: 'fresh' },
  'set, delete of the parent': {
    calls: (c, o) => [c.set(K, o), c.delete('parent', { children: true })],
    give: () => [true, [K]],
    leave: 'nothing',
  },
  'delete of the parent, set': {
    there: true,
    calls: (c, _o, f) => [c.delete('parent', { children: true }), c.set(K, f)],
    leave: 'fresh',
  },
  'setMany, delete': {
    calls: (c, o) => [c.setMany([...MANY, K].map((key) => [key, key === K ? o : 1])), c.delete(K)],
    leave: 'nothing',
  },
  'setMany, setMany of some of them': {
    calls: (c, o, f) => [
      c.setMany(
        [...MANY, K].map((key) => [key, key === K ? o : 1]),
        T,
      ),
      c.setMany([[K, f]]),
    ],
    leave: 'fresh',
  },
  'set of nothing, set': {
    there: true,
    calls: (c, o, f) => [c.set(K, o, { ttl: 0 }), c.set(K, f)],
    leave: 'fresh',
  },
  'set, set of what is too large': {
    calls: (c, o) => [c.set(K, o), c.set(K, 'x'.repeat(2 ** 21))],
    give: () => [ANY, false],
    leave: 'nothing',
  },
  'set, get': { calls: (c, _o, f) => [c.set(K, f), c.get(K)], give: (_o, f) => [true, f], leave: 'fresh' },
  'set, getMany': {
    calls: (c, _o, f) => [c.set(K, f), c.getMany(['none', K])],
    give: (_o, f) => [true, [undefined, f]],
    leave: 'fresh',
  },
  'set, has': { calls: (c, _o, f) => [c.set(K, f), c.has(K)], give: () => [true, true], leave: 'fresh' },
  'set, getOrSet': {
    calls: (c, _o, f) => [c.set(K, f), c.getOrSet(K, () => 'computed')],
    give: (_o, f) => [true, f],
    leave: 'fresh',
  },
  'set, getOrSetMany': {
    calls: (c, _o, f) => [c.set(K, f), c.getOrSetMany([K], () => ['computed'])],
    give: (_o, f) => [true, [f]],
    leave: 'fresh',
  },
  'set, getOrSet anew': {
    calls: (c, o) => [c.set(K, o), c.getOrSet(K, () => 'computed', { refresh: true })],
    give: () => [true, 'computed'],
    leave: 'computed',
  },
  'set, entry': {
    calls: (c, _o, f) => [c.set(K, f), c.entry(K, { value: true })],
    give: (_o, f) => [true, expect.objectContaining({ value: f })],
    leave: 'fresh',
  },
  'set, count': { calls: (c, _o, f) => [c.set(K, f), c.count('parent')], give: () => [true, 1], leave: 'fresh' },
  'set, keys': {
    calls: (c, _o, f) => [c.set(K, f), c.keys('parent')],
    give: () => [true, { keys: [K], next: undefined, total: 1 }],
    leave: 'fresh',
  },
  'set, tagged': {
    calls: (c, _o, f) => [c.set(K, f, T), (c as KeyedCache & Tagged).tagged('t')],
    give: () => [true, { keys: [K], total: 1 }],
    leave: 'fresh',
  },
  'delete, get': {
    there: true,
    calls: (c) => [c.delete(K), c.get(K, NONE)],
    give: () => [[K], undefined],
    leave: 'nothing',
  },
  'delete of the parent, get': {
    there: true,
    calls: (c) => [c.delete('parent', { children: true }), c.get(K, NONE), c.getMany([K]), c.has(K)],
    give: () => [[K], undefined, [undefined], false],
    leave: 'nothing',
  },
  'deleteTag, get': {
    there: true,
    calls: (c) => [c.deleteTag('t'), c.get(K, NONE)],
    give: () => [[K], undefined],
    leave: 'nothing',
  },
  'clear, get': {
    there: true,
    calls: (c) => [c.clear(), c.get(K, NONE)],
    give: () => [1, undefined],
    leave: 'nothing',
  },
  'clear, set, get': {
    there: true,
    calls: (c, _o, f) => [c.clear(), c.set(K, f), c.get(K, NONE)],
    give: (_o, f) => [ANY, true, f],
    leave: 'fresh',
  },
}

interface Tagged {
  tagged(tag: string): Promise<unknown>
}

describe.each(EVERYWHERE)('Calls of one process that are not awaited, %s,', (where) => {
  const place = PLACES[where]

  test(`are carried out in the order in which they were made, ${Object.keys(KINDS).length} kinds`, async () => {
    const cache = await place.open()
    const wrong: string[] = []
    for (const [name, { there = false, calls, give, leave }] of Object.entries(KINDS)) {
      for (const size of [10, 30_000, 300_000]) {
        /* eslint-disable no-await-in-loop -- one after the other */
        await cache.clear()
        const [old, fresh] = [valueOf(size), valueOf(size)]
        if (there) await cache.set(K, old, T)
        if (there) await cache.get(K)
        await place.forget()
        const gave = await Promise.all(calls(cache, old, fresh).map((call) => call.catch(String)))
        const left = await cache.get(K, NONE)
        /* eslint-enable no-await-in-loop */
        const expected = { old, fresh, computed: 'computed', nothing: undefined }[leave]
        if (left !== expected) wrong.push(`${name} of ${size}: ${short(left)} is left, not ${leave}`)
        if (give !== undefined && !isLike(gave, give(old, fresh))) wrong.push(`${name} of ${size} gave ${short(gave)}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test(
    `of ${PAIRS} pairs of set and delete, or set and set, none leaves the old value (SEED=${seed})`,
    { timeout: 120_000 },
    async () => {
      // Values of one in four are compressed
      const caches = [await place.open(), await place.open({ compressAbove: Number.MAX_SAFE_INTEGER })] as const
      const chance = random(seed)
      const all: Promise<unknown>[] = []
      const wrong: string[] = []
      const settle = async (
        cache: KeyedCache,
        key: string,
        fresh: string | undefined,
        calls: Promise<unknown>[],
      ): Promise<void> => {
        await Promise.all(calls)
        const left = await cache.get(key, NONE)
        if (left !== fresh) wrong.push(`${key}: ${short(left)}`)
        await cache.delete(key)
      }
      for (let i = 0; i < PAIRS; i++) {
        const cache = caches[i % 4 === 0 ? 0 : 1]
        const key = `pair::${i}`
        // Each size from 10 B to 900 KB is as likely as its double, and the largest are rare
        const size = Math.floor(10 * 90_000 ** (chance() ** 3))
        const old = valueOf(size)
        const fresh = chance() < 0.5 ? valueOf(chance() < 0.5 ? size : 10) : undefined
        const tags = Array.from({ length: chance() < 0.5 ? 0 : Math.floor(chance() * 65) }, (_, t) => `tag-${t}`)
        const calls: Promise<unknown>[] = [cache.set(key, old, { tags })]
        if (chance() < 0.2) void place.forget()
        /* eslint-disable no-await-in-loop -- between the two calls of a pair */
        for (let turns = Math.floor(chance() * 4); turns > 0; turns--) await turn()
        calls.push(fresh === undefined ? cache.delete(key) : cache.set(key, fresh))
        all.push(settle(cache, key, fresh, calls))
        if (i % 50 === 49) await Promise.all(all.splice(0))
        /* eslint-enable no-await-in-loop */
      }
      await Promise.all(all)
      expect(wrong).toEqual([])
    },
  )

  test(
    `give what they would give one after the other, whatever calls they are (SEED=${seed})`,
    { timeout: 120_000 },
    async () => {
      const cache = await place.open()
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 30 }), async (steps) => {
          await cache.clear()
          const model = new Model()
          const made = steps.map((each) => () => carryOut(cache, model, each, place.forget))
          const checks: (() => Promise<void>)[] = []
          // eslint-disable-next-line no-await-in-loop -- some steps end the turn
          for (const make of made) checks.push(await make())
          for (const check of checks) await check() // eslint-disable-line no-await-in-loop
          for (const key of KEYS) expect(model.values(key)).toContain(await cache.get(key, NONE)) // eslint-disable-line no-await-in-loop
        }),
        { seed, numRuns: RUNS },
      )
    },
  )
})

describe('The order stands', () => {
  test('while a shard moves to another master of a Cluster', { timeout: 60_000 }, async () => {
    const keyPrefix = freshPrefix()
    const cache = await open({ redis: cluster.urls, keyPrefix, redisTimeout: '2s' })
    const tags = hashTags(16)
    // As many as there may be pairs, so that each pair has a key of its own
    const moving = Array.from({ length: 16_000 }, (_, i) => `k::${i}`).filter(
      (of) => hashOf(of) % 16 === tags.indexOf('{18}'),
    )
    await cache.setMany(moving.slice(0, 250).map((of) => [of, 'there']))
    const source = await cluster.masterOf('{18}')
    const target = (await cluster.mastersNow()).find((master) => master !== source)
    const wrong: string[] = []
    let pairs = 0
    const pair = async (of: string): Promise<void> => {
      pairs++
      const isSet = pairs % 2 === 0
      const first = cache.set(of, 'old', { tags: pairs % 3 === 0 ? ['t'] : [] })
      await pause(pairs % 40)
      const second: Promise<unknown> = isSet ? cache.set(of, 'new') : cache.delete(of)
      await Promise.allSettled([first, second])
      const left = await cache.get(of, NONE)
      // What is refused on the way is missing
      if (left !== undefined && !(isSet && left === 'new')) wrong.push(`${of}: ${short(left)}`)
    }
    const running: Promise<void>[] = []
    // They go on while names move, so that the answers to the two calls of a pair differ
    await cluster.migrate('{18}', target as RedisServer, () => {
      for (let i = 0; i < 10; i++) running.push(pair(moving[running.length] as string))
      return pause(2)
    })
    await Promise.all(running)
    expect(pairs).toBeGreaterThan(100)
    expect(wrong).toEqual([])
  })

  test('on a full server, where a write is sent again when there is room', async () => {
    const own = await startRedis()
    try {
      const keyPrefix = freshPrefix()
      const cache = await open({ redis: own.url, keyPrefix })
      const client = own.client()
      for (let round = 0; round < 3; round++) {
        /* eslint-disable no-await-in-loop -- one after the other */
        await cache.clear()
        const gone = Array.from({ length: 5000 }, (_, i) => `gone::${round}::${i}`)
        await cache.setMany(gone.map((of) => [of, 'x'.repeat(100)]))
        await cache.set('pair', 'older')
        // The index keeps their names, which are dropped when there is no room
        await client.del(gone.map((of) => `${keyPrefix}:v:${of}`))
        const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
        await client.config('SET', 'maxmemory', used - 1)
        const calls = [cache.set('pair', 'old'), cache.delete('pair')]
        expect(await Promise.all(calls)).toEqual([true, ['pair']])
        await client.config('SET', 'maxmemory', 0)
        expect(await cache.get('pair', NONE)).toBeUndefined()
        /* eslint-enable no-await-in-loop */
      }
    } finally {
      await own.close()
    }
  })

  test('before the first connection is there', async () => {
    const cache = createKeyedCache({ redis: server.url, keyPrefix: freshPrefix(), redisTimeout: '10s' })
    opened.push(cache)
    const calls = [
      cache.set('a', 1),
      cache.get('a'),
      cache.set('a', 2, T),
      cache.delete('a'),
      cache.set('a', 3),
      cache.get('a'),
    ]
    expect(await Promise.all(calls)).toEqual([true, 1, true, ['a'], true, 3])
  })

  test('when the cache is closed: what was called before is carried out', async () => {
    const keyPrefix = freshPrefix()
    const closing = await open({ redis: server.url, keyPrefix })
    const calls = [
      closing.set('a', 'x'.repeat(30_000)),
      closing.set('a', 2, T),
      closing.delete('b'),
      closing.set('a', 3),
    ]
    await closing.close()
    expect(await Promise.all(calls)).toEqual([true, true, [], true])
    expect(await (await open({ redis: server.url, keyPrefix })).get('a')).toBe(3)
  })

  test('where many writes of one key wait: only the last is sent, and all are answered', async () => {
    const cache = await open({ redis: server.url })
    await cache.set('a', 0)
    const count = async (): Promise<number> => {
      const stats = await server.client().info('commandstats')
      return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(stats)?.[1])
    }
    const before = await count()
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => cache.set('a', i)))
    // Some are of the work in the background
    expect((await count()) - before).toBeLessThan(50)
    expect(new Set(answers)).toEqual(new Set([true]))
    expect(await cache.get('a')).toBe(999)
  })

  test('in the Map of a request, for changes that are not awaited', async () => {
    const cache = await open({ redis: server.url })
    const seen = await inRequest(
      async (req) => {
        const given: unknown[] = []
        const calls: Promise<unknown>[] = []
        const change = async (call: () => Promise<unknown>): Promise<void> => {
          await req.cache.set(K, 'old', T)
          given.push(await req.cache.get(K))
          calls.push(call())
          given.push(await req.cache.get(K, NONE))
        }
        await change(() => req.cache.set(K, 'new'))
        await change(() => req.cache.delete(K))
        await change(() => req.cache.delete('parent', { children: true }))
        await change(() => cache.set(K, 'new'))
        await change(() => cache.delete(K))
        await change(() => cache.deleteTag('t'))
        await change(() => cache.clear())
        await Promise.all(calls)
        return given
      },
      { cache },
    )
    const found = ['new', undefined, undefined, 'new', undefined, undefined, undefined]
    expect(seen).toEqual(found.flatMap((after) => ['old', after]))
  })
})

const KEYS = ['a', 'a::1', 'a::2', 'b']
const key = fc.constantFrom(...KEYS)
const tags = fc.subarray(['t', 'u'])
const size = fc.constantFrom(10, 10, 1000, 20_000, 100_000)
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ call: fc.constant('set' as const), key, tags, size }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant('setMany' as const), tags, size }) },
  { weight: 3, arbitrary: fc.record({ call: fc.constant('delete' as const), key, children: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant('deleteTag' as const), tag: fc.constantFrom('t', 'u') }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant('clear' as const) }) },
  { weight: 3, arbitrary: fc.record({ call: fc.constant('get' as const), key }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant('getMany' as const) }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant('has' as const), key }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant('count' as const) }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant('getOrSet' as const), key }) },
  { weight: 3, arbitrary: fc.record({ call: fc.constant('turn' as const) }) },
  { weight: 2, arbitrary: fc.record({ call: fc.constant('forget' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

interface Entry {
  readonly value: string
  readonly tags: readonly string[]
}

/**
 * What is under each key after some calls. Where there is nothing, there may be what an earlier call of `getOrSet` computes: its factory
 * may begin after a deletion that was called later, and then its value is not old.
 */
class Model {
  readonly #entries = new Map<string, Entry>()
  readonly #computed = new Map<string, string[]>()
  readonly onChange = new Set<() => void>()

  values(of: string): readonly (string | undefined)[] {
    const entry = this.#entries.get(of)
    return entry === undefined ? [undefined, ...(this.#computed.get(of) ?? [])] : [entry.value]
  }

  set(of: string, entry: Entry): void {
    this.#entries.set(of, entry)
    for (const tell of this.onChange) tell()
  }

  compute(of: string, value: string): void {
    this.#computed.set(of, [...(this.#computed.get(of) ?? []), value])
    for (const tell of this.onChange) tell()
  }

  delete(concerns: (key: string, entry: Entry) => boolean): void {
    for (const [of, entry] of this.#entries) if (concerns(of, entry)) this.#entries.delete(of)
    for (const tell of this.onChange) tell()
  }
}

/** Makes a call and changes the model. Gives what checks the answer against what the model said at the time of the call. */
async function carryOut(
  cache: KeyedCache,
  model: Model,
  made: Step,
  forget: () => Promise<unknown>,
): Promise<() => Promise<void>> {
  switch (made.call) {
    case 'turn':
      await turn()
      return async () => {}
    case 'forget':
      await forget()
      return async () => {}
    case 'set': {
      const value = valueOf(made.size)
      const answer = cache.set(made.key, value, { tags: made.tags })
      model.set(made.key, { value, tags: made.tags })
      return async () => expect(await answer).toBe(true)
    }
    case 'setMany': {
      const all = KEYS.map((of) => [of, valueOf(made.size)] as const)
      const answer = cache.setMany(all, { tags: made.tags })
      for (const [of, value] of all) model.set(of, { value, tags: made.tags })
      return async () => expect(await answer).toBe(true)
    }
    case 'delete': {
      const answer = cache.delete(made.key, { children: made.children })
      model.delete((of) => of === made.key || (made.children && of.startsWith(`${made.key}::`)))
      return async () => void (await answer)
    }
    case 'deleteTag': {
      const answer = cache.deleteTag(made.tag)
      model.delete((_of, entry) => entry.tags.includes(made.tag))
      return async () => void (await answer)
    }
    case 'clear': {
      const answer = cache.clear()
      model.delete(() => true)
      return async () => void (await answer)
    }
    case 'get': {
      const answer = cache.get(made.key, NONE)
      const may = model.values(made.key)
      return async () => expect(may).toContain(await answer)
    }
    case 'getMany': {
      const answer = cache.getMany(KEYS)
      const may = KEYS.map((of) => model.values(of))
      return async () => {
        for (const [i, value] of (await answer).entries()) expect(may[i]).toContain(value)
      }
    }
    case 'has': {
      const answer = cache.has(made.key)
      const may = model.values(made.key).map((value) => value !== undefined)
      return async () => expect(may).toContain(await answer)
    }
    case 'count': {
      // It takes several steps, in which it may see what is called later. What is being removed may still count.
      const all = KEYS.map((of) => ({ of, may: [...model.values(of)] }))
      model.onChange.add(() => {
        for (const { of, may } of all) may.push(...model.values(of))
      })
      const answer = cache.count()
      return async () => {
        expect(await answer).toBeGreaterThanOrEqual(all.filter(({ may }) => !may.includes(undefined)).length)
      }
    }
    case 'getOrSet': {
      const value = valueOf(10)
      const answer = cache.getOrSet(made.key, () => value)
      model.compute(made.key, value)
      // Where there is nothing, it gives what it computes, or what is set before that
      const may: unknown[] = model.values(made.key).filter((each) => each !== undefined)
      if (model.values(made.key).includes(undefined)) model.onChange.add(() => may.push(...model.values(made.key)))
      return async () => expect(may).toContain(await answer)
    }
  }
}

function isLike(gave: unknown, expected: unknown): boolean {
  try {
    expect(gave).toEqual(expected)
    return true
  } catch {
    return false
  }
}

function short(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 60)
}
