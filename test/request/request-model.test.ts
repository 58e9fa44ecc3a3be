import { EventEmitter } from 'node:events'
import type { Request, Response } from 'express'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Cache, type GetOrSetOptions, type KeyedCache, keyedcache } from '../../src/index.js'
import { describeOnBothStores } from '../support/both-stores.js'
import { sized } from '../support/size.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = sized(300)

/** A value, told from all others by its number. */
interface Thing {
  readonly number: number
}

interface Read {
  readonly how: 'get' | 'getMany' | 'getOrSet' | 'getOrSetMany'
  readonly keys: readonly string[]
  readonly wish: GetOrSetOptions<Thing> | undefined
}

interface Write {
  readonly how: 'set' | 'delete' | 'refresh'
  readonly key: string
}

const schema = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value: value as Thing }) },
} as const
const key = fc.constantFrom('a', 'b', 'c')
const read = fc.record<Read>({
  how: fc.constantFrom('get', 'getMany', 'getOrSet', 'getOrSetMany'),
  keys: fc.array(key, { minLength: 1, maxLength: 3 }),
  wish: fc.constantFrom<Read['wish'][]>(
    undefined,
    { timeout: '9s' },
    { softTimeout: '9s' },
    { signal: new AbortController().signal },
    { schema },
  ),
})
const write = fc.record<Write>({ how: fc.constantFrom('set', 'delete', 'refresh'), key })
const step = fc.record({ reads: fc.array(read, { maxLength: 4 }), write: fc.option(write, { nil: undefined }) })

describeOnBothStores(`${RUNS} requests of random calls (SEED=${seed})`, (open) => {
  test('are each given one object for a key, until they write it', { timeout: 120_000 }, async () => {
    const cache = open()
    const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.boolean(), async (steps, context) => {
      await cache.clear()
      await inRequest(cache, context, async (own) => {
        const model = new Model(own)
        // eslint-disable-next-line no-await-in-loop -- each goes by what those before have done
        for (const each of steps) await model.step(each.reads, each.write)
      })
    })
    await fc.assert(property, { seed, numRuns: RUNS })
  })
})

/** A request, and what it is to be given. */
class Model {
  readonly #own: Cache
  /** What is stored, and the object that was first given for it. */
  readonly #stored = new Map<string, { readonly number: number; given: unknown }>()
  #last = 0

  constructor(own: Cache) {
    this.#own = own
  }

  /** All of them at once. A key that is written is not computed beside it, and what is read of it may be old or new. */
  async step(all: readonly Read[], written: Write | undefined): Promise<void> {
    const reads = all.filter(({ how, keys }) => !computes(how) || !keys.includes(written?.key ?? ''))
    const asked = reads.flatMap(({ how, keys }) => (computes(how) ? keys : []))
    const computed = new Set(asked.filter((name) => !this.#stored.has(name)))
    const writing = this.#write(written)
    const given = (await Promise.all(reads.map((each) => this.#read(each)))).flat()
    await writing
    for (const [name, value] of given) {
      if (name === written?.key) continue
      // What is stored by now may have been computed beside a read, which does not wait for it.
      if (value === undefined && computed.has(name)) continue
      if (value !== undefined && computed.has(name) && !this.#stored.has(name)) this.#store(name, value.number)
      const known = this.#stored.get(name)
      if (known !== undefined) known.given ??= value
      expect(value).toBe(known?.given)
      expect(value?.number).toBe(known?.number)
    }
  }

  async #read({ how, keys, wish }: Read): Promise<(readonly [string, Thing | undefined])[]> {
    const [first] = keys as [string]
    const each = (): Thing => ({ number: ++this.#last })
    switch (how) {
      case 'get':
        return [[first, await this.#own.get<Thing | undefined>(first, { default: undefined })]]
      case 'getOrSet':
        return [[first, await this.#own.getOrSet(first, each, wish)]]
      case 'getMany':
        return paired(keys, await this.#own.getMany<Thing>(keys))
      case 'getOrSetMany':
        return paired(keys, await this.#own.getOrSetMany(keys, (missing) => missing.map(each), wish))
    }
  }

  async #write(written: Write | undefined): Promise<void> {
    if (written === undefined) return
    const { how, key: name } = written
    const value: Thing = { number: ++this.#last }
    if (how === 'delete') {
      await this.#own.delete(name)
      this.#stored.delete(name)
    } else if (how === 'set') {
      await this.#own.set(name, value)
      this.#store(name, value.number)
    } else {
      const given = await this.#own.getOrSet(name, () => value, { refresh: true })
      this.#store(name, value.number, given)
    }
  }

  #store(name: string, number: number, given?: unknown): void {
    this.#stored.set(name, { number, given })
  }
}

function computes(how: Read['how']): boolean {
  return how.startsWith('getOr')
}

function paired<T>(keys: readonly string[], values: readonly T[]): (readonly [string, T])[] {
  return keys.map((each, i) => [each, values[i] as T])
}

/** A request through the middleware alone: HTTP would take longer than all the rest. */
async function inRequest(cache: KeyedCache, context: boolean, work: (own: Cache) => Promise<void>): Promise<void> {
  const req = {} as Request
  const res = new EventEmitter() as unknown as Response
  await new Promise<void>((resolve, reject) => {
    void keyedcache({ cache, context })(req, res, () => void work(req.cache).then(resolve, reject))
  })
  res.emit('close')
}
