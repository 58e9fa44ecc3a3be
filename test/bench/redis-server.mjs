import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

/** How far the port by which the nodes of a Cluster speak to each other is from the one for clients. */
const BUS = 10_000

/** Starts a `redis-server`, empty, that keeps nothing on disk. */
export async function startRedis(args = []) {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'keyedcache-bench-'))
  const child = spawn(
    'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', ...args],
    { stdio: 'ignore' },
  )
  const endWithUs = () => child.kill('SIGKILL')
  process.once('exit', endWithUs)
  child.once('error', (error) => {
    throw new Error('redis-server cannot be started: install it', { cause: error })
  })
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {})
  await client.ping()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    client,
    async close() {
      client.disconnect()
      process.off('exit', endWithUs)
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Below those that systems give to outgoing connections, and so that a Cluster has its second port too. */
async function freePort() {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 3000)
    // eslint-disable-next-line no-await-in-loop -- until one is free
    if ((await isFree(port)) && (await isFree(port + BUS))) return port
  }
}

async function isFree(port) {
  const server = createServer()
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening')
    return true
  } catch (error) {
    if (error.code === 'EADDRINUSE') return false
    throw error
  } finally {
    server.close()
  }
}
