import assert from 'node:assert/strict'
import { cacheClear, caches, closeCaches, configure } from 'keyedcache'
import { afterAll, beforeEach, test } from './runner.js'
import { asked, Customer, findCustomer, priceOf, serving } from './shop.js'
import { hasRedis, store } from './store.js'

configure({ caches: { default: store } })

beforeEach(async () => {
  await cacheClear()
  Object.assign(asked, { products: 0, prices: 0, customers: 0 })
})
afterAll(() => closeCaches())

test('A route asks the database once, and again after a delete', async () => {
  await serving(async (url) => {
    const read = async (): Promise<unknown> => (await fetch(`${url}/products/1`)).json()
    const product = { id: '1', name: 'Product 1' }
    assert.equal(JSON.stringify(await read()), JSON.stringify(product))
    await read()
    assert.equal(asked.products, 1)
    const deleted = await fetch(`${url}/products/1`, { method: 'POST' })
    assert.equal(await deleted.text(), '["product::1"]')
    assert.equal(JSON.stringify(await read()), JSON.stringify(product))
    assert.equal(asked.products, 2)
  })
})

test('A cached function is called once', async () => {
  const price = { id: '7', euros: 10n, since: new Date(0) }
  assert.deepEqual(await Promise.all([priceOf('7'), priceOf('7')]), [price, price])
  assert.deepEqual(await priceOf('7'), price)
  assert.equal(asked.prices, 1)
})

test('A cached object comes back as an instance of its class', async () => {
  await findCustomer('1')
  const customer = await findCustomer('1')
  assert.ok(customer instanceof Customer)
  assert.equal(customer.greeting(), 'Hello, Ada')
  assert.equal(asked.customers, 1)
  await customer.cacheDelete()
  await findCustomer('1')
  assert.equal(asked.customers, 2)
})

test('The store is the configured one', async () => {
  const { backend } = await caches().stats()
  assert.deepEqual([backend.kind, backend.up], [hasRedis ? 'redis' : 'memory', true])
})
