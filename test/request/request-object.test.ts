import { beforeEach, describe, expect, test } from 'vitest'
import type { ServedValue } from '../../src/contract/events/served-value.js'
import type { Cache, GetOrSetOptions, KeyedCache, KeyedcacheOptions } from '../../src/index.js'
import { RequestMemory } from '../../src/request/request-memory.js'
import { describeOnBothStores } from '../support/both-stores.js'
import { inRequest as inRequestOf } from '../support/in-request.js'
import { until } from '../support/until.js'

interface Thing {
  by: string
}

const compute = (): Thing => ({ by: 'factory' })
const computeAll = (missing: readonly unknown[]): Thing[] => missing.map(compute)
const refuse = (): never => {
  throw new Error('nothing is to be computed')
}

/** Takes what is by one of these. */
function by(...names: string[]): NonNullable<GetOrSetOptions<Thing>['schema']> {
  const validate = (value: unknown): { value: Thing } | { issues: { message: string }[] } =>
    names.includes((value as Thing).by) ? { value: value as Thing } : { issues: [{ message: 'by another' }] }
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

const WISHES: [string, GetOrSetOptions<Thing>][] = [
  ['timeout', { timeout: '1s' }],
  ['softTimeout', { softTimeout: '1s' }],
  ['signal', { signal: new AbortController().signal }],
  ['schema', { schema: by('set', 'factory') }],
]

describeOnBothStores('A request has one object for each key', (open) => {
  let cache: KeyedCache

  beforeEach(() => {
    cache = open()
  })

  const inRequest = <T>(work: (own: Cache) => Promise<T>, options: KeyedcacheOptions = {}): Promise<T> =>
    inRequestOf((req) => work(req.cache), { cache, ...options })

  describe.each([true, false])('context: %s', (context) => {
    test.each(WISHES)('what was read answers a getOrSet with %s, and goes on answering', async (_, options) => {
      await cache.set('x', { by: 'set' })
      await inRequest(
        async (own) => {
          const first = await own.get('x')
          expect(await own.getOrSet('x', refuse, options)).toBe(first)
          expect(await own.getOrSetMany(['x'], refuse, options)).toEqual([first])
          expect((await own.getOrSetMany(['x'], refuse, options))[0]).toBe(first)
          expect(await own.get('x')).toBe(first)
        },
        { context },
      )
      expect((await cache.stats()).hitsBy).toEqual({ request: 4, near: 0, store: 1, fallback: 0 })
    })

    test.each(WISHES)('what a getOrSet with %s computed answers all later calls', async (_, options) => {
      await inRequest(
        async (own) => {
          const first = await own.getOrSet('x', compute, options)
          expect(await own.getOrSet('x', refuse, options)).toBe(first)
          expect(await own.getOrSet('x', refuse)).toBe(first)
          expect(await own.get('x')).toBe(first)
          expect((await own.getMany(['x']))[0]).toBe(first)
          expect((await own.getOrSetMany(['x'], refuse))[0]).toBe(first)
        },
        { context },
      )
      const { hitsBy, misses } = await cache.stats()
      expect({ hitsBy, misses }).toEqual({ hitsBy: { request: 5, near: 0, store: 0, fallback: 0 }, misses: 1 })
    })

    test('what getOrSetMany found or computed answers all later calls', async () => {
      await cache.set('x', { by: 'set' })
      await inRequest(
        async (own) => {
          const [x, y] = await own.getOrSetMany(['x', 'y'], computeAll)
          expect([x, y]).toEqual([{ by: 'set' }, { by: 'factory' }])
          expect(await own.getOrSet('x', refuse)).toBe(x)
          expect(await own.getOrSet('y', refuse)).toBe(y)
          expect(await own.get('y')).toBe(y)
        },
        { context },
      )
      expect((await cache.stats()).hitsBy).toEqual({ request: 3, near: 0, store: 1, fallback: 0 })
    })

    const TOGETHER: [string, (own: Cache) => Promise<unknown>[]][] = [
      ['getOrSet and get', (own) => [own.getOrSet('x', compute), own.get('x')]],
      ['get and getOrSet', (own) => [own.get('x'), own.getOrSet('x', compute)]],
      ['getOrSet and getMany', (own) => [own.getOrSet('x', compute), own.getMany(['x']).then(([x]) => x)]],
      ['getOrSetMany and get', (own) => [own.getOrSetMany(['x'], computeAll).then(([x]) => x), own.get('x')]],
      ['get and getOrSet with a timeout', (own) => [own.get('x'), own.getOrSet('x', compute, { timeout: '1s' })]],
    ]
    test.each(TOGETHER)('%s of what is stored, at once', async (_, calls) => {
      await cache.set('x', { by: 'set' })
      await inRequest(
        async (own) => {
          const [first, second] = await Promise.all(calls(own))
          expect(first).toEqual({ by: 'set' })
          expect(second).toBe(first)
          expect(await own.get('x')).toBe(first)
        },
        { context },
      )
    })

    const COMPUTING: [string, (own: Cache) => Promise<unknown>[]][] = [
      ['getOrSetMany and getOrSet', (own) => [own.getOrSetMany(['x'], computeAll), own.getOrSet('x', compute)]],
      ['getOrSet and getOrSetMany', (own) => [own.getOrSet('x', compute), own.getOrSetMany(['x', 'y'], computeAll)]],
      ['two getOrSetMany', (own) => [own.getOrSetMany(['x'], computeAll), own.getOrSetMany(['y', 'x'], computeAll)]],
      ...WISHES.map(([name, wish]): [string, (own: Cache) => Promise<unknown>[]] => [
        `two getOrSet with ${name}, and one without`,
        (own) => [own.getOrSet('x', compute, wish), own.getOrSet('x', compute, wish), own.getOrSet('x', compute)],
      ]),
    ]
    test.each(COMPUTING)('%s of what is missing, at once', async (_, calls) => {
      await inRequest(
        async (own) => {
          const given = (await Promise.all(calls(own))).flat()
          const one = await own.get('x')
          const { computations } = await cache.stats()
          const other = await own.get('y', { default: undefined })
          expect(given.filter((each) => each !== other)).toHaveLength(
            other === undefined ? given.length : given.length - 1,
          )
          for (const each of given.filter((value) => value !== other)) expect(each).toBe(one)
          expect(computations).toBe(other === undefined ? 1 : 2)
        },
        { context },
      )
    })
  })

  test('what a schema does not take makes room for what it takes, which is remembered', async () => {
    await cache.set('x', { by: 'set' })
    await inRequest(async (own) => {
      const first = await own.get('x')
      const [a, b] = await Promise.all([
        own.getOrSet('x', compute, { schema: by('factory') }),
        own.getOrSet('x', compute, { schema: by('factory') }),
      ])
      expect(a).toEqual({ by: 'factory' })
      expect(b).toBe(a)
      expect(await own.get('x')).toBe(a)
      const [c] = await own.getOrSetMany(['x'], () => [{ by: 'another' }], { schema: by('another') })
      expect(c).toEqual({ by: 'another' })
      expect(await own.getOrSet('x', refuse)).toBe(c)
      expect(first).toEqual({ by: 'set' })
    })
    const { misses, computations, hitsBy } = await cache.stats()
    expect({ misses, computations, hitsBy }).toEqual({
      misses: 3,
      computations: 2,
      hitsBy: { request: 2, near: 0, store: 1, fallback: 0 },
    })
  })

  test('what a schema does not take stays remembered where nothing better is computed', async () => {
    await cache.set('x', { by: 'set' })
    await inRequest(async (own) => {
      const first = await own.get('x')
      const failing = own.getOrSet('x', refuse, { schema: by('factory') })
      await expect(failing).rejects.toThrow('nothing is to be computed')
      expect(await own.get('x')).toBe(first)
    })
  })

  test('a call with a schema is not given what it does not take by a call that ran beside it', async () => {
    await cache.set('x', { by: 'set' })
    await inRequest(async (own) => {
      const [computed, read] = await Promise.all([
        own.getOrSet('x', compute, { schema: by('factory') }),
        own.get<Thing>('x'),
      ])
      expect(computed).toEqual({ by: 'factory' })
      expect(read).toEqual({ by: 'set' })
      expect(await own.get('x')).toBe(computed)
    })
  })

  test('a signal that has aborted rejects with its reason, whatever is remembered', async () => {
    await cache.set('x', { by: 'set' })
    await inRequest(async (own) => {
      const signal = AbortSignal.abort(new Error('gone'))
      await expect(own.getOrSet('x', compute, { signal })).rejects.toThrow('gone')
      const first = await own.get('x')
      await expect(own.getOrSet('x', compute, { signal })).rejects.toThrow('gone')
      await expect(own.getOrSetMany(['x'], computeAll, { signal })).rejects.toThrow('gone')
      expect(await own.get('x')).toBe(first)
    })
    const { hits, misses } = await cache.stats()
    expect({ hits, misses }).toEqual({ hits: 2, misses: 3 })
  })

  test.each<[string, object, RegExp]>([
    ['signal', { signal: 5 }, /`signal`.*got 5/],
    ['schema', { schema: 5 }, /`schema`.*got 5/],
    ['refresh', { refresh: 'yes' }, /`refresh`.*got 'yes'/],
  ])('a wrong %s is a TypeError that names it, also where the value is remembered', async (_, options, message) => {
    await cache.set('x', { by: 'set' })
    await inRequest(async (own) => {
      await own.get('x')
      await expect(own.getOrSet('x', compute, options)).rejects.toThrow(message)
      await expect(own.getOrSetMany(['x'], computeAll, options)).rejects.toThrow(message)
    })
  })

  test('refresh gives a new object, and what ran beside it does not bring the old one back', async () => {
    await cache.set('x', { by: 'set' })
    await inRequest(async (own) => {
      const first = await own.get('x')
      const refreshing = own.getOrSet('x', compute, { refresh: true })
      expect(await own.get('x')).toBe(first)
      const second = await refreshing
      expect(second).toEqual({ by: 'factory' })
      expect(await own.get('x')).toBe(second)
      const [third] = await own.getOrSetMany(['x'], computeAll, { refresh: true })
      expect(third).not.toBe(second)
      expect(await own.getOrSet('x', refuse)).toBe(third)
    })
  })

  test('a refresh that fails leaves what was remembered', async () => {
    await cache.set('x', { by: 'set' })
    await inRequest(async (own) => {
      const first = await own.get('x')
      await expect(own.getOrSet('x', refuse, { refresh: true })).rejects.toThrow('nothing is to be computed')
      expect(await own.get('x')).toBe(first)
    })
  })

  test.each([true, false])(
    'a read that runs beside a write does not keep the old value (context: %s)',
    async (context) => {
      const writes: [string, (own: Cache) => Promise<unknown>, unknown][] = [
        ['set', (own) => own.set('x', { by: 'new' }), { by: 'new' }],
        ['setMany', (own) => own.setMany([['x', { by: 'new' }]]), { by: 'new' }],
        ['delete', (own) => own.delete('x'), undefined],
        ['delete of its parent', (own) => own.delete('x', { children: true }), undefined],
      ]
      for (const [name, write, wanted] of writes) {
        // eslint-disable-next-line no-await-in-loop -- one case after the other
        await cache.set('x', { by: 'old' })
        // eslint-disable-next-line no-await-in-loop
        await inRequest(
          async (own) => {
            const before = own.get('x', { default: undefined })
            const writing = write(own)
            const beside = [own.get('x', { default: undefined }), own.getMany(['x'])]
            await writing
            expect(await own.get('x', { default: undefined }), name).toEqual(wanted)
            await Promise.all([before, ...beside])
            expect(await own.get('x', { default: undefined }), name).toEqual(wanted)
          },
          { context },
        )
      }
    },
  )

  test('what getOrSetMany has stored is found while it waits for the rest', async () => {
    await inRequest(async (own) => {
      let give!: (value: number) => void
      const slow = cache.getOrSet('slow', () => new Promise<number>((resolve) => (give = resolve)))
      expect(await own.get('x', { default: 'nothing' })).toBe('nothing')
      const many = own.getOrSetMany(['x', 'slow'], computeAll)
      await until(() => cache.has('x'), 'x is stored')
      const found = await own.get('x')
      expect(found).toEqual({ by: 'factory' })
      give(1)
      await slow
      expect(await many).toEqual([found, 1])
      expect((await many)[0]).toBe(found)
      expect(await own.get('x')).toBe(found)
    })
  })

  test.each([true, false])('what is computed after its caller has left is found (context: %s)', async (context) => {
    await inRequest(
      async (own) => {
        let give!: (value: Thing) => void
        const slow = (): Promise<Thing> => new Promise((resolve) => (give = resolve))
        const patient = cache.getOrSet('x', slow)
        await until(() => give as unknown, 'it is computed')
        expect(await own.get('x', { default: 'nothing' })).toBe('nothing')
        await expect(own.getOrSet('x', compute, { timeout: '5ms' })).rejects.toMatchObject({
          code: 'ERR_CACHE_TIMEOUT',
        })
        give({ by: 'patient' })
        await patient
        expect(await own.get('x')).toEqual({ by: 'patient' })
      },
      { context },
    )
  })

  test.each([true, false])(
    'a computation that a write overtook leaves what was written, and read, remembered (context: %s)',
    async (context) => {
      await inRequest(
        async (own) => {
          let give!: (value: Thing) => void
          const slow = own.getOrSet('x', () => new Promise<Thing>((resolve) => (give = resolve)))
          await until(() => give, 'it is computed')
          await own.set('x', { by: 'set' })
          const written = await own.get('x')
          give({ by: 'factory' })
          expect(await slow).toEqual({ by: 'factory' })
          expect(written).toEqual({ by: 'set' })
          expect(await own.get('x')).toBe(written)
        },
        { context },
      )
    },
  )
})

describe('A call that was under way when its key was forgotten', () => {
  const found = (value: unknown): ServedValue => ({
    value,
    computeMs: 0,
    isComputed: false,
    isStored: true,
    isShared: true,
  })

  test('has what it found for itself, not what was known before', async () => {
    const memory = new RequestMemory()
    const before = memory.at('x')
    const old = found('old')
    let end!: (each: ServedValue) => void
    const late = new Promise<ServedValue>((resolve) => (end = resolve))
    const obtaining = memory.obtain(before, late, () => true)
    const reading = memory.read(before, late)
    expect(await memory.obtain(before, Promise.resolve(old), () => true)).toBe(old)
    memory.forget('x', false)
    const own = found('new')
    end(own)
    expect([await obtaining, await reading]).toEqual([own, own])
    expect(before.found).toBe(old)
    expect(memory.get('x')).toBeUndefined()
  })
})
