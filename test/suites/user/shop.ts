import type { AddressInfo } from 'node:net'
import express from 'express'
import { CachedObject, cacheFunction, keyedcache } from 'keyedcache'

/** How often the shop's database was asked. */
export const asked = { products: 0, prices: 0, customers: 0 }

export const priceOf = cacheFunction({ ttl: '1m' })(async function priceOf(id: string) {
  asked.prices++
  return { id, euros: 10n, since: new Date(0) }
})

export class Customer extends CachedObject() {
  id = ''
  name = ''

  greeting(): string {
    return `Hello, ${this.name}`
  }
}

export async function findCustomer(id: string): Promise<Customer> {
  return Customer.findCached(id, async () => {
    asked.customers++
    return Object.assign(new Customer(), { id, name: 'Ada' })
  }) as Promise<Customer>
}

export const app = express()
app.use(keyedcache())
app.get('/products/:id', async (req, res) => {
  const { id } = req.params
  const load = (): object => {
    asked.products++
    return { id, name: `Product ${id}` }
  }
  res.json(await req.cache.getOrSet(['product', id], load, { ttl: '5m' }))
})
app.post('/products/:id', async (req, res) => {
  res.json(await req.cache.delete(['product', req.params.id], { children: true }))
})

/** Serves the application while something visits it. */
export async function serving<T>(visit: (url: string) => Promise<T>): Promise<T> {
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  try {
    return await visit(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
