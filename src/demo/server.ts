import cluster from 'node:cluster'
import { existsSync } from 'node:fs'
import { KeyedCacheError } from '../index.js'
import { type Config, readConfig } from './config.js'
import { PortTakenError } from './listen-at.js'
import { type Serving, serve } from './serve.js'
import { startWorkers } from './workers.js'

try {
  await run()
} catch (error) {
  process.stderr.write(`${isForTheUser(error) ? error.message : (error as Error).stack}\n`)
  process.exit(1)
}

async function run(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const config = readConfig(process.env)
  // Outside production, the default prefix is enough for the demo. In production, the cache requires a prefix from the user.
  if (config.redisUrl !== undefined && process.env['NODE_ENV'] !== 'production') {
    process.env['KEYEDCACHE_KEY_PREFIX'] ||= 'keyedcache'
  }
  const isAlone = config.workers === 1
  const serving = await (isAlone || cluster.isWorker ? serve(config) : startWorkers(config))
  endOnSignals(serving)
  if (cluster.isPrimary) process.stdout.write(greeting(config, serving.port))
}

function endOnSignals(serving: Serving): void {
  let isEnding = false
  const end = (): void => {
    if (isEnding) return
    isEnding = true
    serving.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', end).on('SIGINT', end)
}

function greeting(config: Config, port: number): string {
  const password = config.isDefaultPassword ? config.password : 'the one in DEMO_PASSWORD'
  const place = config.redisUrl === undefined ? 'in this process' : 'in Redis'
  const count = config.workers > 1 ? `, shared by ${config.workers} processes` : ''
  return `The demo of keyedcache runs at http://localhost:${port}/ (its cache is ${place}${count})
  The dashboard is at http://localhost:${port}/cache
  Sign in as "staff", who may see it, or as "visitor", who may not. Password: ${password}
`
}

function isForTheUser(error: unknown): error is Error {
  return [TypeError, KeyedCacheError, PortTakenError].some((kind) => error instanceof kind)
}
