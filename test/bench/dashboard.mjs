import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import { keyedcacheAdmin } from '../../dist/index.js'
import { percentile, table, timed } from './measure.mjs'
import { startOneServer } from './one-server.mjs'
import { Subject } from './subject.mjs'

const KEYS = Number(process.env.KEYS ?? 1_000_000)
const ROUNDS = Number(process.env.ROUNDS ?? 200)
const GROUPS = 300
const AT_MOST = { p95Ms: 100, bytes: 60_000, commands: 10 }

const backend = await startOneServer()
const subject = new Subject(backend, KEYS)
const missed = []
try {
  await run()
} finally {
  await subject.cache.close()
  await backend.close()
}
for (const sentence of missed) say(`MISSED: ${sentence}`)
if (missed.length > 0) process.exitCode = 1
else say('Every target is met.')

async function run() {
  const seconds = await subject.fill()
  await countCalls()
  say(`${KEYS.toLocaleString('en')} keys, filled in ${seconds.toFixed(1)} s; each page ${ROUNDS} times\n`)
  const server = createServer(application()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const rows = []
  for (const [name, path] of Object.entries(pages())) {
    rows.push(await measured(name, `http://127.0.0.1:${server.address().port}/cache/${path}`))
  }
  server.close().closeAllConnections()
  say(table([['', 'p50 ms', 'p95 ms', 'kB of HTML', 'commands'], ...rows]))
}

/** What the overview tells of: calls of more groups than it shows. */
async function countCalls() {
  const { cache, keys } = subject
  await cache.getMany(keys.slice(0, 1000))
  await Promise.all(Array.from({ length: GROUPS }, (_, i) => cache.getOrSet([`group-${i}`, 'item', i], () => i)))
  await cache.getMany(Array.from({ length: GROUPS }, (_, i) => [`group-${i}`, 'item', i]))
  while ((await cache.stats()).calls < 1000 + 2 * GROUPS);
}

function application() {
  const app = express()
  app.use(session({ secret: 'a secret for benchmarks only', resave: false, saveUninitialized: false }))
  app.use('/cache', keyedcacheAdmin({ cache: subject.cache, user: () => ({ name: 'staff' }), isStaff: () => true }))
  return app
}

function pages() {
  const sorted = subject.keys.toSorted()
  const middle = sorted[KEYS / 2]
  const [root, group, part] = middle.split('::')
  const level = encodeURIComponent(`${root}::${group}`)
  const after = encodeURIComponent(middle)
  return {
    Overview: '',
    'Keys, first page': 'keys',
    'Keys, page in the middle': `keys?after=${after}&page=10000`,
    'Keys, 60 a page': `keys?after=${after}&limit=60`,
    'Keys, tree': 'keys?view=tree',
    'Keys, level of 1,000 groups': `keys?view=tree&prefix=${root}&limit=60`,
    'Keys, lowest level': `keys?view=tree&prefix=${level}%3A%3A${part}&limit=60`,
    'Keys, search': `keys?prefix=${level}`,
    'Keys, search for half a part': `keys?prefix=${root}%3A%3A02`,
    'One key': `key?k=${Buffer.from(middle).toString('base64url')}`,
    'Delete, preview of everything': 'delete?mode=all',
    Activity: 'activity',
  }
}

async function measured(name, url) {
  const load = async () => {
    const answer = await fetch(url)
    const html = await answer.text()
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} for ${url}`)
    return Buffer.byteLength(html)
  }
  const bytes = await load()
  const samples = []
  for (let i = 0; i < ROUNDS; i++) samples.push((await timed(load))[0])
  const [p50, p95] = [0.5, 0.95].map((share) => percentile(samples, share))
  const commands = await fewestCommands(load)
  if (p95 > AT_MOST.p95Ms) miss(name, `${p95.toFixed(1)} ms`, `${AT_MOST.p95Ms} ms`)
  if (bytes > AT_MOST.bytes) miss(name, `${bytes} bytes`, AT_MOST.bytes)
  if (commands > AT_MOST.commands) miss(name, `${commands} commands`, AT_MOST.commands)
  return [name, p50.toFixed(1), p95.toFixed(1), (bytes / 1000).toFixed(1), `${commands}`]
}

/** The commands sent for one page, those of scripts left out: the fewest of several times, since the cache sends its statistics between. */
async function fewestCommands(load) {
  const monitor = await backend.client.monitor()
  let sent = 0
  monitor.on('monitor', (_time, _args, source) => {
    if (source !== 'lua') sent += 1
  })
  const counts = []
  for (let i = 0; i < 10; i++) {
    const before = await marked(monitor, () => sent)
    await load()
    counts.push((await marked(monitor, () => sent)) - before - 1)
  }
  monitor.disconnect()
  return Math.min(...counts)
}

/** Counts after everything that was sent before has been told. */
async function marked(monitor, count) {
  const mark = `mark ${performance.now()}`
  const told = new Promise((resolve) => {
    const listen = (_time, args) => {
      if (args[1] !== mark) return
      monitor.off('monitor', listen)
      resolve()
    }
    monitor.on('monitor', listen)
  })
  await backend.client.echo(mark)
  await told
  return count()
}

function miss(name, found, most) {
  missed.push(`${name}: ${found}, more than ${most}`)
}

function say(text) {
  process.stdout.write(`${text}\n`)
}
