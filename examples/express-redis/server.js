/**
 * A shop whose products and reviews are cached in Redis, and whose staff look into the cache at /cache.
 *
 *     SESSION_SECRET=long-and-random STAFF_PASSWORD=of-your-choice npm start
 */
import { setTimeout as wait } from 'node:timers/promises'
import express from 'express'
import session from 'express-session'
import { closeCaches, configure, keyedcache, keyedcacheAdmin } from 'keyedcache'

const { PORT = '3000', REDIS_URL = 'redis://localhost:6379', SESSION_SECRET, STAFF_PASSWORD } = process.env
if (!SESSION_SECRET || !STAFF_PASSWORD) throw new Error('Set SESSION_SECRET and STAFF_PASSWORD')

configure({ caches: { default: { redis: REDIS_URL, keyPrefix: 'shop', ttl: '5m' } } })

/** In place of a database. */
const products = new Map([
  ['1', { id: '1', name: 'Teapot', price: 30 }],
  ['2', { id: '2', name: 'Cup', price: 8 }],
])
const reviews = new Map([['1', [{ stars: 5, text: 'Does not drip' }]]])

const app = express()
app.set('trust proxy', 'loopback') // a proxy on this machine says for which host and by which protocol it was asked
app.use(
  session({
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', secure: 'auto' }, // several processes need a store too: see ../typescript-sessions
  }),
)
app.use(keyedcache()) // gives routes req.cache
app.use('/cache', keyedcacheAdmin()) // for users whose isStaff is true, after the session

app.get(
  '/products/:id',
  asyncHandler(async (req, res) => {
    const { id } = req.params
    const product = await req.cache.getOrSet(['product', id], async () => {
      await wait(300) // a slow query
      return products.get(id) ?? null // that there is none is cached too
    })
    if (product === null) return res.sendStatus(404)
    res.json(product)
  }),
)

app.get(
  '/products/:id/reviews',
  asyncHandler(async (req, res) => {
    const { id } = req.params
    const load = () => wait(300, reviews.get(id) ?? [])
    res.json(await req.cache.getOrSet(['product', id, 'reviews'], load, { ttl: '1h' })) // a child of the product
  }),
)

app.put(
  '/products/:id',
  express.json(),
  asyncHandler(async (req, res) => {
    const { id } = req.params
    if (req.session.user?.isStaff !== true) return res.sendStatus(403)
    const { name, price } = req.body ?? {}
    if (typeof name !== 'string' || typeof price !== 'number') return res.sendStatus(400)
    products.set(id, { id, name, price })
    await req.cache.delete(['product', id], { children: true }) // after the change is saved
    res.sendStatus(204)
  }),
)

// In place of your own sign-in
app.get('/accounts/login', (_req, res) => {
  res.send('<form method="post"><input name="password" type="password"> <button>Sign in</button></form>')
})
app.post('/accounts/login', express.urlencoded({ extended: false }), (req, res, next) => {
  if (req.body?.password !== STAFF_PASSWORD) return res.redirect('/accounts/login')
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = { name: 'Ada', isStaff: true }
    res.redirect('/cache/')
  })
})

const server = app.listen(Number(PORT))
server.once('listening', () => console.log(`Listening on http://localhost:${server.address().port}`))

process.once('SIGTERM', () => {
  server.close(() => void closeCaches()) // ends idle connections, waits for requests
  setTimeout(() => server.closeAllConnections(), 5000).unref() // cuts what never finishes
})

/** Passes on what a handler rejects with. Express 5 does so by itself, Express 4 does not. */
function asyncHandler(handler) {
  return (req, res, next) => handler(req, res).catch(next)
}
