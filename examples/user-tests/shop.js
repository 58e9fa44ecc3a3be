import express from 'express'
import { cacheFunction, keyedcache } from 'keyedcache'

/** What the shop reads and writes; tests replace its functions. */
export const database = {
  findProduct: async (id) => ({ id, name: `Product ${id}` }),
  saveProduct: async (_product) => {},
  findPrice: async (id) => Number(id) * 10,
}

export const priceOf = cacheFunction({ name: 'priceOf', ttl: '1m' })(async (id) => database.findPrice(id))

export function createApp() {
  const app = express()
  app.use(keyedcache())

  app.get('/products/:id', (req, res, next) => {
    const { id } = req.params
    req.cache
      .getOrSet(['product', id], () => database.findProduct(id), { ttl: '5m' })
      .then((product) => res.json(product))
      .catch(next)
  })

  app.put('/products/:id', express.json(), (req, res, next) => {
    const { id } = req.params
    database
      .saveProduct({ ...req.body, id })
      .then(() => req.cache.delete(['product', id], { children: true }))
      .then(() => res.sendStatus(204))
      .catch(next)
  })

  return app
}
