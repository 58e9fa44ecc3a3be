import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { cacheKey, segments } from '../../../src/keys/key.js'
import { describeOnBothStores } from '../../support/both-stores.js'
import { sized } from '../../support/size.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = sized(150)

/** Few different parts, so that keys often lie below, beside and just before or behind one another. */
const part = fc.constantFrom(
  '1',
  '10',
  '1:',
  '1;',
  '1/',
  '1:;',
  '1:a',
  '1:9',
  '2',
  'a',
  '',
  ':',
  '::',
  '%',
  '%3A',
  '#',
  ' ',
  '\n',
  '\u0000',
  '*',
  '[a-z]',
  'é',
  '\uffff',
  '🔑',
)
const list = fc.array(part, { minLength: 1, maxLength: 4 })
const key = list.map((parts) => cacheKey(...parts))
const keySet = fc.uniqueArray(key, { minLength: 0, maxLength: 60 })
/** Keys, and one that is often among them or above some of them. */
const keysAndTarget = fc.tuple(keySet, key, fc.nat(), fc.nat(3)).map(([keys, other, which, depth]) => {
  const chosen = keys[which % (keys.length + 5)]
  return {
    keys,
    target:
      chosen === undefined
        ? other
        : segments(chosen)
            .slice(0, depth + 1)
            .join('::'),
  }
})

describeOnBothStores(`Any set of keys (SEED=${seed})`, (open) => {
  test('loses by a delete with children exactly the key and those whose segments begin with its own', async () => {
    const cache = open()
    await fc.assert(
      fc.asyncProperty(keysAndTarget, async ({ keys, target }) => {
        await fill(cache, keys)
        const gone = keys.filter((each) => each === target || isBelow(each, target))
        const kept = keys.filter((each) => !gone.includes(each))
        expect(byBytes(await cache.delete(target, { children: true }))).toEqual(byBytes(gone))
        expect(await allKeys(cache, undefined, 1000)).toEqual(byBytes(kept))
        const values = await cache.getMany(keys)
        expect(values).toEqual(keys.map((each) => (gone.includes(each) ? undefined : each)))
      }),
      { seed, numRuns: RUNS },
    )
  })

  test('loses by a delete of one key exactly that key', async () => {
    const cache = open()
    await fc.assert(
      fc.asyncProperty(keysAndTarget, async ({ keys, target }) => {
        await fill(cache, keys)
        expect(await cache.delete(target)).toEqual(keys.includes(target) ? [target] : [])
        expect(await allKeys(cache, undefined, 1000)).toEqual(byBytes(keys.filter((each) => each !== target)))
      }),
      { seed, numRuns: RUNS },
    )
  })

  test('is listed below any key, page by page, in the order of UTF-8 bytes', async () => {
    const cache = open()
    await fc.assert(
      fc.asyncProperty(
        keysAndTarget,
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        async ({ keys, target }, all, limit) => {
          await fill(cache, keys)
          const under = all ? undefined : target
          const expected = byBytes(keys.filter((each) => all || each === target || isBelow(each, target)))
          expect(await allKeys(cache, under, limit)).toEqual(expected)
          expect(await cache.count(under)).toBe(expected.length)
        },
      ),
      { seed, numRuns: RUNS },
    )
  })

  test('shows on each level each child once, with the number of keys below it', async () => {
    const cache = open()
    await fc.assert(
      fc.asyncProperty(
        keysAndTarget,
        fc.boolean(),
        fc.integer({ min: 1, max: 12 }),
        async ({ keys, target }, top, limit) => {
          await fill(cache, keys)
          const under = top ? undefined : target
          expect(await allChildren(cache, under, limit)).toEqual(childrenOf(keys, under))
        },
      ),
      { seed, numRuns: RUNS },
    )
  })

  test('is counted as it was when cleared', async () => {
    const cache = open()
    await fc.assert(
      fc.asyncProperty(keySet, async (keys) => {
        await fill(cache, keys)
        expect(await cache.clear()).toBe(keys.length)
        expect(await cache.count()).toBe(0)
      }),
      { seed, numRuns: 30 },
    )
  })
})

async function fill(cache: KeyedCache, keys: readonly string[]): Promise<void> {
  await cache.clear()
  expect(await cache.setMany(keys.map((each) => [each, each]))).toBe(true)
}

async function allKeys(cache: KeyedCache, under: string | undefined, limit: number): Promise<string[]> {
  const keys: string[] = []
  const expected = await cache.count(under)
  let after: string | undefined
  do {
    // eslint-disable-next-line no-await-in-loop -- each page says where the next begins
    const page = await cache.keys(under, { limit, after })
    expect(page.total).toBe(expected)
    expect(page.keys.length).toBe(page.next === undefined ? page.keys.length : limit)
    keys.push(...page.keys)
    after = page.next
  } while (after !== undefined)
  return keys
}

async function allChildren(cache: KeyedCache, under: string | undefined, limit: number): Promise<unknown[]> {
  const children: unknown[] = []
  let after: string | undefined
  do {
    // eslint-disable-next-line no-await-in-loop -- each page says where the next begins
    const page = await cache.children(under, { limit, after })
    if (page.next !== undefined) expect(page.children).toHaveLength(limit)
    children.push(...page.children)
    after = page.next
  } while (after !== undefined)
  return children
}

/** What `children` promises, by looking at every key. A child stands where the first of its keys stands. */
function childrenOf(keys: readonly string[], under: string | undefined): unknown[] {
  const depth = under === undefined ? 0 : segments(under).length
  const below = byBytes(keys.filter((each) => under === undefined || isBelow(each, under)))
  const names = new Set(
    below.map((each) =>
      segments(each)
        .slice(0, depth + 1)
        .join('::'),
    ),
  )
  return Array.from(names, (name) => ({
    segment: segments(name).at(-1),
    key: name,
    isKey: keys.includes(name),
    count: below.filter((each) => isBelow(each, name)).length,
  }))
}

function isBelow(each: string, parent: string): boolean {
  const [inner, outer] = [segments(each), segments(parent)]
  return inner.length > outer.length && outer.every((segment, i) => segment === inner[i])
}

function byBytes(keys: readonly string[]): string[] {
  return keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}
