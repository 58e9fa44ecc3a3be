import { fork, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { createKeyedCache } from '../../../dist/index.js'
import { percentile } from '../measure.mjs'
import { childAnswer } from './child-answer.mjs'
import { valueOf } from './values.mjs'

const PROCESSES = 4
const CHANGES_A_SECOND = 1000
/** Each is changed by one process only, and read by all. */
const KEYS = 64
/** Each change of that number is a `DEL` by `redis-cli`, the others are writes. */
const NTH_IS_DELETED = 4
const READ_EVERY_MS = 2
const CUT_EVERY_MS = 500
/** Until code is compiled. */
const WARM_UP_MS = 1500
/** So that all processes have their message when they begin. */
const BEGIN_AFTER_MS = 500
/** How long all go on reading after the last change. */
const READ_ON_MS = 2000
const PREFIX = 'coherence'

/** What is measured, as the table says it. */
export const coherenceText = `a change in the near tier of ${PROCESSES} processes, ${CHANGES_A_SECOND.toLocaleString('en')} a second, \`redis-cli DEL\` among them`

/**
 * Lets processes with a near tier change keys, and read all of them again and again. Gives after how long, in ms, a change is seen by
 * all of them, and how many never were; then the same while the connections that tell of changes are cut twice a second.
 */
export async function measureCoherence({ redis, client }, forMs) {
  const processes = Array.from({ length: PROCESSES }, (_, i) => fork(import.meta.filename, [redis, `${i}`]))
  try {
    await Promise.all(processes.map(childAnswer))
    const run = async (lengthMs) => {
      const answers = processes.map((child) => {
        const answer = childAnswer(child)
        child.send({ beginMs: now() + BEGIN_AFTER_MS, forMs: lengthMs })
        return answer
      })
      return lags(await Promise.all(answers))
    }
    await run(WARM_UP_MS)
    const calm = await run(forMs)
    const cutting = setInterval(() => void client.client('KILL', 'TYPE', 'pubsub'), CUT_EVERY_MS)
    const cut = await run(forMs).finally(() => clearInterval(cutting))
    return { calm, cut }
  } finally {
    for (const child of processes) child.kill()
  }
}

/** Compares what was changed with what was seen, on the clock that all processes of a machine share. */
function lags(logs) {
  const changes = logs.flatMap((log) => log.changes)
  // A change is seen by all when the last of them sees it.
  const slowest = Array.from({ length: KEYS }, (_, key) => {
    const ofKey = changes.filter((each) => each.key === key)
    const perProcess = logs.map(({ seen }) =>
      lagsOfKey(
        ofKey,
        seen.filter((each) => each.key === key),
      ),
    )
    return ofKey.map((_change, i) => Math.max(...perProcess.map((all) => all[i])))
  }).flat()
  return {
    medianMs: percentile(slowest, 0.5),
    p99Ms: percentile(slowest, 0.99),
    neverSeen: slowest.filter((lag) => lag === Infinity).length,
  }
}

/** For each change of a key, how long one process went on seeing what was before it. */
function lagsOfKey(changes, seen) {
  const versions = seen.map(({ version, atMs }) => version ?? deletionBy(changes, atMs))
  // What a process sees later must not be older.
  for (let i = versions.length - 2; i >= 0; i--) versions[i] = Math.min(versions[i], versions[i + 1])
  let next = 0
  return changes.map(({ version, doneMs }) => {
    while (next < versions.length && versions[next] < version) next++
    return next < versions.length ? Math.max(0, seen[next].atMs - doneMs) : Infinity
  })
}

/** The last deletion that may be the reason why a key is missing. */
function deletionBy(changes, atMs) {
  return changes.findLast(({ isDeleted, begunMs }) => isDeleted && begunMs <= atMs)?.version ?? 0
}

/** ms of a clock that all processes of this machine share. */
function now() {
  return Number(process.hrtime.bigint()) / 1e6
}

if (process.argv[1] === import.meta.filename) {
  const [redis, number] = process.argv.slice(2)
  const cache = createKeyedCache({ redis, keyPrefix: PREFIX, near: true, redisTimeout: '10s' })
  const keys = Array.from({ length: KEYS }, (_, i) => i)
  const own = keys.filter((key) => key % PROCESSES === Number(number))
  const versions = new Map(own.map((key) => [key, 0]))
  const value = valueOf(300)
  const drop = deleteBy(redis)
  await Promise.all(own.map((key) => change(key)))
  await areNear()
  process.send('ready')
  process.on('message', ({ beginMs, forMs }) => {
    void takePart(beginMs, beginMs + forMs).then((log) => process.send(log))
  })
  process.on('disconnect', () => process.exit())

  /** Until copies of all keys answer. */
  async function areNear() {
    const near = new Set()
    cache.on('hit', ({ key, by }) => by === 'near' && near.add(key))
    while (near.size < KEYS) {
      for (const key of keys) await cache.get(['k', key], { default: undefined })
      await delay(READ_EVERY_MS)
    }
  }

  async function takePart(beginMs, endMs) {
    await delay(beginMs - now())
    const [changes, seen] = await Promise.all([makeChanges(endMs), watch(endMs + READ_ON_MS)])
    return { changes, seen }
  }

  async function makeChanges(endMs) {
    const everyMs = (1000 * PROCESSES) / CHANGES_A_SECOND
    const made = []
    const last = new Map()
    let next = 0
    for (let dueMs = now(); dueMs < endMs; dueMs += everyMs) {
      if (dueMs > now()) await delay(dueMs - now())
      const key = own[next++ % own.length]
      const before = last.get(key)
      last.set(
        key,
        (async () => {
          await before
          made.push(await change(key))
        })(),
      )
    }
    await Promise.all(last.values())
    return made
  }

  async function change(key) {
    const version = versions.get(key) + 1
    versions.set(key, version)
    const isDeleted = version % NTH_IS_DELETED === 0
    const begunMs = now()
    const isDone = await (isDeleted
      ? drop(`${PREFIX}:v:k::${key}`)
      : cache.set(['k', key], { ...value, version }, { ttl: '1h' }))
    if (!isDone) throw new Error(`The change ${version} of ${key} was not made`)
    return { key, version, isDeleted, begunMs, doneMs: now() }
  }

  /** What each key is seen to be, and since when. */
  async function watch(endMs) {
    const seen = []
    const last = new Map()
    const look = async (key) => {
      const version = (await cache.get(['k', key], { default: undefined }))?.version
      if (last.has(key) && last.get(key) === version) return
      last.set(key, version)
      seen.push({ key, version, atMs: now() })
    }
    while (now() < endMs) {
      await Promise.all(keys.map(look))
      await delay(READ_EVERY_MS)
    }
    return seen
  }
}

/** Deletes by a `redis-cli` that stays open. */
function deleteBy(redis) {
  const cli = spawn('redis-cli', ['-u', redis], { stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = []
  createInterface(cli.stdout).on('line', (line) => waiting.shift()(line === '1'))
  return (name) =>
    new Promise((resolve) => {
      waiting.push(resolve)
      cli.stdin.write(`DEL ${name}\n`)
    })
}
