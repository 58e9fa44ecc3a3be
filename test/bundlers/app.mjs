// The README's application with the sign-in of docs/dashboard.md. Its port is given by the environment, and told when it listens.
import { setTimeout as wait } from 'node:timers/promises'
import express from 'express'
import session from 'express-session'
import { keyedcache, keyedcacheAdmin } from 'keyedcache'

const { SESSION_SECRET, STAFF_PASSWORD } = process.env
if (!SESSION_SECRET || !STAFF_PASSWORD) throw new Error('Set SESSION_SECRET and STAFF_PASSWORD')

const app = express()
app.use(session({ secret: SESSION_SECRET, resave: false, saveUninitialized: false, cookie: { sameSite: 'lax' } }))
app.use(keyedcache()) // before the routes: gives them req.cache
app.use('/cache', keyedcacheAdmin()) // after the session

app.get('/products/:id', async (req, res) => {
  const { id } = req.params
  const load = () => wait(1000, { id, name: `Product ${id}` }) // your slow query
  res.json(await req.cache.getOrSet(['product', id], load, { ttl: '5m' }))
})

app.get('/products/:id/reviews', async (req, res) => {
  const { id } = req.params
  const load = () => wait(1000, [{ text: `Review of product ${id}` }]) // another slow query
  res.json(await req.cache.getOrSet(['product', id, 'reviews'], load, { ttl: '1h' })) // a child of product::1
})

app.put('/products/:id', async (req, res) => {
  // save the change, then:
  await req.cache.delete(['product', req.params.id], { children: true }) // the product and its reviews
  res.sendStatus(204)
})

app.get('/accounts/login', (_req, res) => {
  res.send('<form method="post"><input name="password" type="password"> <button>Sign in</button></form>')
})
app.post('/accounts/login', express.urlencoded({ extended: false }), (req, res, next) => {
  if (req.body?.password !== STAFF_PASSWORD) return void res.redirect('/accounts/login')
  req.session.regenerate((error) => {
    if (error) return next(error)
    req.session.user = { name: 'Ada', isStaff: true }
    res.redirect('/cache/')
  })
})

const server = app.listen(process.env.PORT, '127.0.0.1', () => {
  process.stdout.write(`${server.address().port}\n`)
})
