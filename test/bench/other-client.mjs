import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Redis } from 'ioredis'

const EVERY_MS = 2

/** How long another client waits while something runs: the ms of each PING, sent every 2 ms to every master from a process of its own. */
export async function pingWhile(masters, run) {
  const ports = masters.map(({ options }) => `${options.port}`)
  const child = fork(import.meta.filename, ports, { serialization: 'advanced' })
  try {
    await once(child, 'message')
    child.send('begin')
    await run()
    child.send('end')
    const [pings] = await once(child, 'message')
    return pings
  } finally {
    child.kill()
  }
}

if (process.argv[1] === import.meta.filename) {
  const clients = process.argv.slice(2).map((port) => new Redis({ host: '127.0.0.1', port: Number(port) }))
  await Promise.all(clients.map((client) => client.ping()))
  process.send('ready')
  await once(process, 'message')
  const waits = []
  const timer = setInterval(() => {
    for (const client of clients) waits.push(waitOf(client))
  }, EVERY_MS)
  await once(process, 'message')
  clearInterval(timer)
  process.send(await Promise.all(waits))
}

async function waitOf(client) {
  const start = performance.now()
  await client.ping()
  return performance.now() - start
}
