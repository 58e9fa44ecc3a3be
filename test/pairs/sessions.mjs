import { once } from 'node:events'
import * as connectRedis from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { Redis } from 'ioredis'
import { configure, keyedcacheAdmin } from 'keyedcache'

/** An application whose sessions are in the same Redis. */
export async function serve(redisUrl) {
  const cache = configure({ caches: { default: { redis: redisUrl, keyPrefix: 'sessions', redisTimeout: '2s' } } })
  await cache.require()
  await cache.set('key', 'value')
  // Version 7 is of ioredis, later ones are of node-redis
  const { RedisStore, default: ForIoredis } = connectRedis
  const store = RedisStore
    ? new RedisStore({ client: await nodeRedis(redisUrl) })
    : new ForIoredis({ client: new Redis(redisUrl) })
  const app = express()
  app.use(session({ store, secret: 'of the tests only', resave: false, saveUninitialized: false }))
  app.use('/cache', keyedcacheAdmin({ user: () => ({ name: 'Ada', isStaff: true }) }))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}`
}

async function nodeRedis(url) {
  const { createClient } = await import('redis')
  return createClient({ url }).connect()
}
