import { cpus, totalmem } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { startCluster } from './cluster.mjs'
import { percentile, table } from './measure.mjs'
import { startOneServer } from './one-server.mjs'
import { pingWhile } from './other-client.mjs'
import { checkRandomListings } from './random-listings.mjs'
import { Subject } from './subject.mjs'

const MILLION = 1_000_000
const SIZES = process.env.KEYS ? [Number(process.env.KEYS)] : [10_000, 100_000, MILLION]
const ROUNDS = 9
const LISTINGS = 500
/** What the median may take, in ms, at any size. */
const AT_MOST_MS = { delete: 15, page: 2, count: 1, children: 5 }
const PING_AT_MOST_MS = 20
const TIMES_FASTER = 50
const GROWTH_AT_MOST = 3
const INDEX_BYTES_A_KEY = 260
const DRAINED_WITHIN_S = 300
const NEVER = ['keys', 'flushdb', 'flushall']

const missed = []
const backends = []
const subjects = []

try {
  if (!SIZES.every((size) => Number.isSafeInteger(size) && size >= 10_000 && size % 10_000 === 0))
    throw new TypeError(`Expected KEYS to be a multiple of 10,000, got ${process.env.KEYS}`)
  await run()
} finally {
  await Promise.all(subjects.map((subject) => subject.cache.close()))
  await Promise.all(backends.map((backend) => backend.close()))
}
for (const sentence of missed) say(`MISSED: ${sentence}`)
if (missed.length > 0) process.exitCode = 1
else say('Every target is met.')

async function run() {
  for (const size of SIZES) subjects.push(new Subject(await started(startOneServer), size))
  subjects.push(new Subject(await started(startCluster), SIZES.at(-1)))
  await sayMachine(subjects[0].backend)
  for (const subject of subjects) {
    const seconds = await subject.fill()
    say(`Filled ${subject.label}: ${seconds.toFixed(1)} s, ${perSecond(subject.size, seconds)} keys/s`)
    await judgeIndexCost(subject)
  }
  // A round of each size after the other, so that what else the machine does meets all sizes alike. The first one is a warm-up.
  for (const subject of subjects) await subject.round(0)
  for (const subject of subjects) subject.samples.clear()
  for (let number = 1; number <= ROUNDS; number++) for (const subject of subjects) await subject.round(number)
  judgeMedians()
  for (const start of [startOneServer, startCluster]) await judgeListings(start)
  const largest = judged().at(-1)
  for (const subject of [largest, subjects.at(-1)]) await judgePings(subject)
  await judgeDraining(largest)
  for (const subject of subjects) await judgeCommands(subject)
}

/** Whether the targets are for it: what a Cluster takes is reported beside them. */
function isJudged({ backend }) {
  return backend.masters.length === 1
}

function judged() {
  return subjects.filter(isJudged)
}

async function started(start) {
  const backend = await start()
  backends.push(backend)
  return backend
}

async function sayMachine({ client }) {
  const version = /redis_version:(\S+)/.exec(await client.info('server'))?.[1]
  const [{ model }] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  say(`${cpus().length} cores (${model.trim()}), ${memory} GB, Node ${process.version}, Redis ${version}`)
}

async function judgeIndexCost(subject) {
  const bytes = (await subject.indexBytes()) / subject.size
  say(`  index: ${bytes.toFixed(0)} bytes per key, both sorted sets`)
  if (isJudged(subject) && bytes > INDEX_BYTES_A_KEY)
    miss(`The index of ${subject.label} costs ${bytes.toFixed(0)} bytes per key, more than ${INDEX_BYTES_A_KEY}`)
}

function judgeMedians() {
  const [smallest, largest] = [judged()[0], judged().at(-1)]
  const grows = smallest !== largest
  const names = largest.samples.names()
  const rows = names.map((name) => {
    const growth = largest.samples.median(name) / smallest.samples.median(name)
    return [name, ...subjects.map(({ samples }) => spread(samples.of(name))), grows ? growth.toFixed(2) : '']
  })
  say(`\nms, median (p90) of ${ROUNDS} rounds`)
  say(table([['', ...subjects.map(({ label }) => label), grows ? 'growth' : ''], ...rows]))
  for (const name of names) {
    const limit = AT_MOST_MS[name.split(/\W/)[0]]
    if (limit === undefined) continue
    for (const { label, samples } of judged()) {
      if (samples.median(name) > limit)
        miss(`"${name}" took ${ms(samples.median(name))}, more than ${limit} ms (${label})`)
    }
    const growth = largest.samples.median(name) / smallest.samples.median(name)
    if (growth > GROWTH_AT_MOST) miss(`"${name}" grew by ${growth.toFixed(2)} times, more than ${GROWTH_AT_MOST}`)
  }
  for (const subject of subjects) {
    const { label, size, samples } = subject
    const times = samples.median('SCAN + UNLINK of as many') / samples.median('delete 1,000 children')
    say(`Deleting 1,000 children is ${times.toFixed(1)} times faster than SCAN + UNLINK (${label})`)
    if (isJudged(subject) && size >= MILLION && times < TIMES_FASTER)
      miss(
        `A delete of 1,000 children is ${times.toFixed(1)} times faster than SCAN, less than ${TIMES_FASTER} (${label})`,
      )
  }
}

async function judgeListings(start) {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32)
  const backend = await started(start)
  const pages = await checkRandomListings(backend, LISTINGS, seed)
  say(`${LISTINGS} random listings, ${pages} pages, as brute force has them (${backend.label}, seed ${seed})`)
  await judgeCommands({ backend, label: 'listings', ownScans: 0 })
}

async function judgePings(subject) {
  const idle = await pingWhile(subject.backend.masters, () => delay(2000))
  let tookMs = 0
  const pings = await pingWhile(subject.backend.masters, async () => {
    tookMs = await subject.deleteBigGroup()
  })
  const keys = (subject.size / 10).toLocaleString('en')
  say(`\nAnother client's PING while ${keys} keys are deleted in ${ms(tookMs)} (${subject.label})`)
  const row = (name, of) => [name, `${of.length}`, ...[0.5, 0.99, 1].map((share) => ms(percentile(of, share)))]
  say(table([['', 'pings', 'p50', 'p99', 'max'], row('idle', idle), row('deleting', pings)]))
  const p99 = percentile(pings, 0.99)
  if (isJudged(subject) && p99 > PING_AT_MOST_MS)
    miss(`PING took ${ms(p99)} at p99 during a delete, more than ${PING_AT_MOST_MS} ms`)
}

/** All keys expire together; nothing is called until both sorted sets are empty. */
async function judgeDraining(subject) {
  // The big group is gone: the time of this fill tells how long the next one takes.
  const seconds = await subject.fill()
  const endMs = Date.now() + 1000 * (1.5 * seconds + 5)
  await subject.fill(endMs)
  const late = Date.now() - endMs
  if (late > 0) throw new Error(`The second fill of ${subject.label} ended ${late} ms after its keys expired`)
  await delay(endMs - Date.now())
  const before = await subject.indexMembers()
  let members = before
  let waitedS = 0
  while (members > 0 && waitedS < DRAINED_WITHIN_S) {
    await delay(1000)
    waitedS = (Date.now() - endMs) / 1000
    members = await subject.indexMembers()
    const neededS = (waitedS * before) / (before - members)
    if (waitedS > 30 && neededS > 2 * DRAINED_WITHIN_S) break
  }
  const rate = perSecond((before - members) / 2, waitedS)
  const outcome = `${subject.label}: ${before - members} of ${before} members drained in ${waitedS.toFixed(0)} s (${rate} keys/s)`
  say(outcome)
  if (members > 0) miss(`The index does not drain within ${DRAINED_WITHIN_S} s after all keys expired. ${outcome}`)
}

async function judgeCommands({ backend, label, ownScans }) {
  const calls = new Map()
  for (const master of backend.masters) {
    for (const [, name, count] of (await master.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g))
      calls.set(name, (calls.get(name) ?? 0) + Number(count))
  }
  const scans = (calls.get('scan') ?? 0) - ownScans
  const found = NEVER.map((name) => `${name.toUpperCase()} ${calls.get(name) ?? 0}`)
  say(`Commands of the cache (${label}): ${found.join(', ')}, SCAN ${scans}`)
  for (const name of NEVER) if (calls.has(name)) miss(`The cache sent ${name.toUpperCase()} (${label})`)
  if (scans > 0) miss(`The cache sent SCAN ${scans} times though its index was whole (${label})`)
}

function spread(values) {
  return `${percentile(values, 0.5).toFixed(2)} (${percentile(values, 0.9).toFixed(2)})`
}

function ms(value) {
  return `${value.toFixed(value < 100 ? 2 : 0)} ms`
}

function perSecond(count, seconds) {
  return Math.round(count / seconds).toLocaleString('en')
}

function miss(sentence) {
  missed.push(sentence)
}

function say(text) {
  process.stdout.write(`${text}\n`)
}
