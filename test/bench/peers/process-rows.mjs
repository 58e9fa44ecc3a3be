import { fork } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { cacheKey, createKeyedCache, keyedcache } from '../../../dist/index.js'
import { median } from '../measure.mjs'
import { interleave } from './blocks.mjs'
import { childAnswer } from './child-answer.mjs'
import { valueOf } from './values.mjs'

const KEYS_A_BLOCK = 100_000

/**
 * What needs no Redis: a hit in `req.cache`, of an object, and the building of a key. Gives us a hit, and keys a second. Measured in a
 * process of their own, since the middleware's AsyncLocalStorage slows all promises of a process down.
 */
export async function measureProcessRows(rounds) {
  const child = fork(import.meta.filename, [`${rounds}`])
  try {
    return await childAnswer(child)
  } finally {
    child.kill()
  }
}

if (process.argv[1] === import.meta.filename) {
  const rounds = Number(process.argv[2])
  process.send({ keysPerSecond: keys(rounds), requestHitUs: await requestHit(rounds) })
}

/** The second read of a key in one request. */
async function requestHit(rounds) {
  const cache = createKeyedCache()
  await cache.set(['product', 1], valueOf(300))
  const request = {}
  const response = new EventEmitter()
  try {
    const found = await inRequest(keyedcache({ cache }), request, response, async () => {
      await request.cache.get(['product', 1])
      return interleave([{ name: 'hit', call: () => request.cache.get(['product', 1]) }], { calls: 20_000, rounds })
    })
    return 1e6 / median(found.get('hit').rates)
  } finally {
    response.emit('close')
    await cache.close()
  }
}

function inRequest(middleware, request, response, run) {
  return new Promise((resolve, reject) => {
    middleware(request, response, () => {
      run().then(resolve, reject)
    })
  })
}

function keys(rounds) {
  const rates = []
  let length = 0
  for (let round = 0; round < rounds; round++) {
    const beganMs = performance.now()
    for (let i = 0; i < KEYS_A_BLOCK; i++) length += cacheKey('product', 100 + (i % 900)).length
    rates.push((1000 * KEYS_A_BLOCK) / (performance.now() - beganMs))
  }
  if (length !== rounds * KEYS_A_BLOCK * 'product::123'.length) throw new Error(`keys of ${length} characters`)
  return median(rates)
}
