import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { endWithTests } from './end-with-tests.js'
import { findRedisServer } from './programs.js'
import { until } from './until.js'

const PORT = 6380

/** A Redis server behind a network cable of its own, which can be pulled: no reset, no end, nothing arrives any more. */
export interface CabledServer {
  readonly url: string
  pull(): void
  plug(): void
  close(): void
}

/** Why this machine gives the tests no network of their own; nothing when it does. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux'
  try {
    execFileSync('unshare', ['-n', 'true'], { stdio: 'pipe' })
    execFileSync('ip', ['link', 'show', 'lo'], { stdio: 'pipe' })
    execFileSync('nsenter', ['--version'], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `network namespaces are refused here (${String((error as Error).message).split('\n')[0]})`
  }
}

/** Starts a server in a network namespace, reached through a pair of virtual cards. */
export async function startCabledServer(): Promise<CabledServer> {
  const program = findRedisServer()
  if (program === undefined) throw new Error('No redis-server was found on the path: install it')
  const args = ['--port', `${PORT}`, '--bind', '0.0.0.0', '--protected-mode', 'no', '--save', '', '--appendonly', 'no']
  const child: ChildProcess = spawn('unshare', ['-n', program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  endWithTests(child)
  const net = `10.213.${process.pid % 256}`
  const card = `kc${process.pid % 100_000}`
  const inside = (...command: string[]): void => void execFileSync('nsenter', ['-t', `${child.pid}`, '-n', ...command])
  const outside = (...command: string[]): void => void execFileSync('ip', command, { stdio: 'pipe' })
  try {
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
    await until(() => output.includes('Ready to accept connections'), 'the server in its own network is ready')
    outside('link', 'add', card, 'type', 'veth', 'peer', 'name', 'inner', 'netns', `${child.pid}`)
    outside('addr', 'add', `${net}.1/30`, 'dev', card)
    outside('link', 'set', card, 'up')
    inside('ip', 'addr', 'add', `${net}.2/30`, 'dev', 'inner')
    inside('ip', 'link', 'set', 'inner', 'up')
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    url: `redis://${net}.2:${PORT}`,
    pull: () => inside('ip', 'link', 'set', 'inner', 'down'),
    plug: () => inside('ip', 'link', 'set', 'inner', 'up'),
    // the cards go with the namespace, which goes with its last process
    close: () => void child.kill('SIGKILL'),
  }
}
