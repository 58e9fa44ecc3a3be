import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import express from 'express'
import { cacheGet, configure, keyedcache } from '../../dist/index.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc')

const cache = configure({ caches: { default: { maxEntries: 100 } } })
const app = express().disable('etag').disable('x-powered-by').use(keyedcache())
app.get('/:id', async (req, res) => {
  const key = ['item', Number(req.params.id) % 50]
  await req.cache.get(['missing', req.params.id], { default: null })
  await req.cache.getOrSet(key, () => ({ text: 'x'.repeat(100) }))
  res.json((await cacheGet(key, { default: null })) === (await req.cache.get(key, { default: null })))
})

let server

/** Gives the port. */
export async function open() {
  server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return server.address().port
}

/** The bytes on the heap that are still in use, when nothing is under way any more. */
export async function heapUsed() {
  server.closeIdleConnections()
  await cache.stats()
  let least = Infinity
  for (let i = 0; i < 5; i++) {
    await delay(20)
    collectGarbage()
    least = Math.min(least, process.memoryUsage().heapUsed)
  }
  return least
}
