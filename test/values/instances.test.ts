import { expect, test } from 'vitest'
import { createKeyedCache, type Serializer } from '../../src/index.js'
import { describeOnBothStores } from '../support/both-stores.js'
import { codeBlocks } from '../support/code-blocks.js'
import { warningsDuring } from '../support/warnings.js'

/** As decimals of libraries are: its state says nothing to others, and JSON asks it. */
class Decimal {
  readonly #text: string
  constructor(text: string) {
    if (!/^-?\d+(\.\d+)?$/.test(text)) throw new TypeError('no decimal')
    this.#text = text
  }
  toJSON(): string {
    return this.#text
  }
}

class Tag {
  readonly word = 'red'
}

class Row {
  readonly id = 1
  readonly tag = new Tag()
  readonly at = new Date(0)
}

/** The serializer of docs/guide.md. */
function recipe(): Serializer {
  const [code = ''] = codeBlocks('docs/guide.md').flatMap((block) =>
    block.code.includes('$decimal') ? block.code : [],
  )
  const body = code.replaceAll(/^import .*$/gm, '').replace(/^const cache = .*$/m, 'return serializer')
  // eslint-disable-next-line no-implied-eval -- what the documents say is to run
  return new Function('Decimal', body)(Decimal) as Serializer
}

describeOnBothStores('Instances of classes', (open) => {
  test('such as decimals come back by the serializer of docs/guide.md', async () => {
    const cache = open({ serializer: recipe(), near: true })
    const row = { price: new Decimal('1.10'), prices: [new Decimal('-2'), null], at: new Date(0) }
    let runs = 0
    const told = await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      for (let i = 0; i < 2; i++) {
        const found = await cache.getOrSet('row', () => (runs++, row))
        expect(found.price).toBeInstanceOf(Decimal)
        expect(found.prices[0]?.toJSON()).toBe('-2')
        expect(JSON.stringify(found)).toBe(JSON.stringify(row))
      }
    })
    expect([runs, told]).toEqual([1, []])
    expect((await cache.get<typeof row>('row')).at).toBe('1970-01-01T00:00:00.000Z')
    expect([await cache.set('decimal', new Decimal('5')), await cache.get('decimal')]).toEqual([true, new Decimal('5')])
    await cache.set('nothing', undefined)
    expect(await cache.get('nothing')).toBeNull()
  })

  test('that nobody made are not decoded by that serializer', async () => {
    const cache = open({ serializer: recipe() })
    await expect(cache.set('row', { from: JSON.parse('{"$decimal":"1"}') })).rejects.toThrow(/property \$decimal/)
  })

  test('are stored in the ways that their refusal names', async () => {
    const cache = open()
    const rows = { row: new Row(), priced: { price: new Decimal('1.10') } }
    await expect(cache.set('row', rows.row)).rejects.toThrow(/instance of Row.*`structuredClone\(user\)`/)
    await cache.set('row', structuredClone(rows.row))
    expect(await cache.get('row')).toEqual({ id: 1, tag: { word: 'red' }, at: new Date(0) })
    await expect(cache.set('priced', rows.priced)).rejects.toThrow(
      /`JSON.parse\(JSON.stringify\(row\)\)`.*`serializer`/,
    )
    await cache.set('priced', JSON.parse(JSON.stringify(rows.priced)))
    expect(await cache.get('priced')).toEqual({ price: '1.10' })
  })
})

test('Looking for a `toJSON` runs into nothing that throws', async () => {
  class Hostile {
    get toJSON(): never {
      throw new RangeError('looked at')
    }
  }
  await expect(createKeyedCache().set('row', new Hostile())).rejects.toThrow(/instance of Hostile.*CachedObject/)
})
