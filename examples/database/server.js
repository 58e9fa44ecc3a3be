/**
 * A stock of products, read by cached functions: open http://localhost:3000/categories/tea
 *
 *     npm start
 */
import express from 'express'
import { closeCaches, configure, keyedcache } from 'keyedcache'
import { database } from './database.js'
import { findProduct, productsOf, sell } from './products.js'

const { PORT = '3000', REDIS_URL = 'redis://localhost:6379' } = process.env

configure({ caches: { default: { redis: REDIS_URL, keyPrefix: 'stock' } } })

const app = express()
app.use(keyedcache()) // within one request, a cached function reads a key once

app.get(
  '/products/:id',
  asyncHandler(async (req, res) => {
    const product = await findProduct(Number(req.params.id))
    if (product === null) return res.sendStatus(404)
    res.json(product)
  }),
)

app.get(
  '/categories/:category',
  asyncHandler(async (req, res) => {
    res.json(await productsOf(req.params.category))
  }),
)

app.post(
  '/products/:id/sales',
  express.json(),
  asyncHandler(async (req, res) => {
    const count = req.body?.count
    if (!Number.isSafeInteger(count) || count < 1) return res.sendStatus(400)
    res.sendStatus((await sell(Number(req.params.id), count)) ? 204 : 409)
  }),
)

const server = app.listen(Number(PORT))
server.once('listening', () => console.log(`Listening on http://localhost:${server.address().port}`))

process.once('SIGTERM', () => {
  server.close(() => {
    void closeCaches()
    database.close()
  })
  setTimeout(() => server.closeAllConnections(), 5000).unref() // cuts what never finishes
})

/** Passes on what a handler rejects with. Express 5 does so by itself, Express 4 does not. */
function asyncHandler(handler) {
  return (req, res, next) => handler(req, res).catch(next)
}
