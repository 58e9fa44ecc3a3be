// What a cache takes of Redis: bytes for each key, commands for each call, and commands and connections for each process that does nothing.
// Reckons from that what many keys and processes take. One launch of `npm run bench:tables -- sizing`.
import { setTimeout as delay } from 'node:timers/promises'
import { createKeyedCache } from '../../dist/index.js'
import { startCluster } from './cluster.mjs'
import { handOver, isShort } from './tables/hand-over.mjs'
import { markdown } from './tables/markdown.mjs'
import { startOneServer } from './one-server.mjs'

const PREFIX = 'sizing'
const KEYS = isShort ? 5000 : 100_000
const CHUNK = 500
/** A process tells every ten seconds that it is there, so each window has that once for every process. */
const IDLE_MS = isShort ? 2000 : 10_000
/** Until what opening a cache sends is over. */
const SETTLED_MS = isShort ? 500 : 3000
const IDLE_CACHES = 11
const CALLS = 100
const RECKONED_KEYS = [10_000, 100_000, 1_000_000, 10_000_000]
const RECKONED_PROCESSES = [1, 10, 100, 1000]

const [one, cluster] = [await startOneServer(), await startCluster()]
try {
  const bytes = await bytesOfKeys()
  await Promise.all([watch(one), watch(cluster)])
  const calls = await commandsOfCalls()
  handOver(report(bytes, calls, await Promise.all([idleCost(one), idleCost(cluster)])))
} finally {
  await Promise.all([one.close(), cluster.close()])
  // Their monitors would look for them for ever
  process.exit()
}

function cacheOn({ redis }, options = {}) {
  return createKeyedCache({ redis, keyPrefix: PREFIX, redisTimeout: '10s', ttl: '1d', ...options })
}

function keyAt(i) {
  return `product::${String(i % 1000).padStart(4, '0')}::${String(i).padStart(8, '0')}`
}

/** As JSON it has 300 bytes. */
function value(i) {
  const head = { id: i, name: `Product ${i}` }
  return { ...head, text: 'x'.repeat(300 - JSON.stringify({ ...head, text: '' }).length) }
}

/** Bytes of Redis for each key, of many keys written at once. */
async function bytesOfKeys() {
  const entries = Array.from({ length: KEYS }, (_, i) => [keyAt(i), value(i)])
  const ways = {
    plain: async () => {
      for (let at = 0; at < KEYS; at += CHUNK) {
        const pipeline = one.client.pipeline()
        for (const [key, each] of entries.slice(at, at + CHUNK)) pipeline.set(key, JSON.stringify(each), 'EX', 86_400)
        await pipeline.exec()
      }
    },
    cached: async () => fill({}),
    tagged: async () => fill({ tags: ['sale'] }),
    ownTag: async () => {
      const cache = cacheOn(one)
      for (let at = 0; at < KEYS; at += CHUNK) {
        const numbers = Array.from({ length: CHUNK }, (_, i) => at + i)
        const stored = await Promise.all(
          numbers.map((i) => cache.set(keyAt(i), value(i), { tags: [`tag-${keyAt(i)}`] })),
        )
        if (stored.includes(false)) throw new Error('Not all were stored')
      }
      await cache.close()
    },
  }
  async function fill(options) {
    const cache = cacheOn(one)
    for (let at = 0; at < KEYS; at += CHUNK) {
      if (!(await cache.setMany(entries.slice(at, at + CHUNK), options))) throw new Error('Not all were stored')
    }
    await cache.close()
  }
  const taken = {}
  for (const [way, write] of Object.entries(ways)) {
    await one.client.flushall()
    const before = await usedMemory(one.client)
    await write()
    taken[way] = Math.round(((await usedMemory(one.client)) - before) / KEYS)
  }
  await one.client.flushall()
  return taken
}

async function usedMemory(client) {
  await delay(1500)
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1])
}

/** How many commands a process sends for each kind of call, on one server and on a Cluster. */
async function commandsOfCalls() {
  const numbers = Array.from({ length: CALLS }, (_, i) => i)
  const kinds = {
    '`get` or `getOrSet` that hits': (cache, i) => cache.getOrSet(['hit', i], () => i),
    '`getOrSet` that misses': (cache, i) => cache.getOrSet(['miss', i], () => i),
    '`set`': (cache, i) => cache.set(['hit', i], i),
    '`delete` of a key': (cache, i) => cache.delete(['hit', i]),
    '`delete` with 100 children': (cache, i) => cache.delete(['tree', i], { children: true }),
    '`deleteTag` of 100 keys': (cache, i) => cache.deleteTag(`tag${i}`),
    '`getMany` of 100 keys': (cache) => cache.getMany(numbers.map((j) => ['many', j])),
    '`keys`, a page of 100': (cache) => cache.keys('many', { limit: 100 }),
    '`count`': (cache) => cache.count('many'),
  }
  const rows = Object.keys(kinds).map((kind) => [kind])
  for (const backend of [one, cluster]) {
    const cache = cacheOn(backend)
    await cache.require()
    const store = async (name, options) => {
      const stored = await cache.setMany(
        numbers.map((i) => [[...name, i], value(i)]),
        options,
      )
      if (!stored) throw new Error(`The values of ${name} were not stored`)
    }
    await store(['many'])
    await store(['hit'])
    for (const i of numbers.slice(0, 10)) {
      await store(['tree', i])
      await store(['tagged', i], { tags: [`tag${i}`] })
    }
    for (const [place, call] of Object.values(kinds).entries()) {
      const counts = []
      for (const i of numbers.slice(0, 10)) counts.push(await commandsDuring(backend, () => call(cache, i)))
      // What a process sends by itself falls into some of them
      rows[place].push(String(Math.min(...counts)))
    }
    await cache.close()
  }
  return rows
}

/** Has every command that clients send put on a list, without those of scripts. It lasts as long as the servers. */
async function watch(backend) {
  backend.seen = []
  for (const master of backend.masters) {
    const monitor = await master.monitor()
    monitor.on('error', () => {})
    monitor.on('monitor', (_time, args, source) => {
      if (source !== 'lua') backend.seen.push(args[0])
    })
  }
}

/** How many commands clients send while something runs. */
async function commandsDuring(backend, run) {
  backend.seen.length = 0
  await run()
  await delay(20)
  return backend.seen.length
}

/** What caches cost that are open and have just been used: commands a second of the first and of each further one, and connections. */
async function idleCost(backend) {
  const few = await idle(backend, 1)
  const many = await idle(backend, IDLE_CACHES)
  const near = await openConnections(backend, { near: true })
  const each = (many.perSecond - few.perSecond) / (IDLE_CACHES - 1)
  return { label: backend.label, one: few.perSecond, each, connections: many.connections, near }
}

/** Commands a second of so many caches together, and connections of each. */
async function idle(backend, number) {
  await freeUpkeep(backend)
  const own = await connections(backend)
  const caches = Array.from({ length: number }, () => cacheOn(backend))
  await Promise.all(caches.map((cache, i) => cache.set(['idle', i], i)))
  await delay(SETTLED_MS)
  const open = (await connections(backend)) - own
  const sent = await commandsDuring(backend, () => delay(IDLE_MS))
  await Promise.all(caches.map((cache) => cache.close()))
  return { perSecond: (sent * 1000) / IDLE_MS, connections: open / number }
}

/** Connections of one cache with these options. */
async function openConnections(backend, options) {
  const own = await connections(backend)
  const cache = cacheOn(backend, options)
  await cache.set('idle', 1)
  await delay(SETTLED_MS)
  const open = (await connections(backend)) - own
  await cache.close()
  return open
}

/** So that one of the next caches does the upkeep at once: the lease of one that is closed goes on for ten seconds. */
async function freeUpkeep({ masters }) {
  for (const master of masters) {
    const names = await master.keys(`${PREFIX}:sweeper*`)
    for (const name of names) await master.del(name)
  }
}

async function connections({ masters }) {
  const lists = await Promise.all(masters.map((master) => master.client('LIST')))
  return lists.reduce((sum, list) => sum + list.trim().split('\n').length, 0)
}

function report({ plain, cached, tagged, ownTag }, calls, costs) {
  const more = cached - plain
  return [
    `**Bytes, measured** with ${count(KEYS)} keys of ${keyAt(0).length} bytes, whose values are 300 bytes of JSON, by \`used_memory\`:`,
    markdown([
      ['Stored by', 'bytes a key'],
      ['`SET` of plain Redis, with an expiry', count(plain)],
      ['keyedcache, with its place in the index', count(cached)],
      ['the same with one tag', count(tagged)],
      ['the same with one tag of its own', count(ownTag)],
    ]),
    `So a key takes the bytes of its value as plain Redis stores it, and about ${count(more)} more: it stands in two sorted sets, which grow with its name, and its value has a header and a checksum.`,
    `**Bytes, reckoned** from that, for values of 300 bytes and of 2 KB:`,
    markdown([
      ['Keys', 'values of 300 bytes', 'values of 2 KB', 'of that, index and header'],
      ...RECKONED_KEYS.map((keys) => [
        count(keys),
        size(keys * cached),
        size(keys * (cached + 2048 - 300)),
        size(keys * more),
      ]),
    ]),
    `Allow as much again for what Redis needs beside its data: a fork that saves it, replicas, buffers of clients, and memory that is fragmented.`,
    `**Commands of a call, measured** as a process sends them, one call at a time; what scripts do inside Redis is not counted. Calls of the same moment share commands: many reads leave as one \`MGET\`, many writes as one script.`,
    markdown([['Call', ...costs.map(({ label }) => label)], ...calls]),
    `**Processes, measured.** A process that does nothing sends commands too: it asks whether Redis answers and what time it is there, sends its statistics, and one of all processes removes from the index what has expired or was evicted. With 1 and ${IDLE_CACHES} caches over ${IDLE_MS / 1000} s each:`,
    markdown([
      ['', ...costs.map(({ label }) => label)],
      ['commands a second, of the first process', ...costs.map(({ one: first }) => first.toFixed(1))],
      ['of each further process', ...costs.map(({ each }) => each.toFixed(1))],
      ['connections of a process', ...costs.map((cost) => count(cost.connections))],
      ['connections of a process with `near`', ...costs.map(({ near }) => count(near))],
    ]),
    `**Processes, reckoned** from that:`,
    markdown([
      ['Processes', ...costs.flatMap(({ label }) => [`idle commands a second, ${label}`, `connections, ${label}`])],
      ...RECKONED_PROCESSES.map((processes) => [
        count(processes),
        ...costs.flatMap(({ one: first, each, connections: open }) => [
          count(first + each * (processes - 1)),
          count(open * processes),
        ]),
      ]),
    ]),
  ].join('\n\n')
}

function count(number) {
  return Math.round(number).toLocaleString('en')
}

function size(bytes) {
  return bytes < 1e9 ? `${count(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}
