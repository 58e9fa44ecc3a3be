import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import type { KeyedCache } from '../../src/contract/cache.js'
import { type Build, buildOpener } from '../support/both-builds.js'
import { freshPrefix } from '../support/both-stores.js'
import { describeOnServers } from '../support/on-servers.js'
import { sized } from '../support/size.js'
import { until } from '../support/until.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const OPERATIONS = sized(40_000)
const LANES = 20
const PARTS = ['a', 'a:', '1', '10', '', 'é']
const BUILDS: readonly Build[] = ['0.1', 'now']
/** So that many rounds of upkeep go by, each by one of all caches. */
const AT_LEAST_MS = sized(10_000)

const open = buildOpener()

describeOnServers(`${OPERATIONS} random operations by 0.1 and the present version (SEED=${seed})`, (servers) => {
  test(
    'end as on a Map, whichever does them, while either sweeps and drops what has expired',
    { timeout: 180_000 },
    async () => {
      const where = { redis: servers().redis, keyPrefix: freshPrefix(), compressAbove: 200, lease: '60s' }
      const caches = await Promise.all(BUILDS.flatMap((build) => [open(build, where), open(build, where)]))
      const near = await Promise.all(BUILDS.map((build) => open(build, { ...where, near: true })))
      const sweeping = setInterval(() => void sweepAgain(), 100)
      const lanes = Array.from({ length: LANES }, (_, number) => new Lane(caches, near, number))
      const differences: string[] = []
      const endMs = performance.now() + AT_LEAST_MS
      await Promise.all(
        lanes.map(async (lane) => {
          for (let i = 0; i < OPERATIONS / LANES || performance.now() < endMs; i++) {
            if (differences.length > 0) return
            const { name, got, wanted } = await lane.step()
            if (!isDeepStrictEqual(got, wanted))
              differences.push(`${lane.name}, operation ${i}: ${name} gave ${show(got)} instead of ${show(wanted)}`)
          }
        }),
      )
      clearInterval(sweeping)
      expect(differences).toEqual([])
      const wanted = lanes.flatMap((lane) => [...lane.model]).toSorted(([a], [b]) => byBytes(a, b))
      const keys = wanted.map(([key]) => key)
      for (const cache of [...caches, ...near]) {
        await until(
          async () => isDeepStrictEqual(await allKeys(cache), keys),
          'what has expired is gone, and nothing else',
        )
        expect(await cache.getMany(keys)).toEqual(wanted.map(([, { value }]) => value))
        for (const lane of lanes)
          for (const tag of lane.tags) expect(await taggedBy(cache, tag)).toEqual(lane.tagged(tag))
      }

      /** Makes the next round of upkeep look at all names, as after many evictions. */
      async function sweepAgain(): Promise<void> {
        const sweeps = servers().tags.map((tag) => `${where.keyPrefix}:sweep${tag}`)
        await Promise.all(sweeps.map((name) => servers().client().hset(name, 'evicted', '-1000')))
      }
    },
  )
})

/** One that does one thing after the other below a key of its own, each by any of the caches, and knows what must come of it. */
class Lane {
  readonly name: string
  readonly tags: readonly string[]
  /** By full key. */
  readonly model = new Map<string, { value: unknown; tags: readonly string[] }>()
  readonly #caches: readonly KeyedCache[]
  readonly #near: readonly KeyedCache[]
  #state: number
  #steps = 0

  constructor(caches: readonly KeyedCache[], near: readonly KeyedCache[], number: number) {
    this.#caches = caches
    this.#near = near
    this.name = `lane${number}`
    this.tags = ['red', 'green', 'blue'].map((color) => `${this.name} ${color}`)
    this.#state = seed + number * 7919
  }

  async step(): Promise<{ name: string; got: unknown; wanted: unknown }> {
    this.#steps++
    const [name, operation] = this.#pick(Object.entries(this.#operations))
    return { name, ...(await operation(this.#pick(this.#caches), this.#key())) }
  }

  tagged(tag: string): string[] {
    const keys = Array.from(this.model).flatMap(([key, { tags }]) => (tags.includes(tag) ? [key] : []))
    return keys.toSorted(byBytes)
  }

  readonly #operations: Record<string, (cache: KeyedCache, key: string) => Promise<{ got: unknown; wanted: unknown }>> =
    {
      set: async (cache, key) => {
        const [value, tags] = [this.#value(), this.#someTags()]
        const got = await cache.set(key, value, { tags, ttl: this.#pick([60, Infinity]), grace: this.#pick([0, 60]) })
        this.model.set(key, { value, tags })
        return { got, wanted: true }
      },
      'set by one with a near tier': async (_cache, key) => {
        const [value, tags] = [this.#value(), this.#someTags()]
        const got = await this.#pick(this.#near).set(key, value, { tags })
        this.model.set(key, { value, tags })
        return { got, wanted: true }
      },
      'set for some milliseconds': async (cache) => {
        const key = cache.key('short', this.name, this.#steps % 50)
        const begunMs = performance.now()
        const got = await cache.set(key, 1, { ttl: '300ms', tags: this.#someTags() })
        // A busy machine may bring it to Redis after its end: then it is not stored.
        return { got, wanted: got || performance.now() - begunMs < 100 }
      },
      get: async (cache, key) => ({ got: await cache.get(key, { default: 'nothing' }), wanted: this.#valueOf(key) }),
      getMany: async (cache, key) => {
        const keys = [key, this.#key(), this.#key()]
        const got = await cache.getMany(keys, { default: 'nothing' })
        return { got, wanted: keys.map((each) => this.#valueOf(each)) }
      },
      getOrSet: async (cache, key) => {
        const [value, tags, known] = [this.#value(), this.#someTags(), this.model.get(key)]
        const got = await cache.getOrSet(key, () => value, { tags })
        if (known === undefined) this.model.set(key, { value, tags })
        return { got, wanted: known === undefined ? value : known.value }
      },
      'getOrSet by many': async (_cache, key) => {
        const [value, tags, known] = [this.#value(), this.#someTags(), this.model.get(key)]
        let computed = 0
        const factory = (): unknown => {
          computed++
          return value
        }
        const got = await Promise.all(this.#caches.map((cache) => cache.getOrSet(key, factory, { tags })))
        if (known === undefined) this.model.set(key, { value, tags })
        const wanted = known === undefined ? value : known.value
        return { got: [computed, ...got], wanted: [known === undefined ? 1 : 0, ...this.#caches.map(() => wanted)] }
      },
      'delete while it is computed': async (cache, key) => {
        const another = this.#pick(this.#caches)
        await another.getOrSet(
          key,
          async () => {
            await cache.delete(key)
            return 'void'
          },
          { refresh: true },
        )
        this.model.delete(key)
        return { got: await cache.has(key), wanted: false }
      },
      delete: async (cache, key) => ({
        got: await cache.delete(key),
        wanted: this.model.delete(key) ? [key] : [],
      }),
      'delete with children': async (cache, key) => {
        const wanted = this.#below(key)
        const got = (await cache.delete(key, { children: true })).toSorted(byBytes)
        for (const each of wanted) this.model.delete(each)
        return { got, wanted }
      },
      deleteTag: async (cache) => {
        const tag = this.#pick(this.tags)
        const wanted = this.tagged(tag)
        const got = await cache.deleteTag(tag)
        for (const each of wanted) this.model.delete(each)
        return { got: got.filter((key) => !key.startsWith('short::')).toSorted(byBytes), wanted }
      },
      keys: async (cache, key) => {
        const wanted = this.#below(key)
        const { keys, total } = await cache.keys(key, { limit: 1000 })
        return { got: [keys, total], wanted: [wanted, wanted.length] }
      },
      count: async (cache, key) => ({ got: await cache.count(key), wanted: this.#below(key).length }),
    }

  #valueOf(key: string): unknown {
    const known = this.model.get(key)
    return known === undefined ? 'nothing' : known.value
  }

  #below(key: string): string[] {
    return [...this.model.keys()].filter((each) => each === key || each.startsWith(`${key}::`)).toSorted(byBytes)
  }

  #key(): string {
    const parts = Array.from({ length: 1 + Math.floor(3 * this.#random()) }, () => this.#pick(PARTS))
    return (this.#caches[0] as KeyedCache).key(this.name, ...parts)
  }

  #value(): unknown {
    return this.#pick([this.#steps, `text ${this.#steps}`, 'long '.repeat(100), null, undefined, 12n, new Date(0)])
  }

  #someTags(): string[] {
    return this.#random() < 0.5 ? [] : [...new Set([this.#pick(this.tags), this.#pick(this.tags)])]
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(list.length * this.#random())] as T
  }

  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return this.#state / 2 ** 32
  }
}

async function allKeys(cache: KeyedCache): Promise<string[]> {
  const all: string[] = []
  for (let after: string | undefined; ;) {
    const { keys, next } = await cache.keys(undefined, { after, limit: 1000 })
    all.push(...keys)
    if (next === undefined) return all
    after = next
  }
}

async function taggedBy(cache: KeyedCache, tag: string): Promise<string[]> {
  return (await cache.tagged(tag, { limit: 1000 })).keys.toSorted(byBytes)
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function show(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each)) ?? 'undefined'
}
