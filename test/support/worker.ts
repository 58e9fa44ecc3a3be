import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { endWithTests } from './end-with-tests.js'

interface Reply {
  id: number
  result?: unknown
  error?: { name: string; message: string; code?: string; stack: string }
}

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** A Node process of its own that runs a module; what the module exports can be called from here. */
export class Worker {
  readonly #child: ChildProcess
  readonly #pending = new Map<number, Pending>()
  #calls = 0
  #complaints = ''

  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints += text
      process.stderr.write(text)
    })
    child.on('message', (reply: Reply) => this.#settle(reply))
    child.once('exit', (code, signal) => {
      const error = new Error(`The worker ended (${signal ?? code}) before it answered`)
      for (const { reject } of this.#pending.values()) reject(error)
      this.#pending.clear()
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** What it wrote to stderr: warnings, and what it died of. */
  get complaints(): string {
    return this.#complaints
  }

  /** Calls an exported function of the worker's module; arguments and result travel by structured clone. */
  async call<T = unknown>(name: string, ...args: unknown[]): Promise<T> {
    const id = this.#calls++
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }))
    this.#child.send({ id, name, args }, (error) => {
      if (error) this.#pending.get(id)?.reject(error)
    })
    return (await answer) as T
  }

  /** Freezes the process. */
  stop(): void {
    this.#child.kill('SIGSTOP')
  }

  /** Lets a frozen process go on. */
  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** Asks nothing more of the process, and gives its exit code when it has ended by itself; `null` when it did not within this time. */
  async end(timeoutMs: number): Promise<number | null> {
    const closed = once(this.#child, 'close', { signal: AbortSignal.timeout(timeoutMs) })
    this.#child.send({})
    await closed.catch(() => this.close())
    return this.#child.exitCode
  }

  /** Ends the process by SIGKILL, as a crash would. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await ended
  }

  #settle({ id, result, error }: Reply): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (error) pending?.reject(Object.assign(new Error(error.message), error))
    else pending?.resolve(result)
  }
}

/** Starts a process that runs a module (an `.mjs` file, which may import `dist/index.js`), ready to be called; `node` may be that of another version. */
export async function startWorker(
  module: URL | string,
  env: Record<string, string> = {},
  node: string = process.execPath,
): Promise<Worker> {
  const main = fileURLToPath(new URL('worker-main.mjs', import.meta.url))
  const child = fork(main, [module instanceof URL ? fileURLToPath(module) : module], {
    env: { ...process.env, ...env },
    execPath: node,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    serialization: 'advanced',
  })
  endWithTests(child)
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The worker for ${String(module)} ended at once (${code})`)
  })
  await Promise.race([once(child, 'message'), ended])
  return new Worker(child)
}
