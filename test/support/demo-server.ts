import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ServingProgram } from './serving-program.js'

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
  return { url: await demo.url(), output: () => demo.output, close: () => demo.close() }
}

/** Runs the built demo where it is not expected to start; gives its exit code and what it said. */
export async function runDemo(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const demo = run(env)
  const isServing = await demo.url().then(
    () => true,
    () => false,
  )
  if (!isServing) return { code: await demo.ended(), output: demo.output }
  await demo.close()
  throw new Error(`The demo started:\n${demo.output}`)
}

/** In a folder without an .env. */
function run(env: Record<string, string>): ServingProgram {
  return new ServingProgram(process.execPath, PROGRAM, tmpdir(), env)
}
