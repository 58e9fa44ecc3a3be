// A process that reads through its cache at a steady pace, as its visitors do, and notes what came of it.
import { subscribe } from 'node:diagnostics_channel'
import { setTimeout as delay } from 'node:timers/promises'
import { createKeyedCache } from '../../dist/index.js'

const TICK_MS = 2
const LATE_EVERY_MS = 5

/** ms of a clock that all processes of this machine share. */
const now = () => Number(process.hrtime.bigint()) / 1e6
const silent = { info() {}, warn() {}, error() {} }
const nothing = () => ({
  begunMs: [],
  tookMs: [],
  failed: 0,
  runs: [],
  states: [],
  misses: [],
  hitsBy: {},
  latestMs: 0,
})

let cache
let noted = nothing()
let markedMs = Infinity
let answeredMs
let calling
const underWay = new Set()
const sockets = []
subscribe('net.client.socket', ({ socket }) => sockets.push(socket))

export async function open(options) {
  cache = createKeyedCache({ ...options, logger: silent })
  cache
    .on('state', ({ up }) => {
      noted.states.push({ up, atMs: now() })
      if (up) answered()
    })
    .on('hit', ({ by }) => {
      noted.hitsBy[by] = (noted.hitsBy[by] ?? 0) + 1
      if (by === 'store') answered()
    })
    .on('miss', ({ key }) => noted.misses.push({ key, atMs: now() }))
    .on('compute', ({ stored }) => stored && answered())
  while (!(await cache.set('ready', true))) await delay(20)
}

/** From now on the first answer of Redis is waited for: at the latest by this call, Redis must be away. */
export function mark() {
  markedMs = now()
  answeredMs = undefined
}

/** When Redis answered for the first time since the mark. */
export const firstAnswerMs = () => answeredMs

function answered() {
  if (answeredMs === undefined && now() > markedMs) answeredMs = now()
}

/** Reads keys one after the other, beginning with the one of this place. */
export function begin({ keys, perSecond, first = 0 }) {
  const loop = watchLoop()
  const beganMs = performance.now()
  let issued = 0
  calling = setInterval(() => {
    const due = Math.floor(((performance.now() - beganMs) / 1000) * perSecond) - issued
    // what a blocked event loop has missed is not made up for: that would be a load of its own
    const some = Math.min(due, Math.ceil((perSecond / 1000) * TICK_MS * 10))
    for (let n = 0; n < some; n++) {
      const one = call(`key::${(first + issued + n) % keys}`, loop)
      underWay.add(one)
      void one.then(() => underWay.delete(one))
    }
    issued += due
  }, TICK_MS)
}

/** What came of the calls that ended since this was asked last; `tookMs` without the time in which this process got no turn. */
export async function take() {
  await Promise.all(underWay)
  const taken = noted
  noted = nothing()
  return taken
}

export async function close() {
  clearInterval(calling)
  await Promise.all(underWay)
  await cache.close()
}

/** The ports at this end of the connections that are there. */
export const ports = () => sockets.filter(({ destroyed }) => !destroyed).map(({ localPort }) => localPort)

async function call(key, loop) {
  const begunMs = now()
  const lateMs = loop.sumMs()
  try {
    await cache.getOrSet(key, async () => {
      noted.runs.push({ key, begunMs: now() })
      return { key, text: 'x'.repeat(100) }
    })
  } catch {
    noted.failed += 1
  }
  noted.begunMs.push(begunMs)
  noted.tookMs.push(Math.max(0, now() - begunMs - (loop.sumMs() - lateMs)))
}

/** How late this process's timers are, in all. */
function watchLoop() {
  let lastMs = performance.now()
  let sumMs = 0
  const look = () => {
    const lateMs = performance.now() - lastMs - LATE_EVERY_MS
    // below that it is the granularity of timers
    if (lateMs > LATE_EVERY_MS) {
      sumMs += lateMs
      noted.latestMs = Math.max(noted.latestMs, lateMs)
    }
    lastMs = performance.now()
  }
  setInterval(look, LATE_EVERY_MS).unref()
  return {
    sumMs() {
      look()
      return sumMs
    },
  }
}
