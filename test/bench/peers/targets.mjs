import { median, percentile } from '../measure.mjs'
import { ioredis } from './ioredis.mjs'
import { keyedcache } from './keyedcache.mjs'
import { peers } from './libraries.mjs'
import { timesOf } from './report.mjs'

/** How many times ioredis a row must reach at least. */
const TIMES_IOREDIS = {
  'hit, 1 caller': 0.85,
  'hit, 8 callers': 0.95,
  'hit, 64 callers': 1.8,
  'hit, 256 callers': 2.4,
  'set, 1 caller': 0.7,
  'set, 64 callers': 0.85,
  'getMany of 100, 1 caller': 0.9,
}
const CLUSTER_TIMES = 2
/** How many times every other cache a row must reach at least. */
const TIMES_PEERS = { 'hit, 1 caller': 1.2, 'hit, 64 callers': 3 }
/** Rows whose 99th percentile may be no higher than that of ioredis. */
const P99_ROWS = ['hit, 64 callers', 'hit, 256 callers']
const MEMORY_TIMES = { bentocache: 5, cacheable: 5 }
const NEAR_TEXT_US = 1
const REQUEST_HIT_US = 0.5
const KEYS_PER_SECOND = 5_000_000
const MOUNTED_AT_MOST = 1.02
const SEEN_AFTER_MS = 50

/** A sentence for each target that was missed. */
export function missedTargets({
  redisRows,
  memoryRows,
  cluster,
  express,
  coherence,
  requestHitUs,
  keysPerSecond,
  stampede,
}) {
  const missed = redisRows.flatMap(missedOfRow)
  const expect = (holds, sentence) => {
    if (!holds) missed.push(sentence)
  }
  const onCluster = timesOf(cluster.get(keyedcache.name), cluster.get(ioredis.name))
  expect(
    onCluster >= CLUSTER_TIMES,
    `hit, 64 callers, on a Cluster: ${onCluster.toFixed(2)} times ioredis, less than ${CLUSTER_TIMES}`,
  )

  const near = memoryRows.find(({ name }) => name === keyedcache.name)
  expect(near !== undefined, 'the near tier was not measured')
  if (near !== undefined) {
    for (const [name, least] of Object.entries(MEMORY_TIMES)) {
      const times = timesOf(near.object, memoryRows.find((row) => row.name === name).object)
      expect(times >= least, `hit in memory: ${times.toFixed(1)} times ${name}, less than ${least}`)
    }
    const textUs = 1e6 / median(near.text.rates)
    expect(textUs <= NEAR_TEXT_US, `hit of text in the near tier: ${textUs.toFixed(2)} µs, more than ${NEAR_TEXT_US}`)
  }
  expect(requestHitUs <= REQUEST_HIT_US, `hit in req.cache: ${requestHitUs.toFixed(2)} µs, more than ${REQUEST_HIT_US}`)
  expect(keysPerSecond >= KEYS_PER_SECOND, `${Math.round(keysPerSecond)} keys/s, less than ${KEYS_PER_SECOND}`)

  const { ratio } = express.find(({ name }) => name === 'mounted, 5 awaits')
  expect(
    ratio <= MOUNTED_AT_MOST,
    `the middleware, mounted and unused: ${ratio.toFixed(3)} times the CPU, more than ${MOUNTED_AT_MOST}`,
  )
  expect(
    coherence.calm.p99Ms <= SEEN_AFTER_MS,
    `near tier: 1 % of the changes are seen after more than ${coherence.calm.p99Ms.toFixed(0)} ms, not ${SEEN_AFTER_MS}`,
  )
  const neverSeen = coherence.calm.neverSeen + coherence.cut.neverSeen
  expect(neverSeen === 0, `near tier: ${neverSeen} changes were never seen`)
  const { runs } = stampede.find(({ name }) => name === keyedcache.name)
  expect(runs === 1, `cold key: ${runs} runs of the factory, not 1`)
  return missed
}

function missedOfRow({ name, blocks }) {
  const missed = []
  const own = blocks.get(keyedcache.name)
  const raw = blocks.get(ioredis.name)
  const times = timesOf(own, raw)
  if (times < TIMES_IOREDIS[name])
    missed.push(`${name}: ${times.toFixed(2)} times ioredis, less than ${TIMES_IOREDIS[name]}`)
  for (const peer of TIMES_PEERS[name] === undefined ? [] : peers) {
    const timesPeer = timesOf(own, blocks.get(peer.name))
    if (timesPeer < TIMES_PEERS[name])
      missed.push(`${name}: ${timesPeer.toFixed(2)} times ${peer.name}, less than ${TIMES_PEERS[name]}`)
  }
  const [ownP99, rawP99] = [own, raw].map(({ latencies }) => percentile(latencies, 0.99))
  if (P99_ROWS.includes(name) && ownP99 > rawP99)
    missed.push(`${name}: p99 ${ownP99.toFixed(2)} ms, that of ioredis ${rawP99.toFixed(2)} ms`)
  return missed
}
