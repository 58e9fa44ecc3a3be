import { cpus, totalmem } from 'node:os'
import { startOneServer } from '../one-server.mjs'
import { writeFigures } from '../write-figures.mjs'
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

/** A try, whose figures are not written down. */
const QUICK = process.env.BENCH_QUICK === '1'
const ROUNDS = QUICK ? 4 : 40
const STAMPEDE_ROUNDS = QUICK ? 1 : 3
const COHERENCE_MS = QUICK ? 2000 : 10_000
const LAUNCHES = QUICK ? 1 : 3
const ROUNDS_A_LAUNCH = QUICK ? 4 : 14

const began = performance.now()
const backend = await startOneServer()
try {
  const machine = await describeMachine()
  say(machine)
  const measured = { machine }
  Object.assign(measured, await measureProcessRows(ROUNDS))
  Object.assign(measured, await measureServerCost(backend))
  measured.express = await measureExpress(backend, LAUNCHES, ROUNDS_A_LAUNCH)
  measured.stampede = await measureStampede(backend, STAMPEDE_ROUNDS)
  measured.coherence = await measureCoherence(backend, COHERENCE_MS)
  measured.memoryRows = await measureMemoryRows(backend, ROUNDS, say)
  measured.cluster = await measureClusterRow(ROUNDS)
  measured.redisRows = await measureRedisRows(backend, ROUNDS, say)
  const text = report(measured)
  say(`\n${text}\n`)
  if (!QUICK) writeFigures('docs/measurements.md', 'bench', text)
  const missed = missedTargets(measured)
  for (const sentence of missed) say(`MISSED: ${sentence}`)
  if (missed.length > 0) process.exitCode = 1
  else say('Every target is met.')
  say(`${((performance.now() - began) / 1000).toFixed(0)} s`)
} finally {
  await backend.close()
}

async function describeMachine() {
  const version = /redis_version:(\S+)/.exec(await backend.client.info('server'))?.[1]
  const [{ model }] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} cores (${model.trim()}), ${memory} GB, Node ${process.version}, Redis ${version} on the same machine`
}

function say(text) {
  process.stdout.write(`${text}\n`)
}
