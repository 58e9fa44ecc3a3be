import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { CERTIFIED } from './certificates.js'
import { endWithTests } from './end-with-tests.js'
import { findRedisServer } from './programs.js'

const OWN_ARGS = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']

export interface RedisServerOptions {
  /** Options of `redis-server`, which win over those that every server of the tests has. */
  readonly args?: readonly string[]
  /** What stands in its configuration file, which a Sentinel must have. */
  readonly config?: string
  /** Whether it speaks TLS too, on a port of its own. */
  readonly tls?: boolean
  /** What its environment has beside that of the tests. */
  readonly env?: Readonly<Record<string, string>>
}

/** Its TLS port is this much below the other one, so that also the second port of a node of a Cluster is below those of the system. */
const TLS_BELOW = 5000

/** A real Redis server of the test's own, empty at the start, that keeps nothing on disk. */
export class RedisServer {
  readonly port: number
  readonly #folder: string
  readonly #args: readonly string[]
  readonly #env: Readonly<Record<string, string>>
  #child: ChildProcess
  #frozen = false
  #client: Redis | undefined

  private constructor(
    port: number,
    folder: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    child: ChildProcess,
  ) {
    this.port = port
    this.#folder = folder
    this.#args = args
    this.#env = env
    this.#child = child
  }

  /** Starts a server on a free port; it answers when the promise resolves. */
  static async start({ args = [], config, tls = false, env = {} }: RedisServerOptions): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'keyedcache-redis-'))
    try {
      const file = join(folder, 'redis.conf')
      if (config !== undefined) await writeFile(file, config)
      for (let attempt = 0; attempt < 20; attempt++) {
        const port = freePortGuess()
        const secured = tls ? [...CERTIFIED, '--tls-port', `${port - TLS_BELOW}`] : []
        const all = [...(config === undefined ? [] : [file]), ...OWN_ARGS, '--dir', folder, ...secured, ...args]
        const child = await launch(port, all, env)
        if (child) return new RedisServer(port, folder, all, env, child)
      }
      throw new Error('redis-server found 20 ports in use, one after another')
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Where it speaks TLS. */
  get tlsPort(): number {
    return this.port - TLS_BELOW
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** Whether it can answer: neither ended nor frozen. */
  get running(): boolean {
    return !this.#frozen && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** A connection for the test to look around with; always the same one, closed with the server. */
  client(): Redis {
    // a test that ends the server under this connection means to, and the connection comes back by itself
    this.#client ??= new Redis(this.url, { retryStrategy: () => 20 }).on('error', () => {})
    return this.#client
  }

  /** Ends the server as a crash would. Everything in it is lost. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  /** Freezes the server: connections stay open and nothing is answered. */
  stop(): void {
    this.#frozen = true
    this.#child.kill('SIGSTOP')
  }

  /** Lets a frozen server go on. */
  resume(): void {
    this.#child.kill('SIGCONT')
    this.#frozen = false
  }

  /** Ends the server, if it still runs, and starts an empty one on the same port. */
  async restart(): Promise<void> {
    await this.kill()
    const child = await launch(this.port, this.#args, this.#env)
    if (!child) throw new Error(`redis-server did not start again on port ${this.port}`)
    this.#child = child
    this.#frozen = false
  }

  /** Ends the server and removes what belonged to it. */
  async close(): Promise<void> {
    this.#client?.disconnect()
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Starts a real `redis-server` on a free port. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  return RedisServer.start(options)
}

/**
 * Below the ports that systems give to outgoing connections, so that nothing takes it between kill and restart; the same holds
 * for the second port of a node of a Cluster, 10,000 above.
 */
function freePortGuess(): number {
  return 15_000 + Math.floor(Math.random() * 7_000)
}

/** Gives nothing when another program has the port. */
async function launch(
  port: number,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ChildProcess | undefined> {
  const program = findRedisServer()
  if (!program) throw new Error('No redis-server was found on the path: install it')
  const child = spawn(program, [...args, '--port', `${port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  endWithTests(child)
  const ended = once(child, 'exit').then(() => 'ended' as const)
  const outcome = await Promise.race([ended, answers(port, child)])
  if (outcome === 'answers') return child
  if (/address already in use/i.test(output)) return undefined
  throw new Error(`redis-server ended at once:\n${output}`)
}

async function answers(port: number, child: ChildProcess): Promise<'answers'> {
  const probe = new Redis({
    port,
    host: '127.0.0.1',
    retryStrategy: () => 10,
    maxRetriesPerRequest: null,
    maxLoadingRetryTime: 20,
  })
  probe.on('error', () => {})
  child.once('exit', () => probe.disconnect())
  try {
    // another server may hold the port that this one could not get
    while (!(await probe.info('server')).includes(`process_id:${child.pid}\r\n`)) probe.disconnect(true)
    await probe.ping()
    return 'answers'
  } finally {
    probe.disconnect()
  }
}
