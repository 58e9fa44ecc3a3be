/**
 * A newspaper whose readers and staff have sessions in Redis, beside the cache.
 *
 *     SESSION_SECRET=long-and-random STAFF_PASSWORD=of-your-choice npm start
 */
import type { AddressInfo } from 'node:net'
import express, { type Request, type RequestHandler, type Response } from 'express'
import { Redis } from 'ioredis'
import { closeCaches, configure, keyedcache, keyedcacheAdmin } from 'keyedcache'
import { findArticle, saveArticle } from './article.js'
import { sessions } from './session.js'
import { weatherIn } from './weather.js'

const { PORT = '3000', REDIS_URL = 'redis://localhost:6379', SESSION_SECRET, STAFF_PASSWORD } = process.env
if (!SESSION_SECRET || !STAFF_PASSWORD) throw new Error('Set SESSION_SECRET and STAFF_PASSWORD')

configure({ caches: { default: { redis: REDIS_URL, keyPrefix: 'news' } } })
const redis = new Redis(REDIS_URL).on('error', (error) => console.error('Sessions:', error.message))

const app = express()
app.set('trust proxy', 'loopback') // a proxy on this machine says for which host and by which protocol it was asked
app.use(sessions(redis, SESSION_SECRET))
app.use(keyedcache())
app.use('/cache', keyedcacheAdmin({ title: 'The news’s cache', environment: process.env['NODE_ENV'] ?? 'development' }))

app.get(
  '/articles/:id',
  asyncHandler<{ id: string }>(async (req, res) => {
    const article = await findArticle(req.params.id)
    if (article) res.json({ text: article.text, minutes: article.minutes() })
    else res.sendStatus(404)
  }),
)

app.put(
  '/articles/:id',
  express.text(),
  asyncHandler<{ id: string }>(async (req, res) => {
    if (req.session.user?.isStaff !== true) return void res.sendStatus(403)
    if (typeof req.body !== 'string') return void res.sendStatus(400)
    await saveArticle(req.params.id, req.body)
    res.sendStatus(204)
  }),
)

app.get(
  '/weather/:city',
  asyncHandler<{ city: string }>(async (req, res) => {
    res.json(await weatherIn(req.params.city))
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
server.once('listening', () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  server.close(() => {
    void closeCaches()
    redis.disconnect() // a client of your own is yours to close
  })
  setTimeout(() => server.closeAllConnections(), 5000).unref() // cuts what never finishes
})

/** Passes on what a handler rejects with. Express 5 does so by itself, Express 4 does not. */
function asyncHandler<P>(handler: (req: Request<P>, res: Response) => Promise<void>): RequestHandler<P> {
  return (req, res, next) => void handler(req, res).catch(next)
}
