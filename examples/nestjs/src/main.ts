/**
 * A shop in NestJS whose staff look into its cache at /cache.
 *
 *     SESSION_SECRET=long-and-random STAFF_PASSWORD=of-your-choice npm start
 */
import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import session from 'express-session'
import { type KeyedCache, keyedcacheAdmin } from 'keyedcache'
import { AppModule } from './app.module.js'
import { CACHE } from './cache.module.js'

const { PORT = '3000', SESSION_SECRET, STAFF_PASSWORD } = process.env
if (!SESSION_SECRET || !STAFF_PASSWORD) throw new Error('Set SESSION_SECRET and STAFF_PASSWORD')

const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['warn', 'error'] })
app.set('trust proxy', 'loopback') // a proxy on this machine says for which host and by which protocol it was asked
app.use(
  session({
    secret: SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', secure: 'auto' }, // several processes need a store too: see ../typescript-sessions
  }),
)
app.use('/cache', keyedcacheAdmin({ cache: app.get<KeyedCache>(CACHE) })) // after the session

app.enableShutdownHooks() // SIGTERM ends idle connections, waits for requests, then closes the cache
process.once('SIGTERM', () => {
  setTimeout(() => app.getHttpServer().closeAllConnections(), 5000).unref() // cuts what never finishes
})

await app.listen(PORT)
console.log(`Listening on http://localhost:${new URL(await app.getUrl()).port}`)
