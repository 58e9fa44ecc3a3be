import assert from 'node:assert/strict'
import { caches, closeCaches, configure } from 'keyedcache'
import { afterAll, loadAgain, test } from './runner.js'
import * as shop from './shop.js'
import { store } from './store.js'

configure({ caches: { default: store } })

afterAll(() => closeCaches())

test('Modules that are evaluated again find the same default cache, and may have their names again', async () => {
  await caches().clear()
  await shop.priceOf('1')
  await shop.findCustomer('1')
  for (let times = 0; times < 2; times++) {
    const again = await loadAgain()
    assert.notEqual(again.priceOf, shop.priceOf)
    await again.priceOf('1')
    assert.equal((await again.findCustomer('1')).greeting(), 'Hello, Ada')
    assert.deepEqual(again.asked, { products: 0, prices: 0, customers: 0 })
    await again.serving(async (url) => fetch(`${url}/products/${times}`))
  }
  assert.deepEqual((await caches().keys('product')).keys, ['product::0', 'product::1'])
})
