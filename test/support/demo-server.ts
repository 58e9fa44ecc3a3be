import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { endWithTests } from './end-with-tests.js'

const PROGRAM = fileURLToPath(new URL('../../dist/demo/server.js', import.meta.url))

/** The demo, as a user runs it: a program of its own. */
export interface DemoServer {
  /** Without a slash at the end. */
  readonly url: string
  /** What it has said so far. */
  output(): string
  /** Asks it to end, and gives the exit code. */
  close(): Promise<number | null>
}

/** Starts the built demo on a free port, with these variables and no others. Rejects with what it said when it ends instead. */
export async function startDemo(env: Record<string, string> = {}): Promise<DemoServer> {
  const demo = run(env)
  const url = await Promise.race([greeted(demo), ended(demo)])
  if (typeof url !== 'string') throw new Error(`The demo ended with ${url}:\n${demo.output()}`)
  return {
    url,
    output: demo.output,
    async close() {
      if (demo.child.exitCode === null) demo.child.kill('SIGTERM')
      return ended(demo)
    },
  }
}

/** Runs the built demo where it is not expected to start; gives its exit code and what it said. */
export async function runDemo(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const demo = run(env)
  const outcome = await Promise.race([greeted(demo), ended(demo)])
  if (typeof outcome === 'string') {
    demo.child.kill('SIGTERM')
    throw new Error(`The demo started:\n${demo.output()}`)
  }
  return { code: outcome, output: demo.output() }
}

interface Running {
  readonly child: ChildProcess
  output(): string
}

function run(env: Record<string, string>): Running {
  // in a folder without an .env
  const child = spawn(process.execPath, [PROGRAM], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  endWithTests(child)
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  return { child, output: () => output }
}

async function greeted({ child, output }: Running): Promise<string> {
  for (;;) {
    const url = /http:\/\/localhost:\d+/.exec(output())
    if (url) return url[0]
    // oxlint-disable-next-line no-await-in-loop -- each is the next piece of the same text
    await once(child.stdout!, 'data')
  }
}

async function ended({ child }: Running): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  return child.exitCode
}
