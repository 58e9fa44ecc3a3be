import { RedisStore } from 'connect-redis'
import type { RequestHandler } from 'express'
import session from 'express-session'
import type { Redis } from 'ioredis'

declare module 'express-session' {
  interface SessionData {
    user: { name: string; isStaff: boolean }
  }
}

/** Sessions that all processes share. Version 8 of connect-redis is the last that takes a client of ioredis. */
export function sessions(redis: Redis, secret: string): RequestHandler {
  return session({
    store: new RedisStore({ client: redis, prefix: 'news-session:' }),
    secret,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', secure: 'auto', maxAge: 12 * 60 * 60 * 1000 },
  })
}
