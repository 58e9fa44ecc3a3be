import { expect, test } from 'vitest'
import { describeOnBothStores } from '../support/both-stores.js'
import { warningsDuring } from '../support/warnings.js'

/** Text as `slice(0, 100)` leaves it, within an emoji. */
const CUT = `${'x'.repeat(99)}😀`.slice(0, 100)
const POST = { id: 1, teaser: CUT, [`of ${CUT}`]: new Map([[CUT, [undefined, CUT]]]) }

describeOnBothStores('Text cut within an emoji', (open) => {
  test.each([
    ['as it is', {}],
    ['compressed', { compressAbove: 0 }],
    ['near', { near: true }],
  ])('is stored %s, and computed once', async (_how, options) => {
    const cache = open(options)
    let runs = 0
    const told = await warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
      for (let i = 0; i < 3; i++) expect(await cache.getOrSet(['post', 1], () => (runs++, POST))).toEqual(POST)
    })
    expect([runs, told]).toEqual([1, []])
    expect(await cache.set('teaser', CUT)).toBe(true)
    expect([await cache.get('teaser'), await cache.get('teaser')]).toEqual([CUT, CUT])
    expect(await cache.getMany(['teaser', 'post::1'])).toEqual([CUT, POST])
    expect((await cache.entry('post::1', { value: true }))?.value).toEqual(POST)
  })

  test('has no key, nor is it a name of a tag', async () => {
    const cache = open()
    for (const key of [CUT, [CUT], ['search', [{ q: CUT }]], { [CUT]: 1 }]) {
      await expect(cache.get(key, { default: null })).rejects.toThrow(/without lone surrogates/)
    }
    await expect(cache.set('post', 1, { tags: [CUT] })).rejects.toThrow(TypeError)
  })
})
