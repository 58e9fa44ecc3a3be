import { expect, test } from 'vitest'
import type { Cache } from '../src/index.js'
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
    ['entry with a wrong value', (c) => c.entry('a', { value: bad('yes') }), /`value`.*'yes'/],
    ['get with an array of options', (c) => c.get('a', bad([])), /options of get.*\[\]/],
    ['set with an array of options', (c) => c.set('a', 1, bad([60])), /options of set.*\[ 60 \]/],
    ['getOrSet with an array of options', (c) => c.getOrSet('a', () => 1, bad([])), /options of getOrSet.*\[\]/],
    ['keys with an array of options', (c) => c.keys('a', bad([])), /options of a listing.*\[\]/],
    ['get with an unknown option', (c) => c.get('a', bad({ ttl: 1 })), /no option `ttl` of get.*default/],
    ['get with the name of what every object has', (c) => c.get('a', bad({ constructor: 1 })), /`constructor`/],
    ['getMany with an unknown option', (c) => c.getMany(['a'], bad({ defaults: 1 })), /`defaults` of getMany.*default/],
    ['set with an unknown option', (c) => c.set('a', 1, bad({ expires: 60 })), /`expires` of set.*ttl, grace, tags/],
    ['set with an option of getOrSet', (c) => c.set('a', 1, bad({ early: true })), /`early` of set.*ttl, grace, tags/],
    ['setMany with an unknown option', (c) => c.setMany([['a', 1]], bad({ TTL: 60 })), /`TTL`.*ttl, grace, tags/],
    ['delete with an unknown option', (c) => c.delete('a', bad({ child: true })), /`child` of delete.*children/],
    ['getOrSet with an unknown option', (c) => c.getOrSet('a', () => 1, bad({ maxAge: 1 })), /`maxAge`.*ttl.*schema/],
    [
      'getOrSetMany with an unknown option',
      (c) => c.getOrSetMany(['a'], () => [1], bad({ maxAge: 1 })),
      /`maxAge`.*ttl/,
    ],
    ['keys with an unknown option', (c) => c.keys('a', bad({ count: 5 })), /`count` of a listing.*after, limit/],
    [
      'children with an unknown option',
      (c) => c.children('a', bad({ count: 5 })),
      /`count` of a listing.*after, limit/,
    ],
    ['entry with an unknown option', (c) => c.entry('a', bad({ values: true })), /`values` of entry.*value/],
    ['tagged with an unknown option', (c) => c.tagged('a', bad({ after: 'x' })), /`after` of a listing.*limit/],
  ])('rejects: %s', async (_what, call, message) => {
    const c = cache()
    let promise: unknown
    expect(() => {
      promise = call(c)
    }).not.toThrow()
    await expect(promise).rejects.toThrow(TypeError)
    await expect(promise).rejects.toThrow(message)
  })

  test.each<[string, (c: Cache) => unknown, RegExp]>([
    ['getOrSet with a wrong ttl', (c) => c.getOrSet('a', () => 1, { ttl: -1 }), /`ttl`.*-1/],
    [
      'getOrSet with a wrong retryAfter',
      (c) => c.getOrSet('a', () => 1, { retryAfter: 'soon' }),
      /`retryAfter`.*'soon'/,
    ],
    ['getOrSet with a wrong timeout', (c) => c.getOrSet('a', () => 1, { timeout: 'soon' }), /`timeout`.*'soon'/],
    ['getOrSet with an unknown option', (c) => c.getOrSet('a', () => 1, bad({ expires: 1 })), /`expires`/],
    ['getOrSetMany with a wrong ttl', (c) => c.getOrSetMany(['a'], () => [1], { ttl: -1 }), /`ttl`.*-1/],
    ['getOrSetMany of nothing', (c) => c.getOrSetMany([], () => [], { ttl: -1 }), /`ttl`.*-1/],
    ['set with a wrong ttl', (c) => c.set('a', 1, { ttl: -1 }), /`ttl`.*-1/],
    ['set with an unknown option', (c) => c.set('a', 1, bad({ expires: 1 })), /`expires`/],
    ['get with an unknown option', (c) => c.get('a', bad({ ttl: 1 })), /`ttl`/],
    ['getMany with wrong options', (c) => c.getMany(['a'], bad(5)), /options of getMany.*5/],
  ])('rejects on a disabled cache and in its scopes too: %s', async (_what, call, message) => {
    const c = cache()
    c.enable(false)
    for (const each of [c, c.scope('x')]) {
      await expect(call(each)).rejects.toThrow(TypeError)
      await expect(call(each)).rejects.toThrow(message)
    }
  })

  test('of no option at all: what inherited names say of an object is not looked at', async () => {
    const given = Object.assign(Object.create({ colour: 'red' }) as object, { ttl: 60 })
    expect(await cache().set('a', 1, given)).toBe(true)
  })

  test.each<[string, (c: ReturnType<typeof open>) => unknown, RegExp]>([
    ['key without parts', (c) => c.key(), /at least one part/],
    ['keyUnder of a wrong part', (c) => c.keyUnder('a', bad(undefined)), /undefined/],
    ['scope without parts', (c) => c.scope(), /at least one part/],
    ['enable with what is no boolean', (c) => c.enable(bad('no')), /true or false.*'no'/],
    ['wrap of no function', (c) => c.wrap(bad('f')), /function.*'f'/],
    [
      'wrap of a key, as other caches take it',
      (c) => bad(c).wrap('product:1', () => 1, 60_000),
      /function.*'product:1'.*`getOrSet\(key, fn, options\)`/,
    ],
    ['wrap of a key of parts', (c) => bad(c).wrap(['product', 1], () => 1), /function.*`getOrSet\(key, fn, options\)`/],
    ['a listener that is none', (c) => c.on('hit', bad('f')), /function.*'f'/],
  ])('throws: %s', (_what, call, message) => {
    expect(() => call(cache())).toThrow(TypeError)
    expect(() => call(cache())).toThrow(message)
  })
})
