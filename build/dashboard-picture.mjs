// Takes the picture of README.md: the dashboard of a shop that does not exist, on a Redis of its own. Its hour of traffic is made up, and
// counted as processes count theirs, by the store; the badge beside the name says that it is demo data.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import express from 'express'
import session from 'express-session'
import { chromium } from 'playwright-core'
import { createKeyedCache, keyedcacheAdmin } from '../dist/index.js'
import { emptyCounters } from '../dist/statistics/stats.js'
import { RedisStore } from '../dist/stores/redis/redis-store.js'
import { startOneServer } from '../test/bench/one-server.mjs'

const PICTURE = '.github/dashboard.png'
const SIZE = { width: 1280, height: 972 }
const PREFIX = 'shop'
const MINUTE_MS = 60_000
const MINUTES = 60
/** The picture is taken in the last minute that is counted. */
const TAKEN_WITHIN_MS = 30_000
/** When all products were deleted, since their prices had changed: minutes from the beginning. */
const DELETED_AT = 37
const CALLS_A_MINUTE = 2400
const PROCESSES = ['web-1:812', 'web-2:790', 'web-3:845', 'web-4:801']
/** Each group's share of the calls, its hit rate on a calm day, how long one computation takes, and whether the deletion concerned it. */
const GROUPS = {
  product: { share: 0.46, hitRate: 0.97, computeMs: 38, isDeleted: true },
  'func::priceOf': { share: 0.27, hitRate: 0.94, computeMs: 12, isDeleted: true },
  search: { share: 0.17, hitRate: 0.82, computeMs: 164, isDeleted: false },
  category: { share: 0.1, hitRate: 0.99, computeMs: 71, isDeleted: false },
}

const backend = await startOneServer()
const cache = createKeyedCache({ redis: backend.redis, keyPrefix: PREFIX, redisTimeout: '10s' })
try {
  await fill()
  const leftMs = MINUTE_MS - (Date.now() % MINUTE_MS)
  if (leftMs < TAKEN_WITHIN_MS) await delay(leftMs)
  await countHour()
  await takePicture()
} finally {
  await cache.close()
  await backend.close()
}

async function fill() {
  const numbers = Array.from({ length: 240 }, (_, i) => i + 1)
  const entries = numbers.flatMap((i) => [
    [['product', i], { id: i, name: `Product ${i}` }],
    [['product', i, 'reviews'], [{ text: `Review of product ${i}` }]],
    [['func', 'priceOf', i, 'eur'], 10 + i / 10],
  ])
  const others = numbers.slice(0, 60).flatMap((i) => [
    [
      ['search', `word ${i}`],
      [i, i + 1],
    ],
    [['category', i], [i]],
  ])
  if (!(await cache.setMany([...entries, ...others]))) throw new Error('Not all was stored')
}

async function countHour() {
  const store = new RedisStore({
    redis: backend.redis,
    keyPrefix: PREFIX,
    timeoutMs: 5000,
    upkeep: 'shared',
    shards: 16,
    onOtherShards: () => {},
    onState: () => {},
    onError: () => {},
  })
  const chance = seeded(7)
  const firstMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - (MINUTES - 1) * MINUTE_MS
  for (let minute = 0; minute < MINUTES; minute++) {
    const counters = countersOf(minute, firstMs + minute * MINUTE_MS, chance)
    const process = PROCESSES[minute % PROCESSES.length]
    await store.addStats({ process, instance: process, startedAt: firstMs, number: minute + 1, counters })
  }
  await store.close()
}

/** What all processes together count in one minute. */
function countersOf(minute, startMs, chance) {
  const counters = emptyCounters()
  const wave = 1 + 0.22 * Math.sin(minute / 9) + 0.08 * (chance() - 0.5)
  // What was deleted is computed again within a few minutes
  const cold = minute < DELETED_AT ? 0 : 0.62 * Math.exp((DELETED_AT - minute) / 2.2)
  const sum = { calls: 0, hits: 0 }
  for (const [name, { share, hitRate, computeMs, isDeleted }] of Object.entries(GROUPS)) {
    const calls = Math.round(CALLS_A_MINUTE * share * wave)
    const rate = (hitRate - 0.02 * chance()) * (isDeleted ? 1 - cold : 1)
    const hits = Math.round(calls * rate)
    const misses = calls - hits
    const savedMs = hits * computeMs
    counters.groups.set(name, { calls, hits, computations: misses, computeMs: misses * computeMs, savedMs })
    counters.misses += misses
    counters.computations += misses
    counters.savedMs += savedMs
    counters.hitsBy.store += hits
    sum.calls += calls
    sum.hits += hits
  }
  counters.minutes.set(startMs, sum)
  return counters
}

async function takePicture() {
  const app = express()
  app.use(session({ secret: 'of a picture only', resave: false, saveUninitialized: false }))
  app.use('/cache', keyedcacheAdmin({ cache, user: () => ({ name: 'Ada', isStaff: true }), environment: 'demo data' }))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox', '--disable-gpu'] })
  try {
    const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light' })
    await page.goto(`http://127.0.0.1:${server.address().port}/cache/`)
    await page.screenshot({ path: PICTURE })
  } finally {
    await browser.close()
    server.close()
    server.closeAllConnections()
  }
}

function chromiumPath() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH
  const look = 'command -v chromium || command -v chromium-browser || command -v google-chrome'
  return execFileSync('sh', ['-c', look], { encoding: 'utf8' }).trim()
}

/** Numbers from 0 to 1 that look random and are the same each time. */
function seeded(seed) {
  let state = seed
  return () => {
    state = (state * 16_807) % 2_147_483_647
    return state / 2_147_483_647
  }
}
