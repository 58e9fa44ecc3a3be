import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Computation } from '../../dist/cache/computing/computation.js'
import { createKeyedCache } from '../../dist/cache/create-keyed-cache.js'
import { RedisStore } from '../../dist/stores/redis/redis-store.js'
import { keepWhileAway } from './keeping-while-away.mjs'
import { watchStates } from './watched-states.mjs'

/** ms of a clock that all processes of this machine share, and that nobody sets. */
const now = () => Number(process.hrtime.bigint()) / 1e6

let cache
/** The versioned source, on a Redis that nobody troubles. */
let source
let operations = []
/** The calls of `getOrSet` that are under way. */
const waiting = new Set()
let states
let produced = 0
let stopped = false
let callers = []
let ticking
const counted = { hits: 0, misses: 0 }
/** Of the factories, the share that fails. */
let share = 0

/** Fallbacks beside the cache, right and wrong ones. */
const FALLBACKS = {
  'right fallback': {},
  'fallback that is not emptied': { isEmptied: false },
  'fallback that ignores own deletes': { heedsDeletes: false },
}

const BUGS = {
  /** What was computed is stored whether or not the lease still stands. */
  'fill without token': () => {
    RedisStore.prototype.fill = async function fill(entry) {
      return (await this.write([entry]))[0]
    }
  },
  /** A delete takes the entry, and lets those go on who compute it. */
  'delete leaves the lease': ({ redis, keyPrefix }) => {
    const raw = new Redis(redis)
    RedisStore.prototype.remove = async function remove(keys) {
      const gone = await Promise.all(keys.map((key) => raw.unlink(`${keyPrefix}:v:${key}`)))
      return keys.filter((_, i) => gone[i] === 1)
    }
  },
  /** Calls that have waited for a computation in vain wait for the next one, whoever leads it, and so on. Those that are new come first. */
  'waiting in vain again': () => {
    Computation.prototype.followNobody = () => {}
    const { acquire } = RedisStore.prototype
    RedisStore.prototype.acquire = async function acquireAsAlways(attempt) {
      if (!attempt.follows) await delay(20)
      const acquired = await acquire.call(this, { ...attempt, follows: true })
      return acquired.kind === 'follows' ? { ...acquired, leader: 'always the same' } : acquired
    }
  },
}

export async function open({ sourceUrl, bug, keepsForMs, failing = 0, ...options }) {
  BUGS[bug]?.(options)
  share = failing
  const silent = { info() {}, warn() {}, error() {} }
  cache = createKeyedCache({ ...options, logger: silent })
  states = watchStates(cache, now)
  if (FALLBACKS[bug] !== undefined) keepWhileAway(cache, { forMs: keepsForMs, ...FALLBACKS[bug] })
  cache.on('hit', () => (counted.hits += 1)).on('miss', () => (counted.misses += 1))
  source = new Redis(sourceUrl)
  await source.ping()
}

/**
 * Begins callers that do one thing after the other. Every process reads every key; keys with `owner` are written by that process
 * alone, one write at a time; those with `group` are deleted by all; those with `deleter` are read all the time and deleted by that
 * process every few ms; others only expire.
 */
export function begin({ keys, number, count, pauseMs }) {
  stopped = false
  noteDelays()
  const own = keys.filter(({ owner }) => owner === number)
  const often = keys.filter(({ deleter }) => deleter !== undefined)
  const others = keys.filter(({ deleter }) => deleter === undefined)
  const groups = [...new Set(keys.flatMap(({ group }) => group ?? []))]
  callers = [
    writeOwn(own, pauseMs),
    ...often.filter(({ deleter }) => deleter === number).map((one) => deleteOften(one)),
    ...often.flatMap((one) => Array.from({ length: one.readers }, () => readOften(one))),
    ...Array.from({ length: count - 1 }, () => mix(others, groups, pauseMs)),
  ]
}

/** Ends them; gives how many calls were counted by events. */
export async function end() {
  stopped = true
  await Promise.all(callers)
  clearInterval(ticking)
  return counted
}

/** Notes when this process got no turn. */
function noteDelays() {
  let lastMs = now()
  ticking = setInterval(() => {
    const endedMs = now()
    if (endedMs - lastMs > 30)
      operations.push({ pid: process.pid, op: 'delay', keys: [], versions: [], begunMs: lastMs, endedMs, ok: true })
    lastMs = endedMs
  }, 10)
}

/** What was done since this was asked last, who waits for a value, and when Redis answered this process or did not. */
export function take() {
  const taken = [...operations, ...Array.from(waiting, (call) => ({ ...call, endedMs: now(), ok: false }))]
  operations = []
  return { operations: taken, states: states.take() }
}

/** Nothing else of the process runs for so long. */
export function block(forMs) {
  const untilMs = now() + forMs
  while (now() < untilMs);
}

export const stats = () => cache.stats()

export async function close() {
  await states.stop()
  const begunMs = now()
  await cache.close()
  const tookMs = now() - begunMs
  await source.quit()
  return tookMs
}

async function writeOwn(keys, pauseMs) {
  while (!stopped) {
    const { key } = pick(keys)
    const version = await source.incr(`version ${key}`)
    if (Math.random() < 0.6) {
      const told = await produce(key, version)
      await note('set', [key], [version], async () => ({ ok: await cache.set(key, told) }))
    } else {
      await note('delete', [key], [version], async () => {
        await cache.delete(key)
        return { ok: true }
      })
    }
    await delay(Math.random() * pauseMs)
  }
}

async function deleteOften(one) {
  while (!stopped) {
    await removeAll('delete', [one], () => cache.delete(one.key))
    await delay(one.everyMs)
  }
}

async function readOften(one) {
  while (!stopped) {
    await readThrough(one)
    await delay(Math.random() * 10)
  }
}

async function mix(keys, groups, pauseMs) {
  while (!stopped) {
    const one = pick(keys)
    const dice = Math.random()
    if (dice < 0.35)
      await note('get', [one.key], [], async () => answer(await cache.get(one.key, { default: undefined })))
    else if (dice < 0.4) await noteMany(keys)
    else if (dice < 0.9 || one.group === undefined) await readThrough(one)
    else if (dice < 0.97) await removeAll('delete', [one], () => cache.delete(one.key))
    else {
      const group = pick(groups)
      const members = keys.filter((each) => each.group === group)
      if (dice < 0.985) await removeAll('deleteChildren', members, () => cache.delete(group, { children: true }))
      else await removeAll('deleteTag', members, () => cache.deleteTag(`of ${group}`))
    }
    await delay(Math.random() * pauseMs)
  }
}

async function noteMany(keys) {
  const some = [pick(keys), pick(keys), pick(keys)].map(({ key }) => key)
  const begunMs = now()
  const values = await cache.getMany(some)
  const endedMs = now()
  for (const [i, key] of some.entries()) {
    operations.push({ pid: process.pid, op: 'get', keys: [key], versions: [], begunMs, endedMs, ...answer(values[i]) })
  }
}

async function readThrough({ key, group, factoryMs = 5 + Math.random() * 25 }) {
  await note('getOrSet', [key], [], async () =>
    answer(
      await cache.getOrSet(
        key,
        async () => {
          const begunMs = now()
          const told = await produce(key, undefined)
          await delay(factoryMs)
          const ok = Math.random() >= share
          const run = { pid: process.pid, op: 'run', keys: [key], versions: [told.version], id: told.id }
          operations.push({ ...run, ok, begunMs, endedMs: now() })
          if (!ok) throw Object.assign(new Error('the source has failed'), { code: 'ERR_SOURCE' })
          return told
        },
        group === undefined ? {} : { tags: [`of ${group}`] },
      ),
    ),
  )
}

/** Changes the source, then deletes the copies. */
async function removeAll(op, members, deletion) {
  const names = members.map(({ key }) => key)
  const versions = await Promise.all(names.map((key) => source.incr(`version ${key}`)))
  await note(op, names, versions, async () => {
    await deletion()
    return { ok: true }
  })
}

/** A value that tells where it is from; noted where it outlives this process, before anybody can have it. */
async function produce(key, version) {
  const id = `${process.pid} ${produced++}`
  const current = version ?? Number(await source.get(`version ${key}`))
  await source.rpush('produced', JSON.stringify({ id, key, version: current, begunMs: now() }))
  return { id, key, version: current, again: `${id} ${key} ${current}` }
}

function answer(value) {
  return { ok: true, value }
}

async function note(op, keys, versions, call) {
  const noted = { pid: process.pid, op, keys, versions, begunMs: now() }
  if (op === 'getOrSet') waiting.add(noted)
  let outcome
  try {
    outcome = await call()
  } catch (error) {
    outcome = { ok: false, code: error.code ?? String(error) }
  }
  waiting.delete(noted)
  operations.push({ ...noted, endedMs: now(), ...outcome })
}

function pick(list) {
  return list[Math.floor(Math.random() * list.length)]
}
