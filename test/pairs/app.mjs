import { once } from 'node:events'
import express from 'express'
import session from 'express-session'
import { Redis } from 'ioredis'
import { cacheFunction, caches, configure, keyedcache, keyedcacheAdmin } from 'keyedcache'

const printed = []
process.stdout.write = (text) => printed.push(String(text)) > 0

let computations = 0
const hits = { request: 0, near: 0, store: 0, fallback: 0 }
const nearestCity = cacheFunction({ ttl: 60 })(async function nearestCity(lat, lon) {
  computations++
  return { name: 'Praha', lat, lon }
})

/** An application behind a proxy that it trusts, in which everybody is staff, with a near tier and a client of its own. */
export async function serve(redisUrl) {
  configure({
    caches: {
      default: { redis: redisUrl, keyPrefix: 'pairs', near: true, redisTimeout: '2s' },
      client: { redis: new Redis(redisUrl), keyPrefix: 'client', redisTimeout: '2s' },
    },
  })
  caches().on('hit', ({ by }) => hits[by]++)
  const app = express().set('trust proxy', true)
  app.use(session({ secret: 'of the tests only', resave: false, saveUninitialized: false }))
  app.use(keyedcache())
  const dashboard = keyedcacheAdmin({ user: () => ({ name: 'Ada', isStaff: true }) })
  app.use('/cache', dashboard)
  app.use('/broken', brokenResponse, dashboard)
  const answer = (work) => (req, res, next) => {
    work(req).then((value) => res.json(value), next)
  }
  app.get(
    '/nearest',
    answer(() => nearestCity(50, 14)),
  )
  app.get(
    '/remembered',
    answer(async (req) => (await req.cache.getOrSet('it', newObject)) === (await req.cache.get('it'))),
  )
  app.get(
    '/fails',
    answer((req) => req.cache.getOrSet('failing', noDatabase)),
  )
  app.use((error, _req, res, _next) => res.writeHead(500).end(JSON.stringify(error.message)))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}`
}

/** Calls a method of a cache. */
export async function call(alias, method, ...args) {
  return caches(alias)[method](...args)
}

/** What happened here. */
export function report() {
  return { computations, hits, printed, node: process.version }
}

function brokenResponse(_req, res, next) {
  res.set = () => {
    throw new Error('a broken response')
  }
  next()
}

async function newObject() {
  return {}
}

async function noDatabase() {
  throw new Error('no database')
}
