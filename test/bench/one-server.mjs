import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

/**
 * A backend for the benchmark: one `redis-server` of its own, empty, that keeps nothing on disk.
 * `redis` is what a cache is given, `client` reaches every name, `masters` are where the names are, `tags` what the cache puts after
 * its prefix on each shard.
 */
export async function startOneServer() {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'keyedcache-bench-'))
  const child = spawn(
    'redis-server',
    ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
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
    label: 'one server',
    redis: `redis://127.0.0.1:${port}`,
    client,
    masters: [client],
    tags: [''],
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

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
