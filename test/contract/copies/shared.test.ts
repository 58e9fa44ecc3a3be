import { afterEach, describe, expect, test, vi } from 'vitest'
import { shared, SHARED_NAME, type Shared } from '../../../src/contract/copies/shared.js'
import { VERSION } from '../../../src/contract/copies/version.js'
import { warningsDuring } from '../../support/warnings.js'

const place = Symbol.for(SHARED_NAME)
const elsewhere = Symbol.for('keyedcache@999.9')

afterEach(() => {
  put(place, { value: shared })
  Reflect.deleteProperty(globalThis, elsewhere)
})

function put(symbol: symbol, property: PropertyDescriptor): void {
  Object.defineProperty(globalThis, symbol, { configurable: true, ...property })
}

/** What a copy has that is loaded now, and what it tells. */
async function load(): Promise<{ loaded: Shared; told: string[] }> {
  let loaded = shared
  const told = await warningsDuring('KEYEDCACHE_COPIES', async () => {
    vi.resetModules()
    loaded = (await import('../../../src/contract/copies/shared.js')).shared
  })
  return { loaded, told }
}

describe('What copies of one minor version share', () => {
  test('is what the first has made, also for a copy of another patch version', async () => {
    expect(await load()).toEqual({ loaded: shared, told: [] })
    const others = { ...shared, version: `${VERSION}-beta.1` }
    put(place, { value: others })
    expect((await load()).loaded).toBe(others)
  })

  const spoiled: [string, unknown][] = [
    ['version', '999.9.0'],
    ['version', 'no version'],
    ['caches', 'none'],
    ['defaultAlias', 1],
    ['requests', { getStore() {} }],
    ['computations', undefined],
    ['watchedCaches', new Set()],
    ['cachedFunctions', new Map()],
    ['methodsNamedByClass', []],
  ]
  test.each(spoiled)('is left alone with a warning where its `%s` is not what it should be', async (name, value) => {
    put(place, { value: { ...shared, [name]: value } })
    const { loaded, told } = await load()
    expect(loaded[name as keyof Shared]).not.toBe(value)
    expect(told).toEqual([expect.stringContaining(`something else under Symbol.for('${SHARED_NAME}')`)])
  })

  test('is never found by running code of somebody else', async () => {
    const get = vi.fn(() => shared)
    put(place, { get })
    expect((await load()).told).toHaveLength(1)
    expect(get).not.toHaveBeenCalled()
  })
})

describe('A copy of another minor version', () => {
  test('is told of by both versions', async () => {
    Reflect.deleteProperty(globalThis, place)
    put(elsewhere, { value: { version: '999.9.1' } })
    const { loaded, told } = await load()
    expect(loaded).not.toBe(shared)
    expect(told).toEqual([expect.stringContaining(`keyedcache 999.9.1 and ${VERSION} are loaded in one process`)])
  })

  test.each([[null], ['999.9.1'], [{ version: 999 }], [{ version: '1.2.3' }], [{ version: '999.9.1\nwith more' }]])(
    'is not what only has its place: %o',
    async (value) => {
      Reflect.deleteProperty(globalThis, place)
      put(elsewhere, { value })
      expect((await load()).told).toEqual([])
    },
  )
})
