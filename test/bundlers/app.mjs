// README's application with README's dashboard. Its port is given by the environment, and told when it listens.
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

app.get('/products/:id', async (req, res, next) => {
  const { id } = req.params
  const load = () => wait(1000, { id, name: `Product ${id}` }) // your slow query
  try {
    res.json(await req.cache.getOrSet(['product', id], load, { ttl: '5m' }))
  } catch (error) {
    next(error) // Express 5 does this by itself
  }
})

app.put('/products/:id', async (req, res, next) => {
  try {
    await req.cache.delete(['product', req.params.id], { children: true }) // after saving the change
    res.sendStatus(204)
  } catch (error) {
    next(error)
  }
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
