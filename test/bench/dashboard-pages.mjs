import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import { keyedcacheAdmin } from '../../dist/index.js'
import { percentile, timed } from './measure.mjs'

const GROUPS = 300

/** Loads each page of the dashboard so often on a filled backend. Gives of each the times in ms, the bytes and the commands of Redis. */
export async function measurePages(subject, rounds) {
  await countCalls(subject)
  const server = createServer(application(subject)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const measured = []
  for (const [name, path] of Object.entries(pages(subject))) {
    const url = `http://127.0.0.1:${server.address().port}/cache/${path}`
    measured.push(await measurePage(subject, name, url, rounds))
  }
  server.close().closeAllConnections()
  return measured
}

async function measurePage({ backend }, name, url, rounds) {
  const load = async () => {
    const answer = await fetch(url)
    const html = await answer.text()
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} for ${url}`)
    return Buffer.byteLength(html)
  }
  const bytes = await load()
  const samples = []
  for (let i = 0; i < rounds; i++) samples.push((await timed(load))[0])
  const [p50Ms, p95Ms] = [0.5, 0.95].map((share) => percentile(samples, share))
  return { name, p50Ms, p95Ms, bytes, commands: await fewestCommands(backend, load) }
}

/** What the overview tells of: calls of more groups than it shows. */
async function countCalls({ cache, keys }) {
  await cache.getMany(keys.slice(0, 1000))
  await Promise.all(Array.from({ length: GROUPS }, (_, i) => cache.getOrSet([`group-${i}`, 'item', i], () => i)))
  await cache.getMany(Array.from({ length: GROUPS }, (_, i) => [`group-${i}`, 'item', i]))
  while ((await cache.stats()).calls < 1000 + 2 * GROUPS);
}

function application({ cache }) {
  const app = express()
  app.use(session({ secret: 'a secret for benchmarks only', resave: false, saveUninitialized: false }))
  app.use('/cache', keyedcacheAdmin({ cache, user: () => ({ name: 'staff' }), isStaff: () => true }))
  return app
}

function pages({ keys }) {
  const sorted = keys.toSorted()
  const middle = sorted[keys.length / 2]
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

/** The commands sent for one page, those of scripts left out: the fewest of several times, since the cache sends its statistics between. */
async function fewestCommands({ client }, load) {
  const monitor = await client.monitor()
  let sent = 0
  monitor.on('monitor', (_time, _args, source) => {
    if (source !== 'lua') sent += 1
  })
  const counts = []
  for (let i = 0; i < 10; i++) {
    const before = await marked(client, monitor, () => sent)
    await load()
    counts.push((await marked(client, monitor, () => sent)) - before - 1)
  }
  monitor.disconnect()
  return Math.min(...counts)
}

/** Counts after everything that was sent before has been told. */
async function marked(client, monitor, count) {
  const mark = `mark ${performance.now()}`
  const told = new Promise((resolve) => {
    const listen = (_time, args) => {
      if (args[1] !== mark) return
      monitor.off('monitor', listen)
      resolve()
    }
    monitor.on('monitor', listen)
  })
  await client.echo(mark)
  await told
  return count()
}
