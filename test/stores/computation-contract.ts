import { afterEach, describe, expect, test } from 'vitest'
import type { Acquired, Attempt, Ended, Store, Write } from '../../src/contract/store.js'
import { readAllBytes, readBytes } from '../support/read-bytes.js'
import { until } from '../support/until.js'

const MINUTE_MS = 60_000

/** Checks what the `Store` interface promises of computations. `make` gives an empty store; it is closed when the test ends. */
export function describeComputations(name: string, make: () => Store | Promise<Store>): void {
  const opened: Store[] = []

  async function open(): Promise<Store> {
    const store = await make()
    opened.push(store)
    await store.count(undefined)
    await until(() => store.hearsEnds, 'the store hears of ends')
    return store
  }

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()))
  })

  describe(`${name} lets one compute a key`, () => {
    test('of all who ask at once', async () => {
      const store = await open()
      const acquired = await Promise.all(Array.from({ length: 50 }, (_, i) => store.acquire(attempt('a', `token${i}`))))
      expect(acquired.filter(({ kind }) => kind === 'leads')).toHaveLength(1)
      for (const each of acquired.filter(({ kind }) => kind !== 'leads')) {
        expect(each).toEqual({ kind: 'follows', leader: 'token0', leftMs: expect.any(Number) })
        expect('leftMs' in each && each.leftMs > 0 && each.leftMs <= MINUTE_MS).toBe(true)
      }
      expect(await store.acquire(attempt('a::b', 'another'))).toEqual({ kind: 'leads' })
    })

    test('and gives an entry that the caller has not seen instead', async () => {
      const store = await open()
      await store.write([entry('a', 'x')])
      const seen = await readBytes(store, 'a')
      expect(await store.acquire(attempt('a', 't1'))).toEqual({ kind: 'value', bytes: entry('a', 'x').bytes })
      await store.write([entry('a', 'y')])
      expect(await store.acquire({ ...attempt('a', 't2'), seen })).toEqual({
        kind: 'value',
        bytes: entry('a', 'y').bytes,
      })
      expect(await store.acquire({ ...attempt('a', 't3'), seen: await readBytes(store, 'a') })).toEqual({
        kind: 'leads',
      })
      await store.write([entry('b', 'x')])
      expect(await store.acquire({ ...attempt('b', 't4'), seen: 'any' })).toEqual({ kind: 'leads' })
    })

    test('until its lease ends; then exactly one other takes over', async () => {
      const store = await open()
      await store.acquire({ ...attempt('a', 'dead'), leaseMs: 150 })
      const next = (await until(async () => {
        const all = await Promise.all(Array.from({ length: 10 }, (_, i) => store.acquire(attempt('a', `t${i}`))))
        return all.some(({ kind }) => kind === 'leads') && all
      }, 'the lease has ended')) as Acquired[]
      expect(next.filter(({ kind }) => kind === 'leads')).toHaveLength(1)
      expect(await store.renew('a', 'dead', MINUTE_MS, [])).toBe(false)
      expect(await store.fill(entry('a', 'x'), 'dead')).toBe(false)
      expect(await store.release('a', 'dead', 'nothing', 0)).toBe(false)
      expect(await readBytes(store, 'a')).toBeUndefined()
      expect(await store.acquire(attempt('a', 'late'))).toMatchObject({ kind: 'follows' })
    })

    test('for as long as it renews its lease', async () => {
      const store = await open()
      await store.acquire({ ...attempt('a', 'holder'), leaseMs: 100 })
      expect(await store.renew('a', 'holder', MINUTE_MS, [])).toBe(true)
      expect(await store.renew('a', 'other', 1, [])).toBe(false)
      expect(await store.renew('nothing', 'holder', 1, [])).toBe(false)
      const acquired = await store.acquire(attempt('a', 'other'))
      expect(acquired).toMatchObject({ kind: 'follows', leader: 'holder' })
      expect('leftMs' in acquired && acquired.leftMs > 1000).toBe(true)
    })

    test('each of its own, where many are asked for at once', async () => {
      const store = await open()
      await store.write([entry('stored', 'x')])
      await store.acquire(attempt('held::🔑', 'holder'))
      await store.acquire(attempt('paused', 'holder'))
      await store.release('paused', 'holder', 'nothing', MINUTE_MS)
      const seen = await readBytes(store, 'stored')
      const acquired = await Promise.all([
        store.acquire(attempt('free', 't1')),
        store.acquire(attempt('stored', 't2')),
        store.acquire({ ...attempt('stored', 't3'), seen }),
        store.acquire(attempt('held::🔑', 't4')),
        store.acquire({ ...attempt('paused', 't5'), patient: true }),
        store.acquire({ ...attempt('free::below', 't6'), process: 'another', leaseMs: 1000 }),
        store.acquire(attempt('free', 't7')),
      ])
      expect(acquired).toEqual([
        { kind: 'leads' },
        { kind: 'value', bytes: entry('stored', 'x').bytes },
        { kind: 'leads' },
        { kind: 'follows', leader: 'holder', leftMs: expect.any(Number) },
        { kind: 'paused', leftMs: expect.any(Number) },
        { kind: 'leads' },
        { kind: 'follows', leader: 't1', leftMs: expect.any(Number) },
      ])
      expect(await store.computations()).toEqual(
        expect.arrayContaining([expect.objectContaining({ key: 'free::below', process: 'another' })]),
      )
      expect(await Promise.all([store.renew('free', 't1', 1000, []), store.renew('stored', 't3', 1000, [])])).toEqual([
        true,
        true,
      ])
    })
  })

  describe(`${name} ends a computation`, () => {
    test('with an entry, stored only for who holds the lease', async () => {
      const store = await open()
      await store.acquire(attempt('a', 'holder'))
      expect(await store.fill(entry('a', 'x'), 'other')).toBe(false)
      expect(await readBytes(store, 'a')).toBeUndefined()
      expect(await store.fill(entry('a', 'x'), 'holder')).toBe(true)
      expect(await readBytes(store, 'a')).toEqual(entry('a', 'x').bytes)
      expect((await store.list(undefined, undefined, 10)).keys).toEqual(['a'])
      expect(await store.fill(entry('a', 'y'), 'holder')).toBe(false)
      expect(await store.acquire({ ...attempt('a', 'next'), seen: 'any' })).toEqual({ kind: 'leads' })
    })

    test('with an entry, each by its own lease and its own tags, where many end at once', async () => {
      const store = await open()
      const ends = [
        entry('free::🔑', 'a'),
        entry('lost', 'b'),
        { ...entry('buried', 'c'), tags: ['gone'] },
        { ...entry('tagged', 'd'), tags: ['kept'] },
        { ...entry('both', 'e'), tags: ['kept', 'gone'] },
        entry('last', 'f'),
      ]
      await Promise.all(ends.map(({ key }) => store.acquire(attempt(key, 'holder'))))
      await Promise.all([store.remove(['lost']), store.removeTag('gone')])
      const filled = await Promise.all(ends.map((each) => store.fill(each, 'holder')))
      expect(filled).toEqual([true, false, false, true, false, true])
      const stored = ends.map(({ bytes }, i) => (filled[i] ? bytes : undefined))
      expect(
        await readAllBytes(
          store,
          ends.map(({ key }) => key),
        ),
      ).toEqual(stored)
      expect((await store.list(undefined, undefined, 10)).keys).toEqual(['free::🔑', 'last', 'tagged'])
      expect(await store.computations()).toEqual([])
    })

    test('with an entry that has expired, which removes what was there, under the same conditions', async () => {
      const store = await open()
      const keys = ['held', 'lost', 'buried', 'held::child']
      await store.write(keys.map((key) => entry(key, 'x')))
      const attempts = keys.slice(0, 3).map((key) => ({ ...attempt(key, 'holder'), seen: 'any' as const }))
      await Promise.all(attempts.map((each) => store.acquire(each)))
      await store.write([entry('lost', 'y')])
      await store.removeTag('t')
      const filled = await Promise.all([
        store.fill(expired('held'), 'holder'),
        store.fill(expired('lost'), 'holder'),
        store.fill({ ...expired('buried'), tags: ['t'] }, 'holder'),
      ])
      expect(filled).toEqual([true, false, false])
      expect(await readAllBytes(store, keys)).toEqual([
        undefined,
        entry('lost', 'y').bytes,
        entry('buried', 'x').bytes,
        entry('held::child', 'x').bytes,
      ])
      expect((await store.list(undefined, undefined, 10)).keys).toEqual(['buried', 'held::child', 'lost'])
      expect(await store.computations()).toEqual([])
    })

    test('with an entry also after its lease has ended, if nobody took it', async () => {
      const store = await open()
      await store.acquire({ ...attempt('a', 'holder'), leaseMs: 30 })
      await until(async () => (await store.computations()).length === 0, 'the lease has ended')
      expect(await store.fill(entry('a', 'x'), 'holder')).toBe(true)
      expect(await readBytes(store, 'a')).toEqual(entry('a', 'x').bytes)
    })

    test.each<[string, (store: Store) => Promise<unknown>]>([
      ['a write', (store) => store.write([entry('p::a', 'new')])],
      ['a removal', (store) => store.remove(['p::a'])],
      ['a removal of the tree', (store) => store.removeTree('p')],
      ['a removal of its own tree', (store) => store.removeTree('p::a')],
      ['clearing', (store) => store.clear()],
    ])('by %s, after which its result is not stored', async (_what, end) => {
      const store = await open()
      await store.write([entry('p::a', 'old')])
      await store.acquire({ ...attempt('p::a', 'holder'), seen: 'any' })
      await end(store)
      const after = await readBytes(store, 'p::a')
      expect(await store.fill(entry('p::a', 'computed'), 'holder')).toBe(false)
      expect(await readBytes(store, 'p::a')).toEqual(after)
      expect(await store.renew('p::a', 'holder', MINUTE_MS, [])).toBe(false)
    })

    test('by the removal of a tag that its entry will carry, which it hears when it is renewed', async () => {
      const store = await open()
      const removed: string[] = []
      store.onTagRemoved((tag) => removed.push(tag))
      await until(() => store.hearsEnds, 'the store hears')
      await store.acquire(attempt('a', 'holder'))
      expect(await store.renew('a', 'holder', MINUTE_MS, ['t'])).toBe(true)
      await store.removeTag('t')
      await until(() => removed.includes('t'), 'it is told')
      expect(await store.renew('a', 'holder', MINUTE_MS, ['another'])).toBe(true)
      expect(await store.renew('a', 'holder', MINUTE_MS, ['another', 't'])).toBe(false)
      expect(await store.acquire(attempt('a', 'next'))).toEqual({ kind: 'leads' })
    })

    test('not by the removal of a tag before it began, however short before', async () => {
      const store = await open()
      await store.acquire(attempt('another', 'holder'))
      for (let round = 0; round < 50; round++) {
        await store.removeTag(`t${round}`) // eslint-disable-line no-await-in-loop
        await store.acquire(attempt('a', `holder${round}`)) // eslint-disable-line no-await-in-loop
        const filled = await store.fill(entry('a', 'x', [`t${round}`]), `holder${round}`) // eslint-disable-line no-await-in-loop
        expect(filled).toBe(true)
        await store.remove(['a']) // eslint-disable-line no-await-in-loop
      }
    })

    test('not by what happens to its siblings', async () => {
      const store = await open()
      await store.acquire(attempt('p::1', 'holder'))
      await store.removeTree('p::10')
      await store.removeTree('p::1::x')
      await store.remove(['p'])
      await store.write([entry('p::2', 'x')])
      expect(await store.fill(entry('p::1', 'x'), 'holder')).toBe(true)
    })

    test('without an entry, by who holds the lease, if none of the tags was removed meanwhile', async () => {
      const store = await open()
      await store.acquire(attempt('a', 'holder'))
      await store.removeTag('t')
      expect(await store.release('a', 'holder', 'nothing', MINUTE_MS, ['another', 't'])).toBe(false)
      expect(await store.acquire({ ...attempt('a', 'next'), patient: true })).toEqual({ kind: 'leads' })
      expect(await store.release('a', 'next', 'nothing', MINUTE_MS, ['another'])).toBe(true)
      expect(await store.acquire({ ...attempt('a', 'last'), patient: true })).toMatchObject({ kind: 'paused' })
    })

    test('without an entry, and pauses attempts that are patient', async () => {
      const store = await open()
      await store.acquire(attempt('a', 'holder'))
      expect(await store.release('a', 'other', 'nothing', 0)).toBe(false)
      expect(await store.release('a', 'holder', 'nothing', MINUTE_MS)).toBe(true)
      const patient = await store.acquire({ ...attempt('a', 'patient'), patient: true })
      expect(patient.kind === 'paused' && patient.leftMs > 1000 && patient.leftMs <= MINUTE_MS).toBe(true)
      expect(await store.acquire(attempt('a', 'impatient'))).toEqual({ kind: 'leads' })
      expect(await store.acquire({ ...attempt('a', 'patient'), patient: true })).toMatchObject({ kind: 'follows' })
      await store.release('a', 'impatient', 'nothing', 0)
      expect(await store.acquire({ ...attempt('a', 'patient'), patient: true })).toEqual({ kind: 'leads' })
    })
  })

  describe(`${name} tells who follows`, () => {
    test.each<[Ended, (store: Store, token: string) => Promise<unknown>]>([
      ['filled', (store, token) => store.fill(entry('a', 'x'), token)],
      ['nothing', (store, token) => store.fill(expired('a'), token)],
      ['nothing', (store, token) => store.release('a', token, 'nothing', 0)],
      ['voided', (store, token) => store.release('a', token, 'voided', 0)],
      ['voided', (store) => store.write([entry('a', 'x')])],
      ['voided', (store) => store.remove(['a'])],
      ['voided', (store) => store.removeTree('a')],
      ['voided', (store) => store.clear()],
    ])('of the end, once: %s', async (outcome, end) => {
      const store = await open()
      const heard: [string, Ended][] = []
      store.onEnded((key, ended) => heard.push([key, ended]))
      await store.acquire(attempt('a', 'holder'))
      await store.acquire(attempt('a', 'follower'))
      await end(store, 'holder')
      await until(() => heard.length > 0, 'the end was told')
      // What was told twice would come before the end of a later computation
      await followed(store, 'last')
      await store.release('last', 'holder', 'nothing', 0)
      await until(() => heard.at(-1)?.[0] === 'last', 'the later end was told')
      expect(heard).toEqual([
        ['a', outcome],
        ['last', 'nothing'],
      ])
    })

    test('and the holder of a write or delete, where nobody follows', async () => {
      const store = await open()
      const heard: [string, Ended][] = []
      store.onEnded((key, ended) => heard.push([key, ended]))
      await until(() => store.hearsEnds, 'the store hears')
      for (const [i, end] of [
        () => store.write([entry('k0', 'x')]),
        () => store.remove(['k1']),
        () => store.removeTree('k2'),
        () => store.clear(),
      ].entries()) {
        await store.acquire(attempt(`k${i}`, 'holder')) // eslint-disable-line no-await-in-loop
        await end() // eslint-disable-line no-await-in-loop
      }
      await until(() => heard.length === 4, 'all were told')
      expect(new Map(heard)).toEqual(new Map([0, 1, 2, 3].map((i) => [`k${i}`, 'voided'])))
    })

    test('and nobody of an end by its holder, where nobody follows', async () => {
      const store = await open()
      const heard: string[] = []
      store.onEnded((key) => heard.push(key))
      await store.acquire(attempt('alone', 'holder'))
      await store.acquire({ ...attempt('alone', 'passing'), follows: false })
      await store.fill(entry('alone', 'x'), 'holder')
      await followed(store, 'last')
      await store.fill(entry('last', 'x'), 'holder')
      await until(() => heard.length > 0, 'the other end was told')
      expect(heard).toEqual(['last'])
    })

    test('the holder, when it asks', async () => {
      const store = await open()
      await store.acquire(attempt('a::🔑', 'holder'))
      expect(await store.isFollowed('a::🔑', 'holder')).toBe(false)
      await store.acquire({ ...attempt('a::🔑', 'passing'), follows: false })
      expect(await store.isFollowed('a::🔑', 'holder')).toBe(false)
      await store.acquire(attempt('a::🔑', 'follower'))
      expect(await store.isFollowed('a::🔑', 'holder')).toBe(true)
      expect(await store.isFollowed('a::🔑', 'another')).toBe(false)
      await store.renew('a::🔑', 'holder', MINUTE_MS, [])
      expect(await store.isFollowed('a::🔑', 'holder')).toBe(true)
      await store.release('a::🔑', 'holder', 'nothing', MINUTE_MS)
      expect(await store.isFollowed('a::🔑', 'holder')).toBe(false)
    })

    test('what is stored while another leads, so that they know what comes after', async () => {
      const store = await open()
      await store.acquire(attempt('a', 'first'))
      await store.fill(entry('a', 'x'), 'first')
      await store.acquire({ ...attempt('a', 'second'), seen: 'any' })
      const follows = await store.acquire({ ...attempt('a', 'follower'), seen: 'any' })
      const seen = 'entry' in follows ? follows.entry : undefined
      expect(seen).toBeInstanceOf(Buffer)
      expect(await store.acquire({ ...attempt('a', 'follower'), seen })).toMatchObject({ kind: 'follows' })
      await store.fill(entry('a', 'y'), 'second')
      expect(await store.acquire({ ...attempt('a', 'follower'), seen })).toEqual({
        kind: 'value',
        bytes: entry('a', 'y').bytes,
      })
    })

    async function followed(store: Store, key: string): Promise<void> {
      await store.acquire(attempt(key, 'holder'))
      await store.acquire(attempt(key, 'follower'))
    }
  })

  test(`${name} lists the computations under way`, async () => {
    const store = await open()
    expect(await store.computations()).toEqual([])
    await store.acquire(attempt('p::a b', 'one'))
    await store.acquire(attempt('p::🔑', 'two'))
    await store.acquire(attempt('paused', 'three'))
    await store.release('paused', 'three', 'nothing', MINUTE_MS)
    const computations = await store.computations()
    expect(computations.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
      { key: 'p::a b', process: 'host:1', since: expect.any(Date) },
      { key: 'p::🔑', process: 'host:1', since: expect.any(Date) },
    ])
    expect(Math.abs((computations[0]?.since.getTime() ?? 0) - store.now())).toBeLessThan(5000)
    expect(await store.count(undefined)).toBe(0)
    await store.clear()
    expect(await store.computations()).toEqual([])
  })
}

function attempt(key: string, token: string): Attempt {
  return { key, token, process: 'host:1', leaseMs: MINUTE_MS, seen: undefined, follows: true, patient: false }
}

/** An entry as long as a header at least: stores may tell entries apart by what stands there. */
function entry(key: string, fill: string, tags: readonly string[] = []): Write {
  return { key, bytes: Buffer.alloc(30, fill), expiresAt: Infinity, tags }
}

/** What stands for a value that cannot be kept. */
function expired(key: string): Write {
  return { key, bytes: Buffer.alloc(0), expiresAt: 0, tags: [] }
}
