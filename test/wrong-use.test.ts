import { expect, test } from 'vitest'
import { describeOnBothStores } from './support/both-stores.js'

describeOnBothStores('Wrong use', (open) => {
  const cache = (): ReturnType<typeof open> => open()
  /** What the types would refuse. */
  const bad = (value: unknown): any => value

  test.each<[string, (c: ReturnType<typeof open>) => unknown, RegExp]>([
    ['get of an empty key', (c) => c.get(''), /not empty/],
    ['get of no key', (c) => c.get(bad(undefined)), /undefined/],
    ['get of a wrong part', (c) => c.get(['a', NaN]), /part 2.*NaN/],
    ['get with wrong options', (c) => c.get('a', bad('d')), /options of get.*'d'/],
    ['get with null for options', (c) => c.get('a', bad(null)), /options of get.*null/],
    ['getMany of no array', (c) => c.getMany(bad('a')), /array.*'a'/],
    ['getMany of a wrong key', (c) => c.getMany(['a', []]), /at least one part/],
    ['set with a wrong ttl', (c) => c.set('a', 1, { ttl: -1 }), /`ttl`.*-1/],
    ['set with a ttl of NaN', (c) => c.set('a', 1, { ttl: NaN }), /`ttl`.*NaN/],
    ['set with a ttl without unit', (c) => c.set('a', 1, { ttl: '5' }), /`ttl`.*'5'/],
    ['set with a wrong grace', (c) => c.set('a', 1, { grace: '-1s' }), /`grace`.*'-1s'/],
    ['set with wrong tags', (c) => c.set('a', 1, { tags: bad('t') }), /`tags`.*'t'/],
    ['set with an empty tag', (c) => c.set('a', 1, { tags: ['t', ''] }), /tag.*''/],
    ['set with wrong options', (c) => c.set('a', 1, bad(60)), /options.*60/],
    ['setMany of pairs that are none', (c) => c.setMany(bad([5])), /./],
    ['has of a wrong key', (c) => c.has(bad(5)), /5/],
    ['delete of a wrong key', (c) => c.delete({}), /at least one property/],
    ['delete with wrong children', (c) => c.delete('a', { children: bad('yes') }), /`children`.*'yes'/],
    ['getOrSet without a factory', (c) => c.getOrSet('a', bad(undefined)), /factory.*undefined/],
    ['getOrSet with a wrong ttl', (c) => c.getOrSet('a', () => 1, { ttl: bad({}) }), /`ttl`/],
    ['getOrSetMany without a factory', (c) => c.getOrSetMany(['a'], bad(1)), /factory.*1/],
    ['keys with a limit of 0', (c) => c.keys('a', { limit: 0 }), /`limit`.*1 to 1000.*0/],
    ['keys with a limit of 1001', (c) => c.keys('a', { limit: 1001 }), /`limit`.*1001/],
    ['keys with half a limit', (c) => c.keys('a', { limit: 1.5 }), /`limit`.*1\.5/],
    ['children with a wrong after', (c) => c.children('a', { after: bad(5) }), /`after`.*5/],
    ['keys with wrong options', (c) => c.keys('a', bad(null)), /options.*null/],
    ['children with wrong options', (c) => c.children('a', bad(5)), /options.*5/],
    ['count of a wrong key', (c) => c.count(bad(5)), /5/],
    ['entry of a wrong key', (c) => c.entry(''), /not empty/],
    ['entry with wrong options', (c) => c.entry('a', bad(true)), /options of entry.*true/],
  ])('rejects: %s', async (_what, call, message) => {
    const c = cache()
    let promise: unknown
    expect(() => {
      promise = call(c)
    }).not.toThrow()
    await expect(promise).rejects.toThrow(TypeError)
    await expect(promise).rejects.toThrow(message)
  })

  test.each<[string, (c: ReturnType<typeof open>) => unknown, RegExp]>([
    ['key without parts', (c) => c.key(), /at least one part/],
    ['keyUnder of a wrong part', (c) => c.keyUnder('a', bad(undefined)), /undefined/],
    ['scope without parts', (c) => c.scope(), /at least one part/],
    ['enable with what is no boolean', (c) => c.enable(bad('no')), /true or false.*'no'/],
    ['wrap of no function', (c) => c.wrap(bad('f')), /function.*'f'/],
    ['a listener that is none', (c) => c.on('hit', bad('f')), /function.*'f'/],
  ])('throws: %s', (_what, call, message) => {
    expect(() => call(cache())).toThrow(TypeError)
    expect(() => call(cache())).toThrow(message)
  })
})
