import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'
import { cacheGet, configure, keyedcache } from '../../dist/index.js'

const cache = configure({ caches: { default: { maxEntries: 100 } } })
const app = express().use(keyedcache())
app.get('/:id', async (req, res) => {
  const key = ['item', Number(req.params.id) % 1000]
  await req.cache.get(['missing', req.params.id], { default: null })
  await req.cache.getOrSet(key, () => ({ text: 'x'.repeat(1000) }))
  res.json(await cacheGet(key, { default: null }) === await req.cache.get(key, { default: null }))
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
    globalThis.gc()
    least = Math.min(least, process.memoryUsage().heapUsed)
  }
  return least
}
