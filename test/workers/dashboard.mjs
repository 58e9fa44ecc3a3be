import { createServer } from 'node:http'
import express from 'express'
import { Redis } from 'ioredis'
import { createKeyedCache, keyedcacheAdmin } from '../../dist/index.js'

let cache

/** Makes the cache of this process, with a dashboard that is open to all; gives its address. */
export async function open(options) {
  cache = createKeyedCache(options)
  await cache.require()
  const app = express()
  app.use('/cache', keyedcacheAdmin({ cache, isStaff: () => true }))
  const server = createServer(app).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${server.address().port}`
}

/** Makes calls, this many of them for a key that is there. Gives how many were answered with what is stored there. */
export async function call(calls, wanted) {
  const key = ['product', process.pid]
  await cache.set(key, 'stored')
  let hits = 0
  for (let made = 0; made < calls; made += 500) {
    const answers = await Promise.all(
      Array.from({ length: Math.min(500, calls - made) }, (_, i) =>
        cache.get(made + i < wanted ? key : ['product', 'missing', i], { default: 'nothing' }),
      ),
    )
    hits += answers.filter((answer) => answer === 'stored').length
  }
  return hits
}

/** Makes a call every few milliseconds until the process ends, and notes in a list of Redis when each was answered. */
export async function callOnAndOn(url, list) {
  const notes = new Redis(url)
  const one = async () => {
    await cache.get(['lost', 'hit'], { default: null })
    await notes.rpush(list, Date.now())
    setTimeout(() => void one(), 5)
  }
  void one()
}
