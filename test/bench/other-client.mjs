import { once } from 'node:events'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { Redis } from 'ioredis'

const EVERY_MS = 2

/** How long other clients wait while something runs: the ms of each PING, sent every 2 ms from a thread of its own. */
export async function pingWhile(masters, run) {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: masters.map(({ options: { host, port } }) => ({ host, port })),
  })
  try {
    await once(worker, 'message')
    worker.postMessage('begin')
    await run()
    worker.postMessage('end')
    const [pings] = await once(worker, 'message')
    return pings
  } finally {
    await worker.terminate()
  }
}

if (parentPort !== null) {
  const clients = workerData.map((options) => new Redis(options))
  await Promise.all(clients.map((client) => client.ping()))
  const pings = []
  const waiting = new Set()
  let timer
  parentPort.on('message', async (message) => {
    if (message === 'begin') timer = setInterval(sendAll, EVERY_MS)
    else {
      clearInterval(timer)
      await Promise.all(waiting)
      for (const client of clients) client.disconnect()
      parentPort.postMessage(pings)
    }
  })
  parentPort.postMessage('ready')

  function sendAll() {
    for (const client of clients) {
      const start = performance.now()
      const answered = client.ping().then(() => {
        pings.push(performance.now() - start)
        waiting.delete(answered)
      })
      waiting.add(answered)
    }
  }
}
