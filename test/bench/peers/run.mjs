// Compares keyedcache with ioredis and other caches: one launch, which judges the targets too.
import { handOver, isShort } from '../tables/hand-over.mjs'
import { startOneServer } from '../one-server.mjs'
import { measureClusterRow } from './cluster-rows.mjs'
import { measureCoherence } from './coherence.mjs'
import { measureExpress } from './express-load.mjs'
import { measureMemoryRows } from './memory-rows.mjs'
import { measureProcessRows } from './process-rows.mjs'
import { measureRedisRows } from './redis-rows.mjs'
import { report } from './report.mjs'
import { measureServerCost } from './server-cost.mjs'
import { measureStampede } from './stampede.mjs'
import { missedTargets } from './targets.mjs'

const ROUNDS = isShort ? 2 : 14
const EXPRESS_ROUNDS = isShort ? 2 : 14
const COHERENCE_MS = isShort ? 1000 : 4000

const began = performance.now()
const backend = await startOneServer()
try {
  const measured = await measureProcessRows(ROUNDS)
  Object.assign(measured, await measureServerCost(backend))
  measured.express = await measureExpress(backend, EXPRESS_ROUNDS)
  measured.stampede = await measureStampede(backend)
  measured.coherence = await measureCoherence(backend, COHERENCE_MS)
  measured.memoryRows = await measureMemoryRows(backend, ROUNDS, say)
  measured.cluster = await measureClusterRow(ROUNDS)
  measured.redisRows = await measureRedisRows(backend, ROUNDS, say)
  handOver(report(measured))
  const missed = missedTargets(measured)
  for (const sentence of missed) say(`MISSED: ${sentence}`)
  if (missed.length > 0) process.exitCode = 1
  else say('Every target is met.')
  say(`${((performance.now() - began) / 1000).toFixed(0)} s`)
} finally {
  await backend.close()
}

function say(text) {
  process.stdout.write(`${text}\n`)
}
