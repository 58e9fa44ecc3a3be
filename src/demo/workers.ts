import cluster, { type Worker } from 'node:cluster'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { promisify } from 'node:util'
import type { Config } from './config.js'
import { listenAt } from './listen-at.js'
import { openRedis } from './redis.js'
import type { Serving } from './serve.js'
import { sharedSecret } from './sign-in/sessions.js'

/** Starts `config.workers` processes that serve one port together. A process that dies is replaced. Rejects when one cannot start. */
export async function startWorkers(config: Config): Promise<Serving> {
  // Check the port here. Otherwise every worker would report that it is taken.
  const probe = createServer()
  await listenAt(probe, config)
  await promisify(probe.close.bind(probe))()
  const SESSION_SECRET = config.sessionSecret ?? (await secretOf(config))
  let isClosing = false
  const start = (): Worker => cluster.fork({ SESSION_SECRET })
  const close = async (): Promise<void> => {
    isClosing = true
    await Promise.all(Object.values(cluster.workers ?? {}).map(async (worker) => worker && end(worker)))
  }

  let port: number
  try {
    const addresses = await Promise.all(Array.from({ length: config.workers }, async () => listening(start())))
    port = addresses[0]?.port ?? config.port
  } catch (error) {
    await close()
    throw error
  }
  cluster.on('exit', (worker) => {
    if (isClosing) return
    process.stderr.write(`Process ${worker.process.pid} has ended. Another takes its place.\n`)
    // Wait a second, so that a replacement that cannot start is not replaced again and again. It says itself why it cannot.
    setTimeout(() => isClosing || start(), 1000).unref()
  })
  return { port, close }
}

async function secretOf(config: Config): Promise<string> {
  if (config.redisUrl === undefined) return randomBytes(32).toString('base64url')
  const redis = openRedis(config.redisUrl)
  try {
    return await sharedSecret(redis)
  } finally {
    redis.disconnect()
  }
}

async function listening(worker: Worker): Promise<AddressInfo> {
  const stop = new AbortController()
  try {
    const [address] = await Promise.race([
      once(worker, 'listening', { signal: stop.signal }),
      once(worker, 'exit', { signal: stop.signal }).then(([code]) => {
        throw new Error(`A worker could not start (it ended with ${code})`)
      }),
    ])
    return address as AddressInfo
  } finally {
    stop.abort()
  }
}

async function end(worker: Worker): Promise<void> {
  const exited = once(worker, 'exit')
  worker.process.kill('SIGTERM')
  await exited
}
