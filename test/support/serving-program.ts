import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { endWithTests } from './end-with-tests.js'

/** A program that serves, as a user runs it: a Node process that prints its address. */
export class ServingProgram {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  #output = ''

  /** Starts it on a free port, with these variables and no others. */
  constructor(node: string, file: string, cwd: string, env: Record<string, string>) {
    this.#child = spawn(node, [file], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    endWithTests(this.#child)
    this.#ended = once(this.#child, 'close')
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    }
  }

  /** What it has said so far. */
  get output(): string {
    return this.#output
  }

  /** Its address, without a slash at the end. Rejects with what it said when it ends instead. */
  async url(): Promise<string> {
    const url = await Promise.race([this.#greeted(), this.ended()])
    if (typeof url !== 'string') throw new Error(`The program ended with ${url}:\n${this.#output}`)
    return url
  }

  /** Its exit code when it has ended; `null` where a signal ended it. */
  async ended(): Promise<number | null> {
    await this.#ended
    return this.#child.exitCode
  }

  /** Asks it to end, by a signal, and gives the exit code. */
  async close(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode === null) this.#child.kill(signal)
    return this.ended()
  }

  async #greeted(): Promise<string> {
    for (;;) {
      const url = /http:\/\/localhost:\d+/.exec(this.#output)
      if (url) return url[0]
      // oxlint-disable-next-line no-await-in-loop -- each is the next piece of the same text
      await once(this.#child.stdout!, 'data')
    }
  }
}
