import { afterEach, describe, expect, test } from 'vitest'
import type { Store, Write } from '../../src/contract/store.js'
import { atMostMs } from '../support/fault-row.js'
import { readAllBytes, readBytes } from '../support/read-bytes.js'
import { until } from '../support/until.js'

const HOUR_MS = 3_600_000

/** Checks every promise of the `Store` interface. `make` gives an empty store; it is closed when the test ends. */
export function describeStore(name: string, make: () => Store | Promise<Store>): void {
  const opened: Store[] = []

  async function open(keys: readonly string[] = []): Promise<Store> {
    const store = await make()
    opened.push(store)
    await store.count(undefined)
    await put(store, keys)
    return store
  }

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()))
  })

  describe(`${name} reads and writes`, () => {
    test('nothing under a key that was never written', async () => {
      const store = await open()
      expect(await readBytes(store, 'a')).toBeUndefined()
      expect(await store.peek('a')).toBeUndefined()
      expect(await readAllBytes(store, ['a', 'b'])).toEqual([undefined, undefined])
    })

    test('the bytes that were written, whatever they are', async () => {
      const store = await open()
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
      expect(await store.write([write(store, 'a', { bytes })])).toEqual([true])
      expect(await store.write([write(store, 'empty', { bytes: Buffer.alloc(0) })])).toEqual([true])
      expect(await readBytes(store, 'a')).toEqual(bytes)
      expect(await store.peek('a')).toEqual(bytes)
      expect(await readBytes(store, 'empty')).toEqual(Buffer.alloc(0))
    })

    test('to each of many readers what it makes of the bytes: a value, a promise or an error of its own', async () => {
      const store = await open(['a'])
      const keys = ['a', ...numbered('nothing', 100), 'a']
      const read = (key: string, found: (text: string) => unknown): Promise<unknown> =>
        store.read(key, (bytes) => found(`${key}: ${String(bytes)}`))
      const values = keys.map((key) => read(key, (found) => found))
      const allOf = keys.map((key) => read(key, async (found) => found))
      const refused = keys.map((key) =>
        read(key, (found) => {
          throw new Error(found)
        }),
      )
      const all = keys.map((key) => `${key}: ${key === 'a' ? 'a' : undefined}`)
      expect(await Promise.allSettled([...values, ...allOf, ...refused])).toEqual([
        ...[...all, ...all].map((value) => ({ status: 'fulfilled', value })),
        ...all.map((message) => ({ status: 'rejected', reason: new Error(message) })),
      ])
    })

    test('many keys at once in their order, also twice the same and none at all', async () => {
      const store = await open(['a', 'b'])
      expect(text(await readAllBytes(store, ['b', 'nothing', 'a', 'b']))).toEqual(['b', undefined, 'a', 'b'])
      expect(await readAllBytes(store, [])).toEqual([])
      expect(await store.write([])).toEqual([])
      expect(await store.remove([])).toEqual([])
    })

    test('the last of several writes to one key, in one call too, and counts it once', async () => {
      const store = await open(['a'])
      const again = (value: string): Write => write(store, 'a', { bytes: Buffer.from(value) })
      expect(await store.write([again('second'), again('third')])).toEqual([true, true])
      expect(text([await readBytes(store, 'a')])).toEqual(['third'])
      expect(await store.count(undefined)).toBe(1)
    })

    test('more entries in one call than one step takes', async () => {
      const store = await open()
      const keys = numbered('k', 1201)
      expect(await store.write(keys.map((key) => write(store, key)))).toEqual(keys.map(() => true))
      expect(text(await readAllBytes(store, keys))).toEqual(keys)
      expect(await store.count(undefined)).toBe(1201)
    })

    test('keys with hostile text, each as one key', async () => {
      const keys = ['%', 'a b', 'a\u0000b', 'a\r\nb', '%3A', '*', '[a]', '?', '🔑::\uffff', '__proto__', 'constructor']
      const store = await open(keys)
      expect(text(await readAllBytes(store, keys))).toEqual(keys)
      expect((await store.list(undefined, undefined, 1000)).keys).toEqual(byBytes(keys))
      expect(await store.remove(['*'])).toEqual(['*'])
      expect(await store.count(undefined)).toBe(keys.length - 1)
    })

    test('an entry that has expired is not stored, and takes the older one with it', async () => {
      const store = await open(['a', 'a::b'])
      const stored = await store.write([
        write(store, 'a', { expiresAt: store.now() - 1000 }),
        write(store, 'c'),
        write(store, 'd', { expiresAt: store.now() - 1000 }),
      ])
      expect(stored).toEqual([false, true, false])
      expect(text(await readAllBytes(store, ['a', 'c', 'd']))).toEqual([undefined, 'c', undefined])
      expect((await store.list(undefined, undefined, 10)).keys).toEqual(['a::b', 'c'])
    })
  })

  describe(`${name} lets entries expire`, () => {
    test('to the reader, in lists, in counts, and to who removes them', async () => {
      const store = await open(['p', 'p::stays'])
      const expiresAt = store.now() + 300
      await store.write([write(store, 'p::goes', { expiresAt }), write(store, 'p::goes::below', { expiresAt })])
      expect((await store.list('p', undefined, 10)).keys).toEqual(['p', 'p::goes', 'p::goes::below', 'p::stays'])
      await until(async () => (await readBytes(store, 'p::goes')) === undefined, 'the entry has expired')
      expect(store.now()).toBeGreaterThan(expiresAt - 5)
      expect(await store.peek('p::goes')).toBeUndefined()
      expect(await readAllBytes(store, ['p::goes', 'p::stays'])).toEqual([undefined, Buffer.from('p::stays')])
      await until(async () => (await store.count('p')) === 2, 'it has left the index')
      expect((await store.list('p', undefined, 10)).keys).toEqual(['p', 'p::stays'])
      expect((await store.children('p', undefined, 10)).children.map(({ key }) => key)).toEqual(['p::stays'])
      expect(await store.remove(['p::goes'])).toEqual([])
      expect(byBytes(await store.removeTree('p'))).toEqual(['p', 'p::stays'])
    })

    test('when removed before they are listed, not as something that was there', async () => {
      const store = await open(['q'])
      await store.write([write(store, 'p::goes', { expiresAt: store.now() + 100 })])
      await until(async () => (await store.peek('p::goes')) === undefined, 'the entry has expired')
      expect(await store.removeTree('p')).toEqual([])
      expect(await store.clear()).toBe(1)
    })

    test('at the time of the last write to the key', async () => {
      const store = await open()
      const soon = (): number => store.now() + 200
      await store.write([
        write(store, 'longer', { expiresAt: soon() }),
        write(store, 'shorter', { expiresAt: Infinity }),
      ])
      await store.write([
        write(store, 'longer', { expiresAt: Infinity }),
        write(store, 'shorter', { expiresAt: soon() }),
      ])
      await until(async () => (await readBytes(store, 'shorter')) === undefined, 'the shortened one has expired')
      await until(async () => (await store.count(undefined)) === 1, 'it has left the index')
      expect(text([await readBytes(store, 'longer')])).toEqual(['longer'])
      expect((await store.list(undefined, undefined, 10)).keys).toEqual(['longer'])
    })

    test('after years as exactly as after minutes', async () => {
      const store = await open()
      const tenYears = store.now() + 10 * 365 * 24 * HOUR_MS
      await store.write([write(store, 'a', { expiresAt: tenYears }), write(store, 'b', { expiresAt: Infinity })])
      expect(text(await readAllBytes(store, ['a', 'b']))).toEqual(['a', 'b'])
      expect(await store.count(undefined)).toBe(2)
    })
  })

  describe(`${name} removes`, () => {
    test('exactly the keys named, and says which were there', async () => {
      const store = await open(['a', 'a::b', 'ab', 'b'])
      expect(await store.remove(['a', 'nothing', 'b', 'b'])).toEqual(['a', 'b'])
      expect((await store.list(undefined, undefined, 10)).keys).toEqual(['a::b', 'ab'])
      expect(await readBytes(store, 'a')).toBeUndefined()
      const many = numbered('k', 1201)
      await put(store, many)
      expect(await store.remove(many)).toEqual(many)
      expect(await store.count(undefined)).toBe(2)
    })

    test('a key and everything below it, and nothing beside it', async () => {
      const beside = ['product', 'product::10', 'product::1%3A', 'product::1 ', 'product::0', 'product::2::1', 'produc']
      const tree = ['product::1', 'product::1::a', 'product::1::a::b', 'product::1::%', 'product::1::🔑']
      const store = await open([...beside, ...tree])
      expect(byBytes(await store.removeTree('product::1'))).toEqual(byBytes(tree))
      expect((await store.list(undefined, undefined, 100)).keys).toEqual(byBytes(beside))
      expect(text(await readAllBytes(store, tree))).toEqual(tree.map(() => undefined))
      expect(await store.removeTree('product::1')).toEqual([])
    })

    test('what is below a key that is none itself', async () => {
      const store = await open(['p::1', 'p::2::x', 'q'])
      expect(byBytes(await store.removeTree('p'))).toEqual(['p::1', 'p::2::x'])
      expect(await store.count(undefined)).toBe(1)
    })

    test('a tree larger than one step', async () => {
      const keys = numbered('p', 1700)
      const store = await open([...keys, 'p', 'q'])
      expect(byBytes(await store.removeTree('p'))).toEqual(byBytes(['p', ...keys]))
      expect((await store.list(undefined, undefined, 10)).keys).toEqual(['q'])
    })

    test('a tree to the end while keys are written into it', async () => {
      const before = numbered('p', 1500)
      const store = await open(before)
      let removing = true
      const writing = (async () => {
        // eslint-disable-next-line no-await-in-loop -- one after the other, for as long as the removal takes
        for (let i = 0; removing; i++) await put(store, numbered(`p::${i % 10}new${i}`, 20))
      })()
      const removed = await store.removeTree('p')
      removing = false
      await writing
      expect(removed).toEqual(expect.arrayContaining(before))
    })

    test('everything, and says how much that was', async () => {
      const store = await open([...numbered('p', 1200), 'a', '%', 'z'])
      expect(await store.clear()).toBe(1203)
      expect(await store.count(undefined)).toBe(0)
      expect(await store.list(undefined, undefined, 10)).toEqual({ keys: [], next: undefined, total: 0 })
      expect(await readBytes(store, 'a')).toBeUndefined()
      expect(await store.clear()).toBe(0)
      await put(store, ['a'])
      expect(text([await readBytes(store, 'a')])).toEqual(['a'])
    })
  })

  describe(`${name} lists`, () => {
    const KEYS = [
      'p',
      'p::1',
      'p::10',
      'p::1::x',
      'p::1::y',
      'p::2::x',
      'p::2::y::z',
      'p:',
      'pp',
      'é',
      '語',
      '🔑',
      '\uffff',
    ]

    test('a key and what is below it in the order of UTF-8 bytes, page by page, with the same total on each', async () => {
      const store = await open(KEYS)
      const all = ['p', 'p::1', 'p::10', 'p::1::x', 'p::1::y', 'p::2::x', 'p::2::y::z']
      expect(await store.list('p', undefined, 7)).toEqual({ keys: all, next: undefined, total: 7 })
      expect(await store.list('p', undefined, 3)).toEqual({ keys: all.slice(0, 3), next: 'p::10', total: 7 })
      expect(await store.list('p', 'p::10', 3)).toEqual({ keys: all.slice(3, 6), next: 'p::2::x', total: 7 })
      expect(await store.list('p', 'p::2::x', 3)).toEqual({ keys: all.slice(6), next: undefined, total: 7 })
      expect(await store.list('p', 'p', 1)).toEqual({ keys: ['p::1'], next: 'p::1', total: 7 })
      expect((await store.list(undefined, undefined, 100)).keys).toEqual(byBytes(KEYS))
      expect((await store.list(undefined, 'pp', 100)).keys).toEqual(['é', '語', '\uffff', '🔑'])
    })

    test('from any place that `after` names, also one where no key is', async () => {
      const store = await open(KEYS)
      expect((await store.list('p', '', 2)).keys).toEqual(['p', 'p::1'])
      expect((await store.list('p', 'a', 2)).keys).toEqual(['p', 'p::1'])
      expect((await store.list('p', 'p::1::xx', 2)).keys).toEqual(['p::1::y', 'p::2::x'])
      expect(await store.list('p', 'q', 2)).toEqual({ keys: [], next: undefined, total: 7 })
      expect(await store.list('nothing', undefined, 2)).toEqual({ keys: [], next: undefined, total: 0 })
    })

    test('one level, each child once, with the number of keys below it', async () => {
      const store = await open(KEYS)
      const one = { segment: '1', key: 'p::1', isKey: true, count: 2 }
      const ten = { segment: '10', key: 'p::10', isKey: true, count: 0 }
      const two = { segment: '2', key: 'p::2', isKey: false, count: 2 }
      expect(await store.children('p', undefined, 10)).toEqual({ children: [one, ten, two], next: undefined })
      const first = await store.children('p', undefined, 1)
      expect(first).toEqual({ children: [one], next: expect.any(String) })
      const second = await store.children('p', first.next, 1)
      expect(second.children).toEqual([ten])
      expect(await store.children('p', second.next, 1)).toEqual({ children: [two], next: undefined })
      const top = await store.children(undefined, undefined, 10)
      expect(top.children.map(({ key }) => key)).toEqual(byBytes(['p', 'p:', 'pp', 'é', '語', '🔑', '\uffff']))
      expect(top.children[0]).toEqual({ segment: 'p', key: 'p', isKey: true, count: 6 })
    })

    test('one level with more children than one step takes', async () => {
      const store = await open(numbered('p', 333).flatMap((key) => [`${key}::a`, `${key}::b`]))
      const { children, next } = await store.children('p', undefined, 1000)
      expect(children).toHaveLength(333)
      expect(next).toBeUndefined()
      expect(children.every(({ isKey, count }) => !isKey && count === 2)).toBe(true)
      expect((await store.children('p', undefined, 250)).next).toBeDefined()
    })

    test.each(['', 'a', 'a::', 'p', 'p::', 'o::x::', '::'])(
      'no child from outside, whatever `after` is: %j',
      async (after) => {
        const store = await open(['a', 'b::c', 'o::y', 'p::1', 'p::2', 'q'])
        const { children } = await store.children('p', after, 10)
        for (const child of children) expect(child.key.startsWith('p::')).toBe(true)
      },
    )

    test.each(['q', 'q::', '\uffff'])('no child behind the last: %j', async (after) => {
      const store = await open(['p::1', 'p::2', 'r'])
      expect(await store.children('p', after, 10)).toEqual({ children: [], next: undefined })
    })

    test('counts', async () => {
      const store = await open(KEYS)
      expect(await store.count(undefined)).toBe(KEYS.length)
      expect(await store.count('p')).toBe(7)
      expect(await store.count('p::1')).toBe(3)
      expect(await store.count('p::2')).toBe(2)
      expect(await store.count('nothing')).toBe(0)
    })

    test('no probe', async () => {
      const store = await open(['a'])
      await store.probe()
      await store.probe()
      expect(await store.count(undefined)).toBe(1)
      expect((await store.list(undefined, undefined, 10)).keys).toEqual(['a'])
      expect((await store.children(undefined, undefined, 10)).children).toHaveLength(1)
      expect(await store.clear()).toBe(1)
    })
  })

  describe(name, () => {
    test('tells the time in ms since 1970', async () => {
      const store = await open()
      expect(Math.abs(store.now() - Date.now())).toBeLessThan(1000)
    })

    test('says of itself that it answers, and since when', async () => {
      const before = Date.now()
      const store = await open()
      const { kind, up, since, roundTripMs } = store.backend()
      expect(kind).toBe(store.kind)
      expect(up).toBe(true)
      expect(since.getTime()).toBeGreaterThan(before - 1000)
      expect(since.getTime()).toBeLessThanOrEqual(Date.now())
      expect(roundTripMs).toBeGreaterThanOrEqual(0)
    })

    test('closes within 500 ms, once', async () => {
      const store = await open(['a'])
      const before = performance.now()
      await store.close()
      await store.close()
      expect(performance.now() - before).toBeLessThan(atMostMs(500))
    })
  })
}

function write(store: Store, key: string, over: Partial<Write> = {}): Write {
  return { key, bytes: Buffer.from(key), expiresAt: store.now() + HOUR_MS, tags: [], ...over }
}

async function put(store: Store, keys: readonly string[]): Promise<void> {
  await store.write(keys.map((key) => write(store, key)))
}

function numbered(parent: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${parent}::${i}`)
}

function text(bytes: readonly (Buffer | undefined)[]): (string | undefined)[] {
  return bytes.map((each) => each?.toString())
}

function byBytes(keys: readonly string[]): string[] {
  return keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}
