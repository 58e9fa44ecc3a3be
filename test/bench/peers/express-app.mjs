import { createServer } from 'node:http'
import { createKeyedCache, keyedcache } from '../../../dist/index.js'
import express from 'express'

/** How the applications differ: the awaits of their handler, whether and how the middleware is mounted, and whether it is used. */
export const VARIANTS = {
  'without the middleware, 5 awaits': { awaits: 5 },
  'mounted, 5 awaits': { awaits: 5, middleware: {} },
  'mounted with `context: false`, 5 awaits': { awaits: 5, middleware: { context: false } },
  'used once, a hit, 5 awaits': { awaits: 5, middleware: {}, isUsed: true },
  'without the middleware, 100 awaits': { awaits: 100 },
  'mounted, 100 awaits': { awaits: 100, middleware: {} },
}

// A process of its own for each, since one AsyncLocalStorage slows all promises of a process down.
if (process.argv[1] === import.meta.filename) {
  const [redis, name] = process.argv.slice(2)
  const server = createServer(application(VARIANTS[name], redis))
  // The connections are idle while other applications are measured.
  server.keepAliveTimeout = 0
  let used
  process.on('message', (message) => {
    if (message === 'begin') used = process.cpuUsage()
    else {
      const { user, system } = process.cpuUsage(used)
      process.send(user + system)
    }
  })
  process.on('disconnect', () => process.exit())
  server.listen(0, '127.0.0.1', () => process.send(server.address().port))
}

function application({ awaits, middleware, isUsed = false }, redis) {
  const app = express()
  if (middleware !== undefined) {
    const cache = createKeyedCache({ redis, keyPrefix: 'express', redisTimeout: '10s' })
    void cache.set('greeting', 'hello', { ttl: '1h' })
    app.use(keyedcache({ ...middleware, cache }))
  }
  app.get('/', async (req, res) => {
    for (let i = 0; i < awaits; i++) await step()
    if (isUsed) await req.cache.get('greeting')
    res.json({ ok: true })
  })
  return app
}

async function step() {}
