import { once } from 'node:events'
import { jest } from '@jest/globals'
import { caches, closeCaches, configure } from 'keyedcache'
import { createApp, database, priceOf } from './shop.js'

let server
let url

beforeAll(async () => {
  server = createApp().listen(0)
  await once(server, 'listening')
  url = `http://localhost:${server.address().port}`
})
afterAll(() => server.close())

// A fresh cache in the process for each test: no Redis, nothing left over
beforeEach(() => void configure({ caches: { default: {} } }))
afterEach(async () => {
  jest.useRealTimers()
  jest.restoreAllMocks()
  await closeCaches()
})

test('A product is read from the database once', async () => {
  const find = jest.spyOn(database, 'findProduct')
  const [first, second] = [await read('/products/1'), await read('/products/1')]
  expect(first).toEqual({ id: '1', name: 'Product 1' })
  expect(second).toEqual(first)
  expect(find).toHaveBeenCalledTimes(1)
})

test('A changed product is read again', async () => {
  await read('/products/1')
  jest.spyOn(database, 'findProduct').mockResolvedValue({ id: '1', name: 'Teapot' })
  const response = await fetch(`${url}/products/1`, { method: 'PUT' })
  expect(response.status).toBe(204)
  expect(await read('/products/1')).toEqual({ id: '1', name: 'Teapot' })
})

test('A price is asked for again after a minute', async () => {
  jest.useFakeTimers()
  const find = jest.spyOn(database, 'findPrice')
  await priceOf('7')
  jest.advanceTimersByTime(59_000)
  expect(await priceOf('7')).toBe(70)
  expect(find).toHaveBeenCalledTimes(1)
  jest.advanceTimersByTime(1000)
  await priceOf('7')
  expect(find).toHaveBeenCalledTimes(2)
})

test('What is in the cache is what the route has put there', async () => {
  await read('/products/1')
  expect(await caches().get(['product', 1])).toEqual({ id: '1', name: 'Product 1' })
})

test('Without caching, the database is asked each time', async () => {
  caches().enable(false)
  const find = jest.spyOn(database, 'findProduct')
  await read('/products/1')
  await read('/products/1')
  expect(find).toHaveBeenCalledTimes(2)
})

async function read(path) {
  return (await fetch(url + path)).json()
}
