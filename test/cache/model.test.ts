import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import type { Cache, KeyedCache } from '../../src/contract/cache.js'
import { describeOnBothStores } from '../support/both-stores.js'
import { row } from '../support/fault-row.js'
import { sized } from '../support/size.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const OPERATIONS = sized(100_000)
const LANES = 40

const PARTS = ['a', 'a:', '1', '10', '*', '', 'é']
const VALUES: readonly unknown[] = [
  0,
  '',
  null,
  undefined,
  'text',
  { a: [1, { b: 2 }] },
  [],
  new Date(0),
  12n,
  new Set([1]),
  NaN,
]

interface Modelled {
  readonly value: unknown
  readonly tags: readonly string[]
}

describeOnBothStores(`${OPERATIONS} random operations (SEED=${seed})`, (open, kind) => {
  test('end as they end on a Map', { timeout: 180_000 }, async () => {
    const cache = open()
    const differences: string[] = []
    const counts: Record<string, number> = {}
    await Promise.all(
      Array.from({ length: LANES }, async (_, number) => {
        const lane = new Lane(cache, number)
        for (let i = 0; i < OPERATIONS / LANES && differences.length === 0; i++) {
          // eslint-disable-next-line no-await-in-loop -- each goes by what those before have done
          const { name, got, wanted } = await lane.step()
          counts[name] = (counts[name] ?? 0) + 1
          if (!isDeepStrictEqual(got, wanted)) {
            differences.push(`lane ${number}, operation ${i}: ${name} gave ${show(got)} instead of ${show(wanted)}`)
          }
        }
      }),
    )
    const done = Object.values(counts).reduce((sum, count) => sum + count, 0)
    row('model', `${done} operations on ${kind}, SEED=${seed}`, `${differences.length} differences`)
    expect(differences).toEqual([])
    expect(done).toBe(OPERATIONS)
    expect(Object.keys(counts)).toHaveLength(15)
  })
})

/** One that does one thing after the other below a key of its own, and knows what must come of it. */
class Lane {
  readonly #root: KeyedCache
  readonly #cache: Cache
  readonly #name: string
  /** By full key. */
  readonly #model = new Map<string, Modelled>()
  #state: number

  constructor(root: KeyedCache, number: number) {
    this.#root = root
    this.#name = `lane${number}`
    this.#cache = root.scope(this.#name)
    this.#state = seed + number * 7919
  }

  async step(): Promise<{ name: string; got: unknown; wanted: unknown }> {
    const [name, operation] = this.#pick(Object.entries(this.#operations))
    const { got, wanted } = await operation()
    return { name, got, wanted }
  }

  readonly #operations: Record<string, () => Promise<{ got: unknown; wanted: unknown }>> = {
    set: async () => {
      const [key, value, tags] = [this.#key(), this.#pick(VALUES), this.#tags()]
      const got = await this.#root.set(key, value, { tags })
      this.#model.set(key, { value, tags })
      return { got, wanted: true }
    },
    'set with ttl 0': async () => {
      const key = this.#key()
      const got = await this.#root.set(key, 1, { ttl: 0 })
      this.#model.delete(key)
      return { got, wanted: true }
    },
    'set through the scope': async () => {
      const parts = this.#parts()
      const got = await this.#cache.set(parts, 'scoped')
      this.#model.set(this.#cache.key(...parts), { value: 'scoped', tags: [] })
      return { got, wanted: true }
    },
    setMany: async () => {
      const [keys, tags] = [[this.#key(), this.#key(), this.#key()], this.#tags()]
      const entries = keys.map((key) => [key, this.#pick(VALUES)] as const)
      const got = await this.#root.setMany(entries, { tags })
      for (const [key, value] of entries) this.#model.set(key, { value, tags })
      return { got, wanted: true }
    },
    get: async () => {
      const key = this.#key()
      return { got: await this.#root.get(key, { default: 'nothing' }), wanted: this.#valueOf(key) }
    },
    getMany: async () => {
      const keys = [this.#key(), this.#key(), this.#key(), this.#key()]
      const got = await this.#root.getMany(keys, { default: 'nothing' })
      return { got, wanted: keys.map((key) => this.#valueOf(key)) }
    },
    has: async () => {
      const key = this.#key()
      return { got: await this.#root.has(key), wanted: this.#model.has(key) }
    },
    getOrSet: async () => {
      const [key, value, tags] = [this.#key(), this.#pick(VALUES), this.#tags()]
      const known = this.#model.get(key)
      const got = await this.#root.getOrSet(key, () => value, { tags })
      if (known === undefined) this.#model.set(key, { value, tags })
      return { got, wanted: known === undefined ? value : known.value }
    },
    getOrSetMany: async () => {
      const [keys, tags] = [[...new Set([this.#key(), this.#key()])], this.#tags()]
      const wanted = keys.map((key) => (this.#model.has(key) ? this.#valueOf(key) : `new ${key}`))
      const compute = (missing: readonly string[]): string[] => missing.map((key) => `new ${key}`)
      const got = await this.#root.getOrSetMany<unknown, string>(keys, compute, { tags })
      for (const key of keys) if (!this.#model.has(key)) this.#model.set(key, { value: `new ${key}`, tags })
      return { got, wanted }
    },
    delete: async () => {
      const key = this.#key()
      const got = await this.#root.delete(key)
      return { got, wanted: this.#model.delete(key) ? [key] : [] }
    },
    'delete with children': async () => {
      const key = this.#key()
      const gone = this.#below(key)
      const got = (await this.#root.delete(key, { children: true })).toSorted(byBytes)
      for (const each of gone) this.#model.delete(each)
      return { got, wanted: gone }
    },
    deleteTag: async () => {
      const tag = this.#tag()
      const gone = this.#tagged(tag)
      const got = (await this.#root.deleteTag(tag)).toSorted(byBytes)
      for (const each of gone) this.#model.delete(each)
      return { got, wanted: gone }
    },
    keys: async () => {
      const key = this.#key()
      const wanted = this.#below(key)
      const page = await this.#root.keys(key, { limit: 1000 })
      return { got: [page.keys, page.total, page.next], wanted: [wanted, wanted.length, undefined] }
    },
    count: async () => {
      const key = this.#key()
      return { got: await this.#root.count(key), wanted: this.#below(key).length }
    },
    entry: async () => {
      const key = this.#key()
      const got = await this.#root.entry(key, { value: true })
      const known = this.#model.get(key)
      return {
        got: got && [got.key, got.value, got.tags.toSorted(byBytes)],
        wanted: known && [key, known.value, known.tags.toSorted(byBytes)],
      }
    },
  }

  #valueOf(key: string): unknown {
    const known = this.#model.get(key)
    return known === undefined ? 'nothing' : known.value
  }

  #below(key: string): string[] {
    return [...this.#model.keys()].filter((each) => each === key || each.startsWith(`${key}::`)).toSorted(byBytes)
  }

  #tagged(tag: string): string[] {
    return Array.from(this.#model)
      .flatMap(([key, { tags }]) => (tags.includes(tag) ? [key] : []))
      .toSorted(byBytes)
  }

  #key(): string {
    return this.#cache.key(...this.#parts())
  }

  #parts(): string[] {
    return Array.from({ length: 1 + Math.floor(3 * this.#random()) }, () => this.#pick(PARTS))
  }

  #tags(): string[] {
    return this.#random() < 0.6 ? [] : [...new Set([this.#tag(), this.#tag()])]
  }

  #tag(): string {
    return `${this.#name} ${this.#pick(['red', 'green', 'blue'])}`
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(list.length * this.#random())] as T
  }

  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return this.#state / 2 ** 32
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function show(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each)) ?? 'undefined'
}
