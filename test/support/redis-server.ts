import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { endWithTests } from './end-with-tests.js'
import { findRedisServer } from './programs.js'

/** A real Redis server of the test's own, empty at the start, that keeps nothing on disk. */
export class RedisServer {
  readonly port: number
  readonly #folder: string
  readonly #args: readonly string[]
  #child: ChildProcess
  #client: Redis | undefined

  private constructor(port: number, folder: string, args: readonly string[], child: ChildProcess) {
    this.port = port
    this.#folder = folder
    this.#args = args
    this.#child = child
  }

  /** Starts a server on a free port; it answers when the promise resolves. */
  static async start(args: readonly string[]): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'keyedcache-redis-'))
    try {
      for (let attempt = 0; attempt < 20; attempt++) {
        const port = freePortGuess()
        const child = await launch(port, folder, args)
        if (child) return new RedisServer(port, folder, args, child)
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

  get pid(): number {
    return this.#child.pid ?? -1
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
    this.#child.kill('SIGSTOP')
  }

  /** Lets a frozen server go on. */
  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** Ends the server, if it still runs, and starts an empty one on the same port. */
  async restart(): Promise<void> {
    await this.kill()
    const child = await launch(this.port, this.#folder, this.#args)
    if (!child) throw new Error(`redis-server did not start again on port ${this.port}`)
    this.#child = child
  }

  /** Ends the server and removes what belonged to it. */
  async close(): Promise<void> {
    this.#client?.disconnect()
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Starts a real `redis-server` on a free port. Its options go before those given. */
export async function startRedis(options: { args?: readonly string[] } = {}): Promise<RedisServer> {
  return RedisServer.start(options.args ?? [])
}

// below the ports that systems give to outgoing connections, so that nothing takes it between kill and restart
function freePortGuess(): number {
  return 15_000 + Math.floor(Math.random() * 7_000)
}

async function launch(port: number, folder: string, args: readonly string[]): Promise<ChildProcess | undefined> {
  const program = findRedisServer()
  if (!program) throw new Error('No redis-server was found on the path: install it')
  const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']
  const child = spawn(program, [...own, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
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
  const probe = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 10, maxRetriesPerRequest: null })
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
