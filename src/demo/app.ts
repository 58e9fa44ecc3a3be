import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express, { type ErrorRequestHandler, type Express } from 'express'
import session from 'express-session'
import helmet from 'helmet'
import { CacheNotRespondingError, caches, closeCaches, keyedcache, keyedcacheAdmin } from '../index.js'
import { accountsRouter } from './sign-in/accounts.js'
import { countryName } from './cities/cities.js'
import { cityRouter } from './cities/city.js'
import type { Config } from './config.js'
import { countriesRouter } from './cities/countries.js'
import { nearestRoute, searchRoute } from './cities/nearest.js'
import { populationsInMemory, populationsInRedis } from './cities/populations.js'
import { problem } from './http/problem.js'
import { Recent } from './cities/recent.js'
import { openRedis } from './redis.js'
import { sameOrigin } from './http/same-origin.js'
import { RedisSessions, SESSION_MS, sharedSecret } from './sign-in/sessions.js'

/** The application of the demo, before it listens. */
export interface Demo {
  readonly app: Express
  /** Ends its connections, and the caches of this process. */
  close(): Promise<void>
}

const COOKIE = 'demo.sid'

/**
 * Builds the demo. It uses the default cache, which reads `REDIS_URL` by itself.
 * @throws {ImproperlyConfiguredError} when the default cache cannot be made so.
 */
export async function createApp(config: Config): Promise<Demo> {
  const recent = new Recent(caches())
  const redis = config.redisUrl === undefined ? undefined : openRedis(config.redisUrl)
  const populations = redis ? populationsInRedis(redis) : populationsInMemory()
  const secret = config.sessionSecret ?? (redis ? await sharedSecret(redis) : randomBytes(32).toString('base64url'))

  const app = express()
  app.set('view engine', 'ejs').set('views', folder('views')).disable('x-powered-by').disable('etag')
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          baseUri: ["'none'"],
          formAction: ["'self'"],
          frameAncestors: ["'none'"],
          imgSrc: ["'self'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'"],
        },
      },
      // With 'no-referrer', older browsers send forms with `Origin: null`, as if they came from another site.
      referrerPolicy: { policy: 'same-origin' },
    }),
  )
  app.locals['countryName'] = countryName
  // In production there is no such password: everybody knows it.
  app.locals['knownPassword'] = config.isDefaultPassword ? config.password : undefined
  app.get('/favicon.ico', (_req, res) => void res.status(204).end())
  app.use('/demo', express.static(folder('public'), { index: false, redirect: false }))
  app.use(
    session({
      name: COOKIE,
      secret,
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: SESSION_MS },
      ...(redis && { store: new RedisSessions(redis) }),
    }),
  )
  app.use(keyedcache())
  app.use('/cache', keyedcacheAdmin({ environment: 'demo' }))

  app.use((req, res, next) => {
    res.set({ 'Cache-Control': 'no-store', 'X-Demo-Process': `${process.pid}` })
    res.locals['user'] = req.session.user
    next()
  })
  app.use(sameOrigin, express.urlencoded({ extended: false, limit: '8kb' }))
  app.get('/', async (_req, res) => {
    res.render('home', { recent: recent.list(), stats: await caches().stats(), pid: process.pid })
  })
  app.get('/nearest', nearestRoute)
  app.get('/search', searchRoute)
  app.use('/cities', cityRouter(populations))
  app.use('/countries', countriesRouter(populations))
  app.use('/accounts', await accountsRouter(config.password, COOKIE))
  app.use((_req, res) => problem(res, 404, 'There is no such page'))
  app.use(onError)

  return {
    app,
    async close() {
      recent.stop()
      redis?.disconnect()
      await closeCaches()
    },
  }
}

const onError: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, next) => {
  if (res.headersSent) return next(error)
  if (error.status !== undefined && error.status >= 400 && error.status < 500) {
    return problem(res, error.status, 'The server could not read this request')
  }
  process.stderr.write(`${error.stack ?? error}\n`)
  if (error instanceof CacheNotRespondingError) {
    return problem(res, 503, 'The change was saved, and will be seen when the cache answers again')
  }
  problem(res, 500, 'Something went wrong here')
}

function folder(kind: 'views' | 'public'): string {
  return fileURLToPath(new URL(`../../${kind}/demo`, import.meta.url))
}
