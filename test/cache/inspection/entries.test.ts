import { expect, test } from 'vitest'
import { describeOnBothStores } from '../../support/both-stores.js'

describeOnBothStores('Many entries', (open) => {
  test('are outlined in order, as each is by itself', async () => {
    const cache = open()
    await cache.set('a', 'x'.repeat(1000), { ttl: 60 })
    await cache.set('b', 1, { ttl: Infinity, tags: ['t'] })
    await cache.getOrSet('c', async () => 2)
    const [a, nothing, b, c] = await cache.entries(['a', 'nothing', ['b'], 'c'])
    expect(nothing).toBeUndefined()
    for (const outline of [a, b, c]) {
      const { tags: _tags, ttl, ...whole } = (await cache.entry(outline?.key ?? '')) ?? { ttl: 0 } // eslint-disable-line no-await-in-loop
      expect(outline).toMatchObject(whole)
      if (ttl === Infinity) expect(outline?.ttl).toBe(Infinity)
      else expect(outline?.ttl).toBeCloseTo(ttl, 0)
    }
  })

  test('are told apart by whether they are stale, and looking at them counts as nothing', async () => {
    const cache = open()
    await cache.set('stale', 1, { ttl: '1ms', grace: 60 })
    await cache.set('fresh', 1)
    await expect
      .poll(async () => (await cache.entries(['stale', 'fresh'])).map((outline) => outline?.stale))
      .toEqual([true, false])
    expect((await cache.stats()).calls).toBe(0)
    expect(await cache.entries([])).toEqual([])
  })
})
