import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
// not the whole package, whose import of express takes as long as everything else
import { createKeyedCache } from '../../dist/cache/create-keyed-cache.js'

/** ms of a clock that all processes of this machine share, and that nobody sets. */
const now = () => Number(process.hrtime.bigint()) / 1e6

let cache
/** A connection of the test's own: what it notes there outlives the process. */
let notes
const runs = []
const errors = []
const gates = new Map()

export async function open({ notesUrl, ...options }) {
  cache = createKeyedCache({ redisTimeout: '5s', ...options })
  cache.on('error', ({ operation, error }) => errors.push(`${operation}: ${error?.message}`))
  notes = new Redis(notesUrl)
  await cache.require()
}

export async function close() {
  await Promise.all([cache.close(), notes.quit()])
}

/** The factories that ran here: when they began and ended. */
export const runsHere = () => runs
export const errorsHere = () => errors

/** Calls getOrSet with one factory `calls` times at once, for each of the keys. */
export async function burst({ keys, calls = 1, factory = {}, options }) {
  const answers = keys.flatMap((key) =>
    Array.from({ length: calls }, () => timed(key, () => cache.getOrSet(key, make(key, factory), options))),
  )
  return Promise.all(answers)
}

/** The same with one call for each key, all keys in one getOrSetMany. */
export async function many({ keys, factory = {}, options }) {
  const computed = (missing, context) =>
    Promise.all(missing.map((key) => make(key, factory)({ ...context, skip() {} })))
  return timed(keys[0], () => cache.getOrSetMany(keys, computed, options))
}

export const get = (key) => cache.get(key, { default: undefined })
export const set = (key, value, options) => cache.set(key, value, options)
export const remove = (key, options) => cache.delete(key, options)
export const entry = (key) => cache.entry(key)
export const clock = () => Date.now()
export const computing = () => cache.computing()

/** Lets the factories of `{ gate }` end. */
export function openGate(gate) {
  gateOf(gate).open()
}

/** Reads keys through the cache, each this often a second, and gives for each value got when the first call that got it began. */
export async function readSteadily({ keys, perSecond, untilMs, factory, options }) {
  const firstCalls = new Map(keys.map((key) => [key, new Map()]))
  await Promise.all(
    keys.map(async (key) => {
      const calls = []
      await delay((Math.random() * 1000) / perSecond)
      while (now() < untilMs) {
        calls.push(
          timed(key, () => cache.getOrSet(key, make(key, factory), options)).then(({ value, beganMs }) => {
            const first = firstCalls.get(key)
            first.set(value, Math.min(beganMs, first.get(value) ?? Infinity))
          }),
        )
        await delay(1000 / perSecond)
      }
      await Promise.all(calls)
    }),
  )
  return firstCalls
}

/** Watches entries until they are gone; gives when each was first seen in each state. */
export async function watch(keys) {
  return Promise.all(
    keys.map(async (key) => {
      const seen = {}
      while (seen.gone === undefined) {
        const found = await cache.entry(key)
        seen[found === undefined ? 'gone' : found.stale ? 'stale' : 'fresh'] ??= now()
        await delay(3)
      }
      return seen
    }),
  )
}

/** Computes keys by factories that never settle; gives how many of these factories are still in memory after all. */
export async function neverSettling(keys, options) {
  const factories = []
  const forgetful = (key) => {
    const factory = () => new Promise(() => {})
    factories.push(new WeakRef(factory))
    return cache.getOrSet(key, factory, options).catch((error) => error.code)
  }
  const outcomes = await Promise.all(keys.map(forgetful))
  await delay(10)
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return { outcomes, remembered: factories.filter((factory) => factory.deref() !== undefined).length }
}

async function timed(key, call) {
  const beganMs = now()
  try {
    const value = await call()
    return { key, value, beganMs, settledMs: now() }
  } catch (error) {
    return { key, error: { name: error.name, message: error.message, code: error.code }, beganMs, settledMs: now() }
  }
}

/** A factory: takes its time (until its gate opens, for ever), then ends in one of many ways; its value tells the run, unless one is given. */
function make(key, { ms = 0, gate, ends = 'run', note } = {}) {
  return async ({ signal, skip }) => {
    const run = {
      key,
      pid: process.pid,
      name: `${process.pid} ${runs.length}`,
      startedMs: now(),
      endedMs: undefined,
      abortedMs: undefined,
    }
    runs.push(run)
    signal.addEventListener('abort', () => (run.abortedMs = now()), { once: true })
    const noted = notes.rpush(`runs ${key}`, run.name)
    const read = note === undefined ? undefined : await notes.get(note)
    await noted
    if (gate !== undefined) await gateOf(gate).opened
    if (ends === 'never') await new Promise(() => {})
    await delay(Math.max(0, run.startedMs + ms - now()))
    run.endedMs = now()
    switch (ends) {
      case 'run':
        return run.name
      case 'note':
        return Number(read)
      case 'null':
        return null
      case 'undefined':
        return undefined
      case 'throw':
        throw new Error(`failed in ${process.pid}`)
      case 'skip':
        skip()
        return `skipped in ${process.pid}`
      case 'unstorable':
        return new Unstorable(run.name)
      default:
        throw new Error(`No such end: ${ends}`)
    }
  }
}

/** Instances of classes cannot be stored. */
class Unstorable {
  constructor(run) {
    this.run = run
  }
}

function gateOf(name) {
  let gate = gates.get(name)
  if (gate === undefined) {
    gate = {}
    gate.opened = new Promise((resolve) => (gate.open = resolve))
    gates.set(name, gate)
  }
  return gate
}
